"""Profiles: what learners say of themselves and allow, kept beside their attempts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from speechtutor.content.tables import read
from speechtutor.core.profile import OF_AGE, Profile
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from speechtutor.learner.database import Database
from speechtutor.learner.priors import MANDARIN
from speechtutor.learner.rows import is_text, name_of
from speechtutor.learner.tables import PROFILES, RECORDINGS, STATES

LONGEST_KEPT = 365
"""Days that a recording may be kept."""

OLDEST = 120
MOST_MINUTES = 240


def first_languages() -> tuple[str, ...]:
    """The first languages that something is known of: others start from the mean of all sounds."""
    return tuple(sorted([MANDARIN, *(code for code in read("skills")["l1"] if code != "step")]))


class Profiles:
    """The profiles of a database."""

    def __init__(self, database: Database) -> None:
        """Bind a database."""
        self._database = database

    def get(self, learner: str) -> Profile:
        """What is known; of a learner who said nothing an empty profile.

        Raises:
            StorageError: when the store or the profile cannot be read.
        """
        with self._database.errors("read"), self._database.reading() as connection:
            return profile_of(connection, learner, self._database.where)

    def every(self) -> Iterator[Profile]:
        """Everyone's, in alphabetical order."""
        with self._database.errors("read"), self._database.reading() as connection:
            for name in connection.execute(
                sa.select(PROFILES.c.learner).order_by(PROFILES.c.learner)
            ).scalars():
                yield profile_of(connection, name, self._database.where)

    def put(self, profile: Profile, now: datetime) -> None:
        """Keep a profile. What was expected of the learner follows from it, so the state is made again.

        Recordings of one who no longer allows them go at once.

        Raises:
            InputError: naming the field that cannot be.
            StorageError: when the store refuses.
        """
        check(profile, now)
        row = {"learner": name_of(profile.learner), "profile": jsonio.dumps(profile)}
        with self._database.errors("write to"), self._database.writing() as connection:
            before = profile_of(connection, profile.learner, self._database.where)
            connection.execute(sa.delete(PROFILES).where(PROFILES.c.learner == profile.learner))
            connection.execute(sa.insert(PROFILES).values(row))
            if (before.l1, before.level) != (profile.l1, profile.level):
                connection.execute(sa.delete(STATES).where(STATES.c.learner == profile.learner))
            gone = 0
            if not profile.keep_audio:
                withdrawn = sa.delete(RECORDINGS).where(RECORDINGS.c.learner == profile.learner)
                gone = connection.execute(withdrawn).rowcount
        if gone:
            self._database.scrub()


def profile_of(connection: sa.Connection, learner: str, where: str) -> Profile:
    """The profile of a learner in an open connection."""
    text = connection.execute(sa.select(PROFILES.c.profile).where(PROFILES.c.learner == learner)).scalar()
    return (
        Profile(learner) if text is None else jsonio.decode(text, Profile, f"{where}, profile of {learner}")
    )


def check(profile: Profile, now: datetime) -> None:
    """Refuse a profile that cannot be.

    Raises:
        InputError: naming the field, what was found and what was expected.
    """
    levels, topics = ("A1", "A2", "B1", "B2", "C1"), tuple(read("library")["sentence"])
    for what, given, known in (
        ("level", [profile.level] if profile.level else [], levels),
        ("interest", profile.interests, topics),
        ("goal", profile.goals, GOALS),
    ):
        for value in given:
            if value not in known:
                raise InputError(f"there is no {what} {value!r:.60}, only {', '.join(known)}")
    if profile.l1 is not None and not (2 <= len(profile.l1) <= 12 and profile.l1.replace("-", "").isalpha()):
        raise InputError(f"a first language is a code such as zh, es or ja, not {profile.l1!r:.60}")
    for field, number, low, high in (
        ("minutes a day (--minutes)", profile.minutes, 1, MOST_MINUTES),
        ("days that recordings are kept (--keep-days)", profile.keep_days, 1, LONGEST_KEPT),
        ("the year of birth (--born)", profile.born, now.year - OLDEST, now.year),
    ):
        if number is not None and not low <= number <= high:
            raise InputError(f"{field} must be from {low} to {high}, not {number}")
    if not is_text(profile.guardian):
        raise InputError(f"a guardian's name holds a character that cannot be kept: {profile.guardian!a:.60}")
    if profile.is_minor(now.year) and not (profile.guardian.strip() and profile.consent):
        raise InputError(
            f"{profile.learner} may be under {OF_AGE}: a minor needs the consent of a guardian, by name"
        )


GOALS = ("pronunciation", "listening", "fluency", "grammar", "vocabulary")
"""What a learner may want; `practice.course` says which exercises serve it."""
