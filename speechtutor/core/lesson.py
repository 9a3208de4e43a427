"""What the tutor says, what is practised, and what is known of a learner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from speechtutor.core.score import UtteranceScore


@dataclass(frozen=True, slots=True)
class Tip:
    """One thing to work on; it may only name what is in the score it was made from."""

    word: str
    phone: str
    heard: str | None
    advice: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Some words of a feedback's summary and the id of what bears them out.

    `evidence` is the id of a finding or a strength (`speechtutor.tutor.evidence`), the code of a caution,
    or "f0": that there was no finding.
    """

    text: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Feedback:
    """What the tutor says; `source` is "rules" or the name of the model that phrased it.

    `claims` are the summary's sentences with what they rest on; `lang` is the language it is said in.
    `warnings` say, for people, where another than the tutor that was asked had to speak; they are no part
    of what is said, so two feedbacks that say the same are equal.
    """

    summary: str
    tips: tuple[Tip, ...]
    follow_up: str
    source: str = "rules"
    claims: tuple[Claim, ...] = ()
    lang: str = "en"
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Exercise:
    """A sentence to say and the phones it practises."""

    text: str
    focus: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a learner; append-only. `at` is timezone-aware UTC."""

    learner: str
    exercise: Exercise
    score: UtteranceScore
    at: datetime

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an attempt's time must be timezone-aware")


@dataclass(frozen=True, slots=True)
class Mastery:
    """How well a phone is known: `mean` in [0, 1] from `n_attempts` observations."""

    mean: float
    n_attempts: int


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What is known of a learner, always rebuildable from the attempts.

    `l1` is the first language; `explain` the language to explain in, where it is to differ from that.
    """

    learner: str = "anonymous"
    phones: Mapping[str, Mastery] = field(default_factory=dict)
    n_attempts: int = 0
    l1: str | None = None
    explain: str | None = None
