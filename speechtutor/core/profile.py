"""What a learner says of themselves, and what they allow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

OF_AGE = 16
"""Years from which a learner consents alone (General Data Protection Regulation, article 8)."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A learner in their own words, and their consent.

    `l1` is the first language (ISO 639-1), `level` a CEFR level by their own account, `goals` some of
    `practice.course.GOALS`, `interests` topics of the library, `minutes` those they have a day. `born` is a
    year; of a minor `guardian` says who consented, at `consent`. Recordings are kept only with
    `keep_audio`, for `keep_days`; `research` lets counts of this learner into the export for research.
    """

    learner: str
    l1: str | None = None
    level: str | None = None
    goals: tuple[str, ...] = ()
    interests: tuple[str, ...] = ()
    minutes: int = 15
    born: int | None = None
    guardian: str = ""
    consent: datetime | None = None
    keep_audio: bool = False
    keep_days: int = 30
    research: bool = False

    def is_minor(self, year: int) -> bool:
        """Whether the learner may be under `OF_AGE` in a year: who has his birthday still to come is."""
        return self.born is not None and year - self.born <= OF_AGE
