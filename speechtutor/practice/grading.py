"""What a try at an exercise is worth, and why: for homework, and for whoever wants to explain it.

What is read aloud is graded by its overall score, what is answered freely by how much of what was asked for
was said. The best try counts, and a try after the day is one all the same, but told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from speechtutor.content.tables import listed, message
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

    `value` is None where nothing was said, or nothing that could be judged. Of a text of several sentences
    `sentences` are those of the try that counts, each with its score in [0, 1].
    """

    task: Task
    value: float | None
    tries: int
    at: datetime | None
    why: str
    sentences: tuple[tuple[str, float], ...] = ()

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


def grades(tasks: Sequence[Task], attempts: Iterable[Attempt], lang: str = "en") -> list[Grade]:
    """The grades of one learner's tasks by their attempts since each was given, in the order of the tasks.

    `lang` is the language of explanation that is told why in.
    """
    tries: dict[str, list[Attempt]] = {}
    for one in attempts:
        tries.setdefault(one.exercise.id, []).append(one)
    return [
        _grade(task, [one for one in tries.get(task.exercise.id, ()) if one.at >= task.at], lang)
        for task in tasks
    ]


def _grade(task: Task, tries: Sequence[Attempt], lang: str) -> Grade:
    if not tries:
        return Grade(task, None, 0, None, message("grade", "open", lang))
    judged = [(value, one) for one in tries if (value := value_of(one)) is not None]
    if not judged:
        return Grade(task, None, len(tries), None, message("grade", "unjudged", lang))
    best, attempt = max(judged, key=lambda pair: (pair[0], -pair[1].at.timestamp()))
    score = attempt.score
    read = [(score.text_of(one), one.overall) for one in score.sentences] if task.exercise.is_read else []
    several = tuple(read) if len(read) > 1 else ()
    return Grade(task, best, len(tries), attempt.at, explained(attempt, lang), several)


def explained(attempt: Attempt, lang: str = "en") -> str:
    """Why a try is worth what it is worth: the sounds that came out wrong, or what was missing."""
    if not attempt.exercise.is_read and attempt.outcome is not None:
        return told(attempt.outcome, lang)
    wrong = list(dict.fromkeys(_wrong(attempt.score, lang)))
    if not wrong:
        return message("grade", "clear", lang)
    rest = len(wrong) - MOST_SOUNDS
    more = message("grade", "more", lang, n=str(rest)) if rest > 0 else ""
    return message("grade", "work_on", lang, sounds=listed(wrong[:MOST_SOUNDS], lang)) + more


def _wrong(score: UtteranceScore, lang: str) -> Iterable[str]:
    for word in score.words:
        for phone in (one for one in word.phones if is_wrong(one)):
            instead = ""
            if phone.heard is not None:
                heard = f"/{ipa(phone.heard)}/" if phone.heard else message("grade", "nothing", lang)
                instead = message("grade", "heard", lang, sound=heard)
            named = {"sound": f"/{ipa(phone.canonical)}/", "word": plain(word.text)}
            yield message("grade", "sound", lang, **named) + instead
