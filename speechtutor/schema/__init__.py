"""Core values as JSON for people and programs: schema version 1. `results` says what each number means."""

from speechtutor.schema.results import (
    VERSION,
    Json,
    alignment_json,
    cautions_json,
    dumps,
    feedback_json,
    fraction,
    number,
    percent,
    probability,
    score_from_json,
    score_json,
    transcript_json,
)

__all__ = [
    "VERSION",
    "Json",
    "alignment_json",
    "cautions_json",
    "dumps",
    "feedback_json",
    "fraction",
    "number",
    "percent",
    "probability",
    "score_from_json",
    "score_json",
    "transcript_json",
]
