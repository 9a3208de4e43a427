"""What the tutor says, what is practised, and what is known of a learner."""

from __future__ import annotations

import hashlib
import json
import uuid
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


READ = "read"
READ_KINDS = frozenset({READ, "sound", "pair", "repeat", "shadow", "listen", "twister"})
"""Kinds whose text is read as it stands; the others are answered in the learner's own words."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """Something to say: a sentence of a learner's own, or one that was chosen, with what to do.

    `text` is what to say, or a model answer where the learner's own words are wanted, and `focus` the
    phones it practises; `kind` is one of `READ_KINDS` or of `practice.exercises.KINDS`, `level` a CEFR
    level or "", `prompt` what to do, in a language of explanation. `answers` are all model answers; of
    each of `points` an answer holds one of its words; `given` is the English that the learner sees and
    is to say otherwise, to answer, or to choose from; `picture` names a drawing of `content/pictures`.
    """

    text: str
    focus: tuple[str, ...] = ()
    kind: str = READ
    level: str = ""
    prompt: str = ""
    answers: tuple[str, ...] = ()
    points: tuple[tuple[str, ...], ...] = ()
    given: str = ""
    picture: str = ""

    @property
    def id(self) -> str:
        """The same for the same exercise: made of what is to be said, whatever the language of its prompt."""
        parts = (self.kind, self.level, self.text, self.answers, self.points, self.given)
        text = json.dumps(parts, ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    @property
    def is_read(self) -> bool:
        """Whether the text is to be read, and so scored, as it stands."""
        return self.kind in READ_KINDS


@dataclass(frozen=True, slots=True)
class Outcome:
    """How much of what was asked for was said, in [0, 1]; the nearest model answer; what was missing.

    `note` says why there was nothing to compare (`practice.answers.Note`), or is ""; nothing is then
    called missing.
    """

    share: float
    nearest: str
    missing: tuple[str, ...] = ()
    note: str = ""


def new_id() -> str:
    """An id that no other attempt has, wherever it is made."""
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a learner; append-only. `at` is timezone-aware UTC.

    `id` is made where the attempt happened, so that it can be sent twice and is kept once. `outcome` is
    that of an answer in the learner's own words; how it was said is in the score.
    """

    learner: str
    exercise: Exercise
    score: UtteranceScore
    at: datetime
    outcome: Outcome | None = None
    id: str = field(default_factory=new_id)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("an attempt's time must be timezone-aware")


@dataclass(frozen=True, slots=True)
class Mastery:
    """How well a phone is known: `mean` in [0, 1] from `n_attempts` observations."""

    mean: float
    n_attempts: int


@dataclass(frozen=True, slots=True)
class Skill:
    """What is known of one skill, after `n` observations' worth of evidence.

    `value` is how far it is above what was expected of this learner, in log-odds, with `variance`. `last`
    and `due` are UTC; `stability` (days) and `difficulty` (1-10) are those of FSRS. None is never practised.
    `failed` is whether it came out wrong, more likely than not, when it was last heard.
    """

    value: float = 0.0
    variance: float = 0.3
    n: float = 0.0
    last: datetime | None = None
    due: datetime | None = None
    stability: float | None = None
    difficulty: float | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class LearnerState:
    """What is known of a learner, always rebuildable from the attempts.

    `l1` is the first language; `explain` the language to explain in, where it is to differ from that.
    `skills` are those of `learner.skills` by their names, `ability` what they have in common (its `value`
    is in log-odds above the mean of all learners); `latest` is the place of the last attempt in the order.
    """

    learner: str = "anonymous"
    phones: Mapping[str, Mastery] = field(default_factory=dict)
    n_attempts: int = 0
    l1: str | None = None
    explain: str | None = None
    skills: Mapping[str, Skill] = field(default_factory=dict)
    ability: Skill = Skill(variance=1.5)
    latest: str = ""
