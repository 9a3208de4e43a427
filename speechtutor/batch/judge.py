"""Rows judged, in whatever process: models are loaded once there, and one row is judged at a time.

What comes back is the line that is written, so that a result is the same bytes wherever it was made. Where
rows are heard together (`Plan.together`), that holds up to rounding: figures are written with four digits.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

from speechtutor.batch.tasks import Task
from speechtutor.errors import InputError, SpeechTutorError

if TYPE_CHECKING:
    from speechtutor.core import Recording, Transcript, UtteranceScore
    from speechtutor.pipeline import Coach
    from speechtutor.schema import Json
    from speechtutor.stages import Scorer

_ALONE = threading.Lock()
"""A cluster may call from several threads of one process; models are not made for that."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What is made of every row, and by which models (names of the registry; None is a stage's default).

    `transcribe` adds what was heard, and scores it where a row has no text; `feedback` adds the tutor's.
    """

    scorer: str | None = None
    transcriber: str | None = None
    tutor: str | None = None
    device: str | None = None
    transcribe: bool = False
    feedback: bool = False
    explain: str | None = None
    together: int = 1
    """Recordings that the scorer hears at once, which pays on a graphics card."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row as it is written; with `error`, why it is none; with `trace`, nobody expected that."""

    line: str
    error: str | None = None
    trace: str | None = None


def failed(task: Task, cause: str, trace: str | None = None) -> Verdict:
    """The row of a task that could not be judged."""
    from speechtutor.schema import dumps

    return Verdict(dumps({"id": task.id, "error": cause}, indent=None), cause, trace)


def judge_all(plan: Plan, tasks: Sequence[Task]) -> list[Verdict]:
    """Judge some tasks, which the scorer hears together first where there are several.

    Raises:
        SpeechTutorError: when a model or the disk fails, which is of all rows.
    """
    with _ALONE:
        if len(tasks) == 1:
            return [judge(plan, tasks[0])]
        recordings = _recordings(tasks)
        scorer = _having_heard(plan, list(recordings.values()))
        return [judge(plan, task, scorer, recordings.get(task.id)) for task in tasks]


def judge(
    plan: Plan, task: Task, scorer: Scorer | None = None, recording: Recording | None = None
) -> Verdict:
    """Judge one task, by a scorer and of a recording where they are there; what it causes itself is its row.

    Raises:
        SpeechTutorError: when a model or the disk fails, which is of all rows.
    """
    try:
        if task.fault is not None:
            raise InputError(task.fault)
        coach = _coach(plan)
        return _judged(plan, task, coach if scorer is None else replace(coach, scorer=scorer), recording)
    except InputError as error:
        return failed(task, str(error))
    except SpeechTutorError:
        raise
    except Exception as error:
        from speechtutor.batch.store import ERRORS
        from speechtutor.files.journal import unexpected

        return failed(task, unexpected(task.id, error, ERRORS), traceback.format_exc())


@cache
def _coach(plan: Plan) -> Coach:
    """The stages of a plan, loaded once a process; without a transcriber unless one is asked for."""
    from speechtutor import registry
    from speechtutor.pipeline import Coach

    scorer = registry.load("scorer", plan.scorer, device=plan.device)
    wanted = plan.transcribe
    transcriber = registry.load("transcriber", plan.transcriber, device=plan.device) if wanted else None
    tutor = registry.load("tutor", plan.tutor, device=plan.device) if plan.feedback else None
    return Coach(transcriber, scorer, tutor)  # type: ignore[arg-type]  # what is None is never asked


def _recordings(tasks: Sequence[Task]) -> dict[str, Recording]:
    """What can be read of the tasks, by their ids; of the others it is said why where they are judged."""
    from speechtutor import audio

    found = {}
    for task in tasks:
        if task.fault is None and task.audio is not None:
            with suppress(Exception):
                found[task.id] = audio.load(task.audio)
    return found


def _having_heard(plan: Plan, recordings: Sequence[Recording]) -> Scorer | None:
    """The scorer with these heard; None where it hears one at a time."""
    from speechtutor.stages import Foresighted

    scorer = _coach(plan).scorer
    if not isinstance(scorer, Foresighted):
        return None
    try:
        return scorer.having_heard(recordings)
    except Exception:  # such as too little memory for all at once: each is heard by itself
        return None


def _judged(plan: Plan, task: Task, coach: Coach, recording: Recording | None) -> Verdict:
    from speechtutor import audio
    from speechtutor.core import LearnerState
    from speechtutor.schema import dumps, feedback_json, score_json, transcript_json

    if task.utterance is None or task.audio is None:
        raise InputError(f"{task.id}: no recording")
    if not task.utterance.text and not plan.transcribe:
        raise InputError(f"{task.audio}: no text; --transcribe scores what is heard")
    recording = audio.load(task.audio) if recording is None else recording
    heard = coach.transcriber.transcribe(recording, lang=task.utterance.lang) if plan.transcribe else None
    score = _score(coach, recording, task, heard)
    value: Json = {"id": task.id, "speaker": task.utterance.speaker, **score_json(score)}
    value["elapsed_ms"] = None  # the one thing that differs from run to run
    if heard is not None:
        value["transcript"] = transcript_json(heard)
    if plan.feedback:
        learner = LearnerState(task.utterance.speaker, explain=plan.explain)
        value["feedback"] = feedback_json(coach.tutor.advise(score, learner))
    return Verdict(dumps(value, indent=None))


def _score(coach: Coach, recording: Recording, task: Task, heard: Transcript | None) -> UtteranceScore:
    from speechtutor.corpora import canonical

    assert task.utterance is not None
    if not task.utterance.text and heard is not None:
        return coach.assess_free(recording, heard)
    # The canonical phones of the row, where it has them; else the scorer's lexicon.
    words = canonical.of(task.utterance) if task.utterance.phones is not None else None
    return coach.scorer.score(recording, task.utterance.text, words=words)
