"""What a try at an exercise is worth, and why: for homework, and for whoever wants to explain it.

What is read aloud is graded by its overall score, what is answered freely by how much of what was asked for
was said. The best try counts, and a try after the day is one all the same, but told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from speechtutor.core import Attempt, UtteranceScore
from speechtutor.learner.homework import Task
from speechtutor.learner.skills import ipa
from speechtutor.practice.answers import told
from speechtutor.tutor.labels import is_wrong, plain

PASS = 0.6
"""Grade from which an exercise is done. Our choice: about where raters' middling scores lie."""

MOST_SOUNDS = 4


@dataclass(frozen=True, slots=True)
class Grade:
    """Of one exercise of a homework: `value` in [0, 1] of the best of `tries`, and in words why.

    `value` is None where nothing was said, or nothing that could be judged.
    """

    task: Task
    value: float | None
    tries: int
    at: datetime | None
    why: str

    @property
    def done(self) -> bool:
        """Whether it was said well enough."""
        return self.value is not None and self.value >= PASS

    @property
    def late(self) -> bool:
        """Whether the try that counts came after the day it was due."""
        return self.at is not None and self.at > self.task.due


def value_of(attempt: Attempt) -> float | None:
    """What a try is worth in [0, 1]; None where it could not be judged."""
    if attempt.exercise.is_read or attempt.outcome is None:
        return attempt.score.overall
    return attempt.outcome.share


def grades(tasks: Sequence[Task], attempts: Iterable[Attempt]) -> list[Grade]:
    """The grades of one learner's tasks by their attempts since each was given, in the order of the tasks."""
    tries: dict[str, list[Attempt]] = {}
    for one in attempts:
        tries.setdefault(one.exercise.id, []).append(one)
    return [
        _grade(task, [one for one in tries.get(task.exercise.id, ()) if one.at >= task.at]) for task in tasks
    ]


def _grade(task: Task, tries: Sequence[Attempt]) -> Grade:
    if not tries:
        return Grade(task, None, 0, None, "not answered yet")
    judged = [(value, one) for one in tries if (value := value_of(one)) is not None]
    if not judged:
        return Grade(task, None, len(tries), None, "could not be judged: record it once more")
    best, attempt = max(judged, key=lambda pair: (pair[0], -pair[1].at.timestamp()))
    return Grade(task, best, len(tries), attempt.at, explained(attempt))


def explained(attempt: Attempt) -> str:
    """Why a try is worth what it is worth: the sounds that came out wrong, or what was missing."""
    if attempt.exercise.is_read or attempt.outcome is None:
        wrong = list(dict.fromkeys(_wrong(attempt.score)))
        if not wrong:
            return "no sound was called wrong"
        more = f" and {len(wrong) - MOST_SOUNDS} more" if len(wrong) > MOST_SOUNDS else ""
        return f"to work on: {', '.join(wrong[:MOST_SOUNDS])}{more}"
    return told(attempt.outcome)


def _wrong(score: UtteranceScore) -> Iterable[str]:
    for word in score.words:
        for phone in word.phones:
            if is_wrong(phone):
                instead = (
                    ""
                    if phone.heard is None
                    else f" (heard {f'/{ipa(phone.heard)}/' if phone.heard else 'nothing'})"
                )
                yield f'/{ipa(phone.canonical)}/ in "{plain(word.text)}"{instead}'
