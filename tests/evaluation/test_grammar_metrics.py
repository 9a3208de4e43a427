"""Precision, recall, F0.5 and GLEU by hand; the reports on them."""

from __future__ import annotations

from math import exp, isnan, log
from pathlib import Path

import pytest

from speechtutor.core import Correction, UtteranceScore
from speechtutor.corpora.eracond import Turn
from speechtutor.disk import write_text
from speechtutor.errors import InputError
from speechtutor.evaluation import feedback, grammar
from speechtutor.evaluation.grammar_metrics import Counts, count, gleu, grams
from speechtutor.tutor.phrasing import LlmTutor
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


def test_report_of_grammar(tmp_path: Path) -> None:
    table = {
        "He go home.": "He goes home.",
        "It is fine.": "It was fine.",
        "I like the movie.": "I like movies.",
    }
    items = grammar.listen(Fixed(table), TURNS)
    found = grammar.report(items, "fixed", draws=20)
    # The third turn follows the second annotator; the second was right and is spoiled.
    assert (found.right, found.wrong, found.missed) == (2, 1, 0)
    assert found.over_correction == 1.0 and found.n_wrong == 2 and found.n_dialogues == 2
    assert found.kinds["agreement"] == (1, 0, 0) and found.kinds["tense"] == (0, 1, 0)
    grammar.write(tmp_path, found, items)
    assert "| precision | 0.667" in (tmp_path / "grammar.md").read_text(encoding="utf-8")
    copied = grammar.report(grammar.listen(Fixed({}), TURNS), "copy", draws=5)
    assert copied.gleu.value == copied.gleu_copy and copied.over_correction == 0.0
    with pytest.raises(InputError, match="no turns"):
        grammar.report([], "none")


def test_case_marks_and_disfluencies_are_no_edits() -> None:
    turn = Turn("1", "d", "x", "Um, he go go home", "he go go home!", "dev")
    found = grammar.report(grammar.listen(Fixed({"Um, he go go home": "He go home."}), [turn]), "x", draws=5)
    assert (found.right, found.wrong, found.missed) == (0, 0, 0)


def test_the_threshold_prefers_precision() -> None:
    source, reference = "he go to school by a bus".split(), "he goes to school by bus".split()
    edits = [((1, 2, "goes"), 3.0), ((4, 5, "in"), 1.0), ((5, 6, ""), 2.0), ((0, 1, "she"), 0.5)]
    assert grammar.best_threshold([(source, edits, reference)]) == 2.0
    # Nothing right: the highest, which makes the fewest.
    assert grammar.best_threshold([(source, edits[1::2], reference)]) in (0.5, 1.0)
    assert grammar.best_threshold([]) == 0.0


class Parrot:
    """Always writes the same."""

    name = "parrot"

    def __init__(self, text: str) -> None:
        self.text = text

    def generate(self, messages, *, max_tokens):  # type: ignore[no-untyped-def]
        yield from (self.text[:5], self.text[5:])


def test_report_of_feedback(tmp_path: Path) -> None:
    good = (
        'Great work on "weather"! In "think", the "th" sounded a little closer to "s". '
        'Can you say "think" again?'
    )
    items: list[tuple[str, UtteranceScore]] = [("b", SINK), ("a", SINK)]
    worded, n_rules = feedback.listen(LlmTutor(Parrot(good)), items)
    found = feedback.report(worded, n_rules, "parrot")
    assert (found.n, n_rules, found.passed, found.names_word, found.names_sound) == (2, 0, 1.0, 1.0, 1.0)
    assert found.first_p50 <= found.total_p50
    bad, _ = feedback.listen(LlmTutor(Parrot("Your accent is terrible.")), items[:1])
    refused = feedback.report(bad, 0, "parrot")
    assert refused.passed == 0.0 and refused.violations["unkind"] >= 1
    feedback.write(tmp_path, found, worded)
    text = (tmp_path / "feedback.md").read_text(encoding="utf-8")
    assert text.index("`a`") < text.index("`b`") and good in text


def test_reading_grade_by_hand() -> None:
    # 6 words in 1 sentence, 6 syllables: 0.39 * 6 + 11.8 * 1 - 15.59 = -1.45
    assert feedback.reading_grade("The cat sat on the mat.") == pytest.approx(-1.45)
    assert feedback.reading_grade("") == 0.0


def test_scores_come_from_what_batch_wrote_too(tmp_path: Path) -> None:
    from speechtutor.schema import dumps, score_json

    path = tmp_path / "scores.jsonl"
    rows = [dumps({**score_json(SINK), "id": f"u{i}"}, indent=None) for i in range(5)]
    write_text(path, "\n".join([*rows, '{"id": "bad", "error": "no audio"}']) + "\n")
    assert [id for id, _ in feedback.scores(path, limit=2)] == ["u0", "u2"]
    assert len(feedback.scores(path)) == 5
    with pytest.raises(InputError, match="No such file"):
        feedback.scores(tmp_path / "none.jsonl")
