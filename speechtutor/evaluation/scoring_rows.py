"""What a scorer said of one utterance beside what people said of it: a row of a scoring evaluation."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from speechtutor import audio, metrics
from speechtutor.core import (
    Alignment,
    Edit,
    Emission,
    PhoneScore,
    Ratings,
    Recording,
    Seconds,
    Utterance,
    UtteranceScore,
    WordScore,
)
from speechtutor.core.score import ASPECTS as EVERY_ASPECT
from speechtutor.corpora import canonical
from speechtutor.errors import InputError
from speechtutor.evaluation import groups
from speechtutor.evaluation.result import Row
from speechtutor.scoring import ctc
from speechtutor.scoring.observe import most_heard
from speechtutor.stages import AcousticModel, Listening, Rater, Scorer

ASPECTS = EVERY_ASPECT[:-1]
"""Those that raters differ in: completeness is nearly constant."""
WORD_ASPECTS = {"accuracy": "score", "stress": "stress", "total": "total"}


@dataclass
class Remembering:
    """An acoustic model that keeps what it heard last, so that nothing is heard twice."""

    acoustic: AcousticModel
    last: Emission | None = field(default=None)

    @property
    def longest(self) -> Seconds:
        """How much the model itself can hear at once."""
        return most_heard(self.acoustic)

    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of phones per frame."""
        self.last = self.acoustic.emit(recording)
        return self.last

    def heard(self) -> list[str] | None:
        """The phones of the free decoding, None when nothing was heard since the last question."""
        emission, self.last = self.last, None
        return None if emission is None else ctc.greedy(emission)


@dataclass
class RememberingRater(Remembering):
    """The same around an acoustic model that also guesses what raters would say."""

    def rate(self, emission: Emission, alignment: Alignment) -> Ratings | None:
        """The first guesses of the model itself."""
        assert isinstance(self.acoustic, Rater)
        return self.acoustic.rate(emission, alignment)


def remembering(acoustic: AcousticModel) -> Remembering:
    """The wrapper that can do what the model can."""
    return RememberingRater(acoustic) if isinstance(acoustic, Rater) else Remembering(acoustic)


def points(score: float | None) -> float | None:
    """A score as 0-100 without the rounding that is for people: figures are made of it."""
    return None if score is None else round(100 * float(score), 6)


def _perceived(phone: PhoneScore) -> str | None:
    """What annotators heard; None where nobody wrote it down."""
    if phone.error_probability is None:
        return None
    return phone.canonical if phone.edit is Edit.MATCH else phone.heard or ""


def _phone(expected: str, rated: PhoneScore | None, found: PhoneScore | None) -> dict[str, Any]:
    return {
        "expected": expected,
        "start": found and found.start,
        "end": found and found.end,
        "score": points(found.score) if found else None,
        "rated": points(rated.score) if rated else None,
        "gop": found and found.gop,
        "error_probability": found and found.error_probability,
        "said_probability": found and found.said_probability,
        "heard": found and found.heard,
        "perceived": _perceived(rated) if rated else None,
    }


def _word(human: WordScore | None, machine: WordScore | None) -> dict[str, Any]:
    """One word; phones are compared only where both sides have the same ones."""
    shown = machine or human
    assert shown is not None
    left, right = (word.phones if word else () for word in (human, machine))
    same = [p.canonical for p in left] == [p.canonical for p in right]
    expected = [p.canonical for p in (left or right)]
    rated: Sequence[PhoneScore | None] = left or [None] * len(right)
    found: Sequence[PhoneScore | None] = right if same or not left else [None] * len(left)
    return {
        "text": shown.text,
        "start": shown.start,
        "end": shown.end,
        "error_type": machine.error_type.value if machine else None,
        "model": {
            name: points(getattr(machine, key)) if machine else None for name, key in WORD_ASPECTS.items()
        },
        "raters": {name: points(getattr(human, key)) for name, key in WORD_ASPECTS.items()}
        if human
        else None,
        "matched": bool(same or not left),
        "phones": [_phone(*three) for three in zip(expected, rated, found, strict=True)],
    }


def detail(utterance: Utterance, score: UtteranceScore | None, heard: Sequence[str] | None) -> dict[str, Any]:
    """Model and raters side by side; `score` is None for a file that failed or was not judged."""
    human = utterance.scores
    said = [w for w in score.words if w.char_start is not None] if score else []
    rated = list(human.words) if human else []
    if said and rated and len(said) != len(rated):
        raise InputError(
            f"{utterance.id}: {len(rated)} words with human scores, but {len(said)} words of text"
        )
    blank: list[WordScore | None] = [None] * max(len(said), len(rated))
    pairs = zip(rated or blank, said or blank, strict=True)
    expected = [p.canonical for word in rated for p in word.phones] or [
        p.canonical for word in said for p in word.phones
    ]
    found: dict[str, Any] = {
        "model": {a: points(getattr(score, a)) if score else None for a in ASPECTS},
        "raters": {a: points(getattr(human, a)) for a in ASPECTS} if human else None,
        "warnings": [caution.code.value for caution in score.cautions] if score else [],
        "declined": score is not None and score.overall is None,
        "heard": None if heard is None else list(heard),
        "words": [_word(*pair) for pair in pairs],
    }
    if score is not None and len(score.sentences) > 1:
        found["sentences"] = [
            {"text": score.text_of(one)} | {name: points(getattr(one, name)) for name in ASPECTS}
            for one in score.sentences
        ]
    found["decoded"] = None if score is None else _edits(expected, list(heard or []))
    annotated = [p["perceived"] for word in found["words"] for p in word["phones"]]
    known = annotated and None not in annotated and score is not None
    found["decoded_perceived"] = _edits([p for p in annotated if p], list(heard or [])) if known else None
    return found


def _edits(reference: Sequence[str], hypothesis: Sequence[str]) -> list[int]:
    (found,) = metrics.edits([" ".join(reference)], [" ".join(hypothesis)])
    return [found.hits, found.substitutions, found.deletions, found.insertions]


def own_metrics(found: Mapping[str, Any]) -> dict[str, float | None]:
    """What can be said of one utterance alone, under the names that the summary has too."""
    pairs = [
        (p["rated"], p["score"])
        for word in found["words"]
        for p in word["phones"]
        if p["rated"] is not None and p["score"] is not None
    ]
    # The corpus's scale of 0-2: a fiftieth of 0-100.
    phone = sum(((a - b) / 50) ** 2 for a, b in pairs) / len(pairs) if pairs else None
    rated, said = (found["raters"] or {}).get("overall"), found["model"]["overall"]
    total = None if rated is None or said is None else ((rated - said) / 50) ** 2
    per = None
    if found["heard"] is not None and found["decoded"]:
        hits, *errors = found["decoded"]
        per = sum(errors) / max(hits + errors[0] + errors[1], 1)
    return {"phone_mse": phone, "utterance_total_mse": total, "per": per}


def row_of(
    utterance: Utterance,
    score: UtteranceScore | None,
    heard: Sequence[str] | None = None,
    *,
    elapsed: float | None = None,
    error: str | None = None,
) -> Row:
    """One utterance with both judgements; `score` is None where the file failed, and `error` says why."""
    found = detail(utterance, score, heard)
    cells = groups.of_utterance(utterance, len(utterance.text.split()))
    cells |= groups.of_snr(score.snr_db if score else None)
    return Row(
        utterance.id, utterance.speaker, utterance.split, utterance.audio, utterance.text, None,
        score.duration if score else None, elapsed, error, cells, own_metrics(found), found,
    )  # fmt: skip


def paired(first: Row, second: Row) -> tuple[Row, Row]:
    """Two judgements of one utterance with the values that both gave, and None for what only one gave.

    Another accepted pronunciation may have been heard by one of them, whose phones are then not compared.
    """
    sides = [copy.deepcopy(dict(row.detail)) for row in (first, second)]
    _both([side["model"] for side in sides])
    for words in zip(*(side["words"] for side in sides), strict=False):
        _both([word["model"] for word in words])
        for phones in zip(*(word["phones"] for word in words), strict=False):
            _both(phones)
    return replace(first, detail=sides[0]), replace(second, detail=sides[1])


GIVEN = (*ASPECTS, *WORD_ASPECTS, "score", "gop", "error_probability")
"""What a scorer gives as a number."""


def _both(sides: Sequence[dict[str, Any]]) -> None:
    for key in GIVEN:
        if any(side.get(key) is None for side in sides):
            for side in sides:
                if key in side:
                    side[key] = None


def listener(scorer: Scorer, root: Path) -> Callable[[Utterance], Row]:
    """A function that judges one utterance; it raises what cannot be judged (see `journal.guarded`).

    Where the scorer has an acoustic model, what it freely hears is kept too.
    """
    ear: Remembering | None = None
    if isinstance(scorer, Listening):
        ear = remembering(scorer.acoustic)
        scorer = scorer.hearing_with(ear)

    def judge(utterance: Utterance) -> Row:
        if ear:
            ear.last = None  # what an utterance before this one left, when it failed half-way
        recording = audio.load(root / utterance.audio)
        words = canonical.of(utterance)
        began = perf_counter()
        score = scorer.score(recording, utterance.text, words=words)
        elapsed = perf_counter() - began
        return row_of(utterance, score, ear.heard() if ear else None, elapsed=elapsed)

    return judge


def failed(utterance: Utterance, cause: str) -> Row:
    """The row of an utterance that could not be judged."""
    return row_of(utterance, None, error=cause)
