"""A turn and an exercise as JSON: what `coach --json`, `practice --json` and the server answer."""

from __future__ import annotations

from speechtutor.content.tables import known_language
from speechtutor.core import Exercise, Outcome, Transcript
from speechtutor.pipeline import Session
from speechtutor.practice.answers import told
from speechtutor.practice.path import Step, reason
from speechtutor.schema import VERSION, Json, feedback_json, percent, score_json, transcript_json
from speechtutor.views.grammar import correction_json


def session_json(heard: Transcript, session: Session) -> Json:
    """What was said, how well, and what to do about it; `grammar` only for free speech that was corrected.

    `warnings`, where there are any, say where another stage than the one that was asked stood in.
    """
    found: Json = {
        "schema_version": VERSION,
        "transcript": transcript_json(heard),
        "score": score_json(session.score),
        "feedback": feedback_json(session.feedback),
    }
    if session.feedback.warnings:
        found["warnings"] = list(session.feedback.warnings)
    if session.correction is not None:
        found["grammar"] = correction_json(session.correction, session.feedback.lang)
    return found


def exercise_json(exercise: Exercise, seed: int) -> Json:
    """An exercise with its model answers; `seed` gives it again."""
    return {
        "schema_version": VERSION,
        "id": exercise.id,
        "kind": exercise.kind,
        "level": exercise.level,
        "prompt": exercise.prompt,
        "text": exercise.text,
        "given": exercise.given,
        "picture": exercise.picture,
        "focus": list(exercise.focus),
        "read_aloud": exercise.is_read,
        "answers": list(exercise.answers),
        "seed": seed,
    }


def step_json(step: Step, lang: str) -> Json:
    """An exercise of a session with what it was chosen for."""
    one = step.exercise
    return {
        "id": one.id, "kind": one.kind, "level": one.level, "prompt": one.prompt, "text": one.text,
        "given": one.given, "picture": one.picture, "focus": list(one.focus), "read_aloud": one.is_read,
        "skill": step.skill, "why": step.why, "reason": reason(step, lang), "success": percent(step.success),
    }  # fmt: skip


def outcome_json(found: Outcome, lang: str) -> Json:
    """What was said of what was asked for, 0-100, and how it is told; `note` says why it was not compared."""
    return {
        "said": percent(found.share),
        "nearest": found.nearest,
        "missing": list(found.missing),
        "note": found.note,
        "told": told(found, known_language(lang)),
    }
