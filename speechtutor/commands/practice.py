"""`speechtutor practice`: the next exercise for a learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands import AsJson, Explain, show

if TYPE_CHECKING:
    from speechtutor.core import LearnerState
    from speechtutor.exercises import Drill
    from speechtutor.schema import Json


def run(
    *,
    learner: Annotated[str | None, Parameter(help="Choose by this learner's record.")] = None,
    level: Annotated[str, Parameter(help="CEFR level: A1, A2, B1 or B2.")] = "A2",
    sounds: Annotated[str, Parameter(help="Sounds to practise, such as TH,R (the learner's weakest).")] = "",
    words: Annotated[str, Parameter(help="Words that it must hold, such as bread,tea.")] = "",
    kind: Annotated[
        str, Parameter(help="sound, pair, vocabulary, paraphrase, translate or retell; several with commas.")
    ] = "sound",
    explain: Explain = None,
    seed: Annotated[int | None, Parameter(help="Choose the same again for the same number.")] = None,
    json: AsJson = False,
) -> None:
    """Give the exercise that a learner needs next: what to do, and what to say."""
    import numpy as np

    from speechtutor.exercises import next_drill

    drill = next_drill(
        _state(learner),
        np.random.default_rng(seed),
        level=level.upper(),
        sounds=_listed(sounds.upper()),
        words=_listed(words),
        kinds=_listed(kind),
        lang=explain or "en",
    )
    if json:
        show(drill_json(drill))
    else:
        _print(drill, explain or "en")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _state(learner: str | None) -> LearnerState:
    """What is known of a learner; nothing where no name is given."""
    from dataclasses import replace

    from speechtutor.core import LearnerState
    from speechtutor.practice import replay

    if learner is None:
        return LearnerState()
    from speechtutor.store import open_store

    return replace(replay(open_store().attempts(learner)), learner=learner)


def drill_json(drill: Drill) -> Json:
    """An exercise with its model answers."""
    from speechtutor.schema import VERSION

    return {
        "schema_version": VERSION,
        "kind": drill.kind,
        "level": drill.level,
        "prompt": drill.prompt,
        "text": drill.exercise.text,
        "focus": list(drill.exercise.focus),
        "read_aloud": drill.is_read,
        "answers": list(drill.answers),
    }


def _print(drill: Drill, lang: str) -> None:
    from speechtutor.advice import known_language, message

    print(drill.prompt)
    if drill.is_read or drill.kind == "retell":
        print(f"\n  {drill.exercise.text}\n")
    else:
        print(message("exercise", "example", known_language(lang), text=drill.exercise.text))
    if drill.exercise.focus:
        print(f"[{drill.level}; {' '.join(drill.exercise.focus)}]")
