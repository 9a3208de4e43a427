"""Precision, recall, F0.5 and GLEU by hand; the reports on them."""

from __future__ import annotations

from math import exp, isnan, log
from pathlib import Path

import numpy as np
import pytest

from speechtutor.core import Correction
from speechtutor.corpora.eracond import Turn
from speechtutor.errors import InputError
from speechtutor.evaluation import feedback, grammar
from speechtutor.evaluation.grammar_metrics import Counts, count, gleu, grams
from speechtutor.evaluation.result import Summary
from speechtutor.evaluation.summary import summarise
from speechtutor.evaluation.table import markdown
from speechtutor.files.disk import write_text
from speechtutor.tutor.rubric import reading_grade
from tests.support.judged import SINK


def test_counts_by_hand() -> None:
    source, reference = "he go to school by a bus".split(), "he goes to school by bus".split()
    assert count(source, source, reference) == Counts(0, 0, 2)
    assert count(source, reference, reference) == Counts(2, 0, 0)
    # "goes" is right, "in" for "by" is wrong, the article is missed.
    half = count(source, "he goes to school in a bus".split(), reference)
    assert half == Counts(1, 1, 1)
    assert (half.precision, half.recall) == (0.5, 0.5)
    # F0.5 = 1.25 * 1 / (1.25 * 1 + 0.25 * 1 + 1) = 0.5
    assert half.f_score() == pytest.approx(0.5)
    # Precision counts more: P 1, R 1/3 is better than P 1/3, R 1.
    assert Counts(1, 0, 2).f_score() == pytest.approx(1.25 / 1.75)
    assert Counts(1, 0, 2).f_score() > Counts(1, 2, 0).f_score()
    assert isnan(Counts(0, 0, 3).precision) and Counts(0, 0, 3).f_score() == 0.0


def test_gleu_by_hand() -> None:
    source, reference = "a b c d e".split(), "a b x d e".split()
    assert gleu([grams(source, reference, reference)]) == 1.0
    # Copied: of 5 words 4 match and 1 (c) is stale: 3/5. Of 4 pairs (ab, bc, cd, de) 2 match, 2 are
    # stale: 0, so the whole is 0.
    assert gleu([grams(source, source, reference)]) == 0.0
    # Longer, one word wrong of nine at the end: 1-grams (8-1)/9, 2: (7-1)/8, 3: (6-1)/7, 4: (5-1)/6.
    long = "one two three four five six seven eight nine".split()
    better = [*long[:-1], "ten"]
    expected = exp(sum(log(x) for x in (7 / 9, 6 / 8, 5 / 7, 4 / 6)) / 4)
    assert gleu([grams(long, long, better)]) == pytest.approx(expected)
    # A hypothesis that is too short pays the brevity penalty: all of its n-grams are right.
    short = better[:8]
    assert gleu([grams(better, short, better)]) == pytest.approx(exp(1 - 9 / 8))
    assert isnan(gleu([]))


class Fixed:
    """Corrects by a table."""

    def __init__(self, table: dict[str, str]) -> None:
        self.table = table

    def correct(self, text: str) -> Correction:
        return Correction(text, text, self.table.get(text, text))


TURNS = [
    Turn("1", "d1", "he go", "He go home.", "He goes home.", "dev"),
    Turn("2", "d1", "fine", "It is fine.", "It is fine.", "dev"),
    Turn("3", "d2", "movie", "I like the movie.", "I like a movie.", "dev", ("I like movies.",)),
]


def corrected(corrector: Fixed, turns: list[Turn]) -> Summary:
    judge = grammar.listener(corrector)
    rows = [judge(turn) for turn in turns]
    return summarise(grammar.KIND, "fixed", rows, {}, draws=20, over=grammar.OVER)


def test_figures_of_grammar() -> None:
    table = {
        "He go home.": "He goes home.",
        "It is fine.": "It was fine.",
        "I like the movie.": "I like movies.",
    }
    found = corrected(Fixed(table), TURNS)
    # The third turn follows the second annotator; the second was right and is spoiled.
    counts = found.counts
    assert [counts[f"edits_{name}"] for name in ("right", "wrong", "missed")] == [2, 1, 0]
    value = {name: metric.value for name, metric in found.metrics.items()}
    assert value["precision"] == pytest.approx(2 / 3) and value["recall"] == 1.0
    assert value["over_correction"] == 1.0 and counts["with_errors"] == 2
    (kinds,) = found.tables
    assert ("agreement", 1, 0, 0) in kinds.rows and ("tense", 0, 1, 0) in kinds.rows
    # Two dialogues say nothing of others.
    assert found.metrics["f05"].low is None
    assert found.metrics["f05"].why == "too few dialogues: 2 of at least 5"
    text = markdown(found, grammar.KEYS)
    assert "3 utterances of 2 dialogues" in text and "| agreement | 1 | 0 | 0 |" in text


def test_figures_over_sums_are_those_of_the_slow_way() -> None:
    table = {"He go home.": "He goes home.", "I like the movie.": "I like the movies."}
    judge = grammar.listener(Fixed(table))
    rows = [judge(turn) for turn in TURNS]
    found = corrected(Fixed(table), TURNS).metrics
    total = sum((Counts(*row.detail["edits"]) for row in rows), Counts(0, 0, 0))
    assert found["f05"].value == pytest.approx(total.f_score())
    kept = [grammar._grams(row.detail["grams"]) for row in rows]
    assert found["gleu"].value == pytest.approx(gleu(kept))
    # Texts too short for an order, an order without a match, and no text.
    for some in ([rows[0]], [rows[1]], rows[:2]):
        flat = np.array([row.detail["grams"] for row in some], float).sum(axis=0, keepdims=True)
        assert grammar.gleus(flat)[0] == pytest.approx(
            gleu([grammar._grams(r.detail["grams"]) for r in some])
        )
    assert np.isnan(grammar.gleus(np.zeros((1, 10)))[0]) and grammar.f_scores(np.zeros((1, 3)))[0] == 0.0


def test_who_copies_spoils_nothing() -> None:
    found = corrected(Fixed({}), TURNS)
    assert found.metrics["gleu"].value == found.baselines["the source copied"]["gleu"].value
    assert found.metrics["over_correction"].value == 0.0
    with pytest.raises(InputError, match="no turns"):
        grammar.turns_with_words([Turn("1", "d", "...", "...", "...", "dev")])


def test_case_marks_and_disfluencies_are_no_edits() -> None:
    turn = Turn("1", "d", "x", "Um, he go go home", "he go go home!", "dev")
    found = corrected(Fixed({"Um, he go go home": "He go home."}), [turn])
    assert [found.counts[f"edits_{name}"] for name in ("right", "wrong", "missed")] == [0, 0, 0]


def test_the_threshold_prefers_precision() -> None:
    source, reference = "he go to school by a bus".split(), "he goes to school by bus".split()
    edits = [((1, 2, "goes"), 3.0), ((4, 5, "in"), 1.0), ((5, 6, ""), 2.0), ((0, 1, "she"), 0.5)]
    assert grammar.best_threshold([(source, edits, reference)]) == 2.0
    # Nothing right: the highest, which makes the fewest.
    assert grammar.best_threshold([(source, edits[1::2], reference)]) in (0.5, 1.0)
    assert grammar.best_threshold([]) == 0.0


def test_reading_grade_by_hand() -> None:
    # 6 words in 1 sentence, 6 syllables: 0.39 * 6 + 11.8 * 1 - 15.59 = -1.45
    assert reading_grade("The cat sat on the mat.") == pytest.approx(-1.45)
    assert reading_grade("") == 0.0


def test_scores_come_from_what_batch_wrote_too(tmp_path: Path) -> None:
    from speechtutor.schema import dumps, score_json

    path = tmp_path / "scores.jsonl"
    odd = "\u2028"  # no end of a line in JSON
    rows = [dumps({**score_json(SINK), "id": f"u{i}", "note": odd}, indent=None) for i in range(5)]
    write_text(path, "\n".join([*rows, '{"id": "bad", "error": "no audio"}']) + "\n")
    found = feedback.scores(path, limit=2)
    assert [item.id for item in found] == ["u0", "u2"] and feedback.over(found) == "utterances"
    assert len(feedback.scores(path)) == 5
    with pytest.raises(InputError, match="No such file"):
        feedback.scores(tmp_path / "none.jsonl")
