"""How well a corrector mends learners' turns: precision, recall, F0.5, GLEU, and what it spoils.

Speech has no capitals and no marks, so texts are compared as words in lower case. The source is what
a recogniser would have written of the turn; the baseline copies it. Turns of one dialogue are one
person's, so intervals and tests are over dialogues: a row's `speaker` is its dialogue, its `reference`
what the learner said and its `hypothesis` what the corrector made of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from speechtutor.core import GrammarKind
from speechtutor.corpora.eracond import Turn, comparable
from speechtutor.errors import InputError
from speechtutor.evaluation import sampling
from speechtutor.evaluation.feedback import quantiles
from speechtutor.evaluation.grammar_metrics import ORDER, Counts, Grams, count, gleu, grams, keys
from speechtutor.evaluation.grammar_typed import mend
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row, Summary, Table
from speechtutor.evaluation.sampling import OfSums, Speakers, Values
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.grammar.edits import edits_between
from speechtutor.grammar.edits import tokens as written
from speechtutor.grammar.fluency import fluent
from speechtutor.stages import GrammarCorrector

KEYS = ("precision", "recall", "f05", "gleu", "over_correction")
OVER = "dialogues"
EDITS = ("right", "wrong", "missed")


def turns_with_words(turns: Sequence[Turn], *, typed: bool = False) -> list[Turn]:
    """The turns that say anything.

    Raises:
        InputError: when there are none.
    """
    found = [turn for turn in turns if comparable(turn.typed if typed else turn.spoken)]
    if not found:
        raise InputError("there are no turns to correct")
    return found


def listener(corrector: GrammarCorrector, *, typed: bool = False) -> Callable[[Turn], Row]:
    """A function that corrects one turn: as spoken, or as typed and then mended.

    `typed` compares capitals, marks and spelling too.
    """
    words = written if typed else _heard

    def judge(turn: Turn) -> Row:
        source = turn.typed if typed else turn.spoken
        start = perf_counter()
        made = corrector.correct(mend(source) if typed else source)
        elapsed = perf_counter() - start
        before, after, wanted, text = _compared(source, made.text, turn.references, words)
        found = count(before, after, wanted)
        detail = {
            "corrected": text,
            "edits": [found.right, found.wrong, found.missed],
            "by_kind": by_kind([(before, after, wanted)]),
            "grams": _flat(grams(before, after, wanted)),
            "copied": _flat(grams(before, before, wanted)),
            "was_right": before == wanted,
            "changed": before != after,
            "refused": made.refused,
        }
        return _row(turn, source, made.text, detail, elapsed=elapsed)

    return judge


def _row(turn: Turn, source: str, text: str | None, detail: dict[str, Any], **extra: Any) -> Row:
    own = {"gleu": gleu([_grams(detail["grams"])]) if text is not None else None}
    return Row(
        turn.id, turn.dialogue, turn.split, "", source, text,
        metrics=own, detail=detail, **extra,
    )  # fmt: skip


def failing(*, typed: bool = False) -> Callable[[Turn, str], Row]:
    """What makes the row of a turn that could not be corrected."""

    def failed(turn: Turn, cause: str) -> Row:
        detail = {
            "corrected": turn.corrected, "edits": [0] * 3, "by_kind": {}, "grams": [0] * (2 + 2 * ORDER),
            "copied": [0] * (2 + 2 * ORDER), "was_right": False, "changed": False, "refused": "",
        }  # fmt: skip
        return _row(turn, turn.typed if typed else turn.spoken, None, detail, error=cause)

    return failed


def _compared(
    source: str, hypothesis: str, references: Sequence[str], words: Callable[[str], list[str]]
) -> tuple[list[str], list[str], list[str], str]:
    """Source, hypothesis and the reference of the annotator who agrees best (as in ERRANT), with its text."""
    before, after = words(source), words(hypothesis)

    def agreement(reference: str) -> tuple[float, int, int]:
        found = count(before, after, words(reference))
        return found.f_score(), -found.wrong, -found.missed

    best = max(references, key=agreement)
    return before, after, words(best), best


def _heard(text: str) -> list[str]:
    """The words that are compared: disfluencies, which annotators of typed text leave, are no edits."""
    return comparable(fluent(text))


def _flat(found: Grams) -> list[int]:
    """Lengths, then matches and totals of every order: the sums that GLEU is made of."""
    return [found.n_hypothesis, found.n_reference, *found.matched, *found.total]


def _grams(flat: Sequence[int]) -> Grams:
    return Grams(flat[0], flat[1], tuple(flat[2 : 2 + ORDER]), tuple(flat[2 + ORDER :]))


def by_kind(triples: Sequence[tuple[list[str], list[str], list[str]]]) -> dict[str, list[int]]:
    """Edits right, wrong and missed by their type."""
    table: dict[str, Counter[str]] = {kind.value: Counter() for kind in GrammarKind}
    for source, hypothesis, reference in triples:
        made, wanted = edits_between(source, hypothesis), edits_between(source, reference)
        known, done = keys(wanted), keys(made)
        for edit in made:
            hit = (edit.start, edit.end, edit.after) in known
            table[edit.kind.value]["right" if hit else "wrong"] += 1
        for edit in wanted:
            if (edit.start, edit.end, edit.after) not in done:
                table[edit.kind.value]["missed"] += 1
    return {kind: [c[name] for name in EDITS] for kind, c in table.items() if c}


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """Every figure of the turns that were corrected."""
    done = [row for row in rows if row.error is None]
    who = [row.speaker for row in done]
    if not done:
        return {}
    edits = np.array([row.detail["edits"] for row in done], np.float64)
    right, wrong, missed = edits.T
    n_made, n_wanted = int((right + wrong).sum()), int((right + missed).sum())
    was_right = [row.detail["was_right"] for row in done]
    spoiled = [row.detail["was_right"] and row.detail["changed"] for row in done]
    return {
        "precision": Labelled(
            "edits that are right (precision)", sampling.share(right, right + wrong), who, n_made,
            "edits made", "share", "higher",
        ),
        "recall": Labelled(
            "errors that were mended (recall)", sampling.share(right, right + missed), who, n_wanted,
            "edits wanted", "share", "higher",
        ),
        "f05": Labelled(
            "F0.5 of edits", OfSums(edits, f_scores), who, n_wanted, "edits wanted", "share", "higher"
        ),
        "gleu": _gleu("GLEU", [row.detail["grams"] for row in done], who),
        "over_correction": Labelled(
            "right turns that were changed", sampling.share(spoiled, was_right), who, sum(was_right),
            "right turns", "share", "lower",
        ),
    }  # fmt: skip


def _gleu(label: str, flat: Sequence[Sequence[int]], who: Sequence[str]) -> Labelled:
    return Labelled(
        label, OfSums(np.array(flat, np.float64), gleus), who, len(flat), "turns", "correlation", "higher"
    )


def f_scores(sums: Values, beta: float = 0.5) -> Values:
    """`metrics.Counts.f_score` of right, wrong and missed, shape (n_draws, 3)."""
    right, wrong, missed = sums.T
    weight = beta * beta
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(
            right > 0, (1 + weight) * right / ((1 + weight) * right + weight * missed + wrong), 0.0
        )


def gleus(sums: Values) -> Values:
    """`metrics.gleu` of the sums that `_flat` gives, shape (n_draws, 2 + 2 orders)."""
    n_hypothesis, n_reference = sums[:, 0], sums[:, 1]
    matched, total = sums[:, 2 : 2 + ORDER], sums[:, 2 + ORDER :]
    with np.errstate(divide="ignore", invalid="ignore"):
        # An order that no text is long enough for says nothing.
        logs = np.where(total > 0, np.log(matched / total), 0.0).sum(axis=1) / ORDER
        brief = np.minimum(0.0, 1 - n_reference / n_hypothesis)
        return np.where(n_hypothesis > 0, np.exp(brief + logs), np.nan)


def rest(rows: Sequence[Row], speakers: Speakers) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    done = [row for row in rows if row.error is None]
    kinds: dict[str, list[int]] = {}
    for row in done:
        for kind, counted in row.detail["by_kind"].items():
            kinds[kind] = [a + b for a, b in zip(kinds.get(kind, [0] * 3), counted, strict=True)]
    sums = np.array([row.detail["edits"] for row in done]).reshape(-1, 3).sum(axis=0)
    copied = _gleu("GLEU", [row.detail["copied"] for row in done], [row.speaker for row in done])
    return {
        "baselines": {"the source copied": {"gleu": copied.measured(speakers)[0]}} if done else {},
        "counts": {
            "utterances": len(rows), "speakers": len({row.speaker for row in rows}),
            "failed": len(rows) - len(done), "with_errors": sum(not row.detail["was_right"] for row in done),
            **{f"edits_{name}": int(n) for name, n in zip(EDITS, sums, strict=True)},
            "refused": sum(bool(row.detail["refused"]) for row in done),
        },
        "lists": {"failed": [row.id for row in rows if row.error is not None]},
        "tables": [
            Table("Edits by type", ("type", "#right", "#wrong", "#missed"),
                  [(kind, *kinds[kind]) for kind in (k.value for k in GrammarKind) if kind in kinds])
        ],
        "timing": quantiles("turn", [row.elapsed for row in done if row.elapsed is not None]),
        "notes": [
            "Edits are compared in the manner of ERRANT, with the annotator who agrees best.",
            "GLEU must be read beside that of the source copied, which changes nothing.",
        ],
    }  # fmt: skip


KIND = EvaluationKind("grammar", figures, KEYS, rest, "f05")


def evaluate(
    job: Job[Turn], corrector: GrammarCorrector, *, typed: bool = False
) -> tuple[Summary, list[Row]]:
    """Correct every turn of the job, or go on with a stopped run, and write the result.

    Raises:
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    judge = listener(corrector, typed=typed)
    return carry_out(job, KIND, judge, failing(typed=typed), progress=bar("correcting"))


def best_threshold(
    weighed: Sequence[tuple[Sequence[str], Sequence[tuple[tuple[int, int, str], float]], Sequence[str]]],
    precision: float = 0.5,
) -> float:
    """The gain from which edits are worth making: best F0.5 among those with enough precision.

    Each item is a source, its proposed edits (start, end, after) with what they gain in nats, and the
    reference, all as words. Without any that is precise enough, the one of best precision.
    """
    gains = sorted({gain for _, edits, _ in weighed for _, gain in edits})
    best, choice = (-1.0, -1.0), gains[-1] if gains else 0.0
    for threshold in gains:
        total = Counts(0, 0, 0)
        for source, edits, reference in weighed:
            wanted = keys(edits_between(source, reference))
            made = Counter(edit for edit, gain in edits if gain >= threshold)
            right = sum((made & wanted).values())
            total += Counts(right, sum(made.values()) - right, sum(wanted.values()) - right)
        value = (min(total.precision, precision), total.f_score())
        if value > best:
            best, choice = value, threshold
    return choice
