"""Is what the tutor tells true: its tips held against what raters heard.

The scorer judges a reading, the rules choose what to tell, and the raters' means say what was wrong: a
sound below `WRONG_OF_TWO` of 2 is wrong, one of `FINE_OF_TWO` and more fine. What is told is counted
without its words; what contradicts the chips that the learner sees is counted too, and must be nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from speechtutor import audio
from speechtutor.core import LearnerState, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import canonical
from speechtutor.errors import InputError
from speechtutor.evaluation import groups, sampling
from speechtutor.evaluation.job import Job, bar, carry_out
from speechtutor.evaluation.labelled import Labelled
from speechtutor.evaluation.result import Row, Summary, Table
from speechtutor.evaluation.sampling import Speakers
from speechtutor.evaluation.summary import EvaluationKind
from speechtutor.stages import Scorer
from speechtutor.tutor.contradictions import contradictions
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.findings import Finding
from speechtutor.tutor.rules import picked

WRONG_OF_TWO, FINE_OF_TWO = 1.0, 1.8
"""Mean ratings below which raters heard a sound as wrong, and from which as fine."""

KEYS = ("first_right", "named_fine", "contradictions")
_ROUNDING = 1e-6
PAUSES = ("break", "missing_break")


def row_of(utterance: Utterance, score: UtteranceScore | None, error: str | None = None) -> Row:
    """One reading: what was told of it, and how the raters rated the sounds that were named."""
    raters = _raters(utterance, score)
    detail: dict[str, Any] = {
        "first": "none",
        "first_rating": None,
        "named": [],
        "wrong": sum(_wrong(p.score) for word in raters if word for p in word.phones),
        "contradictions": [],
    }
    cells = groups.of_utterance(utterance, len(utterance.text.split()))
    if score is not None:
        evidence = gather(score, LearnerState())
        told = picked(evidence)
        named = [_rating(finding, score, raters) for finding in told]
        detail |= {
            "first": told[0].kind.value if told else "none",
            "first_rating": named[0] if named else None,
            "named": [rating for rating in named if rating is not None],
            "contradictions": list(contradictions(score, evidence)),
        }
    own = {"first_right": _first_right(detail)}
    return Row(
        utterance.id, utterance.speaker, utterance.split, utterance.audio, utterance.text,
        error=error, groups=cells, metrics=own, detail=detail,
    )  # fmt: skip


def _raters(utterance: Utterance, score: UtteranceScore | None) -> list[WordScore | None]:
    """The raters' word for each word of the score that is of the text; all of theirs without a score."""
    rated = utterance.scores.words if utterance.scores else ()
    if score is None:
        return list(rated)
    left = iter(rated)
    return [next(left, None) if word.char_start is not None else None for word in score.words]


def _wrong(rating: float | None) -> bool:
    return rating is not None and 2 * rating < WRONG_OF_TWO - _ROUNDING


def _rating(finding: Finding, score: UtteranceScore, raters: Sequence[WordScore | None]) -> float | None:
    """The raters' mean of a sound that was named, in [0, 1]; of equal sounds of a word the lowest."""
    word = raters[finding.index] if finding.index < len(raters) else None
    said = [phone.canonical for phone in score.words[finding.index].phones]
    if finding.phone is None or word is None or said != [phone.canonical for phone in word.phones]:
        return None
    rated = [p.score for p in word.phones if p.canonical == finding.phone and p.score is not None]
    return min(rated, default=None)


def _first_right(detail: Mapping[str, Any]) -> float | None:
    """1 where the first tip names a wrong sound; None where there is no wrong sound, or no tip."""
    if not detail["wrong"] or detail["first"] == "none":
        return None
    return float(_wrong(detail["first_rating"]))


def figures(rows: Sequence[Row]) -> dict[str, Labelled]:
    """The shares, each over the readings or sounds that it is about."""
    judged = [row for row in rows if row.error is None]
    wrong = [row for row in judged if row.detail["wrong"]]
    values: dict[str, list[tuple[float, str]]] = {
        "first_right": [(v, r.speaker) for r in judged if (v := _first_right(r.detail)) is not None],
        "first_right_of_all": [(_first_right(r.detail) or 0.0, r.speaker) for r in wrong],
        "named_fine": [
            (float(2 * rating >= FINE_OF_TWO - _ROUNDING), r.speaker)
            for r in judged
            for rating in r.detail["named"]
        ],
        "pause_first": [(float(r.detail["first"] in PAUSES), r.speaker) for r in wrong],
        "contradictions": [(float(len(r.detail["contradictions"])), r.speaker) for r in judged],
    }
    said = {
        "first_right": ("first tips that name a wrong sound, where there is one and a tip", "tips", "higher"),
        "first_right_of_all": ("readings with a wrong sound whose first tip names one", "readings", "higher"),
        "named_fine": ("named sounds that raters found fine", "sounds", "lower"),
        "pause_first": ("readings with a wrong sound that are told of a pause first", "readings", "lower"),
        "contradictions": ("contradictions of what is said and shown, a reading", "readings", "lower"),
    }
    found = {}
    for key, pairs in values.items():
        if pairs:
            label, of, better = said[key]
            figure, who = sampling.mean([v for v, _ in pairs]), [name for _, name in pairs]
            found[key] = Labelled(label, figure, who, len(pairs), of, "share", better)
    return found


def rest(rows: Sequence[Row], speakers: Speakers) -> dict[str, Any]:
    """What a summary of this kind has beside metrics and groups."""
    judged = [row for row in rows if row.error is None]
    every = Counter(row.detail["first"] for row in judged)
    wrong = Counter(row.detail["first"] for row in judged if row.detail["wrong"])
    return {
        "counts": {
            "utterances": len(rows),
            "speakers": len({row.speaker for row in rows}),
            "failed": len(rows) - len(judged),
            "with_a_wrong_sound": wrong.total(),
        },
        "lists": {
            "failed": [row.id for row in rows if row.error is not None],
            "contradicted": [row.id for row in judged if row.detail["contradictions"]],
        },
        "tables": [
            Table(
                "What is told first",
                ("kind of finding", "#readings", "#with a wrong sound"),
                [(kind, n, wrong[kind]) for kind, n in every.most_common()],
            )
        ],
        "notes": [f"A sound is wrong below {WRONG_OF_TWO:g} of 2 and fine from {FINE_OF_TWO:g} of 2 on."],
    }


KIND = EvaluationKind("tips", figures, KEYS, rest, "first_right")


def listener(scorer: Scorer, root: Path) -> Callable[[Utterance], Row]:
    """A function that judges one reading and says what would be told of it."""

    def judge(utterance: Utterance) -> Row:
        recording = audio.load(root / utterance.audio)
        return row_of(utterance, scorer.score(recording, utterance.text, words=canonical.of(utterance)))

    return judge


def failed(utterance: Utterance, cause: str) -> Row:
    """The row of a reading that could not be judged."""
    return row_of(utterance, None, cause)


def evaluate(job: Job[Utterance], scorer: Scorer) -> tuple[Summary, list[Row]]:
    """Hold the tips on every row of the job against its raters, or go on with a stopped run.

    Raises:
        InputError: when no row has raters' scores.
        SpeechTutorError: for a folder, a comparison or a disk that cannot be used.
    """
    if job.root is None or not any(row.scores is not None for row in job.rows):
        raise InputError(f"{job.manifest}: no row has human scores to compare with")
    return carry_out(job, KIND, listener(scorer, job.root), failed, progress=bar("tips"))
