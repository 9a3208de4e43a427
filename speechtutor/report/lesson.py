"""What a teacher may do next with a class: its common errors, and a lesson of half an hour about the worst.

The lesson goes from hearing to speaking, as pronunciation is usually taught (Celce-Murcia and others,
2010, "Teaching Pronunciation": listening discrimination, controlled, guided and communicative practice).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from speechtutor.practice import library
from speechtutor.practice.bank import set_cover
from speechtutor.practice.levels import LEVELS, phones_in
from speechtutor.report.classroom import Classroom, Verdict

MOST_ERRORS = 10
SENTENCES, PAIRS = 6, 8
LEVEL = "B1"
"""Sentences of a lesson are of this level or below, where the class's own is not given."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """A sound that is heard as another, "" for nothing: by how many learners and how often."""

    phone: str
    heard: str
    learners: int
    times: int


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a lesson."""

    title: str
    minutes: int
    items: Sequence[str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """A lesson about a sound, for those whom it concerns."""

    phone: str
    heard: str | None
    learners: Sequence[str]
    blocks: Sequence[Block]


def mistakes(room: Classroom) -> list[Mistake]:
    """What is said for what, the most widespread first; fine sounds are left out."""
    learners: Counter[tuple[str, str]] = Counter()
    times: Counter[tuple[str, str]] = Counter()
    for one in room.learners:
        for sound in one.sounds:
            if sound.verdict in (Verdict.WORK, Verdict.MAYBE):
                for heard, n in sound.instead:
                    learners[sound.phone, heard] += 1
                    times[sound.phone, heard] += n
    order = sorted(times, key=lambda key: (-learners[key], -times[key], key))
    return [Mistake(*key, learners[key], times[key]) for key in order[:MOST_ERRORS]]


def lesson(room: Classroom, level: str = LEVEL) -> Lesson | None:
    """A lesson for the largest group, else about the first sound of anybody; None without one."""
    if room.groups:
        group = room.groups[0]
        phone, heard, learners = group.phone, group.heard, list(group.learners)
    elif room.phones:
        phone = room.phones[0]
        learners = [one.name for one in room.learners if any(s.phone == phone for s in one.to_do)]
        own = [s for one in room.learners for s in one.to_do if s.phone == phone and s.instead]
        heard = own[0].instead[0][0] if own else None
    else:
        return None
    pairs = _pairs(phone, heard)
    blocks = [
        Block("Listen: the teacher says one word of a pair, the class points to it", 5, pairs),
        Block("Say both words, so that a partner can tell which it was", 5, pairs),
        Block("Read aloud in turn", 10, _sentences(phone, level)),
        Block("Say it three times, faster each time", 3, _twisters(phone)),
        Block("Talk in pairs; the partner listens for the sound", 7, _openings(level)),
    ]
    return Lesson(phone, heard, learners, [block for block in blocks if block.items])


def _pairs(phone: str, heard: str | None) -> list[str]:
    """Pairs of the contrast, else of any contrast of the sound, the easiest first."""
    pool = [one for one in library.of_kind("pair") if phone in one.sounds]
    same = [one for one in pool if heard in one.sounds] if heard else []
    return [one.text for one in (same or pool)[:PAIRS]]


def _sentences(phone: str, level: str) -> list[str]:
    """Sentences with the sound twice or more that together bring it beside as many others as possible."""
    ceiling = LEVELS.index(level)
    pool = [
        one
        for one in library.of_kind("sentence")
        if one.topic and LEVELS.index(one.level) <= ceiling and phones_in(one.text)[phone] > 1
    ]
    names = sorted({name for one in pool for name in one.skills})
    cover = np.array([[name in one.skills for name in names] for one in pool], dtype=np.float64)
    if not pool:
        return []
    return [pool[i].text for i in set_cover(cover, np.ones(len(names)), SENTENCES)]


def _twisters(phone: str) -> list[str]:
    pool = sorted(library.of_kind("twister"), key=lambda one: -phones_in(one.text)[phone])
    return [one.text for one in pool[:1] if phones_in(one.text)[phone] > 1]


def _openings(level: str) -> list[str]:
    return [one.ask for one in library.of_kind("opening", level)[:3]]
