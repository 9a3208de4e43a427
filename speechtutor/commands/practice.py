"""`speechtutor practice`: the next exercise for a learner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands import coach
from speechtutor.commands.output import AsJson, Device, Explain, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import LearnerState, Transcript
    from speechtutor.pipeline import Session
    from speechtutor.practice.answers import Outcome
    from speechtutor.practice.exercises import Drill
    from speechtutor.schema import Json

SEEDS = 10_000
"""How many exercises are told apart by the number that is printed with them."""


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
    seed: Annotated[int | None, Parameter(help="The number of an exercise, to give the same again.")] = None,
    answer: Annotated[Path | None, Parameter(help="A recording that answers the exercise --seed.")] = None,
    transcriber: coach.Name = None,
    scorer: coach.Name = None,
    grammar: coach.Grammar = None,
    device: Device = None,
    json: AsJson = False,
) -> None:
    """Give the exercise that a learner needs next, or judge the answer to one."""
    import numpy as np

    from speechtutor.practice.exercises import next_drill

    if answer is not None and seed is None:
        raise InputError(f"{answer} answers no exercise: name it with --seed, the number printed with it")
    number = int(np.random.default_rng().integers(SEEDS)) if seed is None else seed
    drill = next_drill(
        _state(learner),
        np.random.default_rng(number),
        level=level.upper(),
        sounds=_listed(sounds.upper()),
        words=_listed(words),
        kinds=_listed(kind),
        lang=explain or "en",
    )
    if answer is None:
        if json:
            show(drill_json(drill, number))
        else:
            _print(drill, number)
        return
    names = {"transcriber": transcriber, "scorer": scorer, "tutor": None, "grammar": grammar}
    text = drill.exercise.text if drill.is_read else None
    heard, session = coach.coached(answer, text, names, learner, explain, device)
    found = None if drill.is_read else _outcome(drill, heard)
    if json:
        given = {"outcome": None if found is None else outcome_json(found, explain or "en")}
        show(drill_json(drill, number) | given | coach.session_json(heard, session))
    else:
        _print_answer(drill, found, heard, session, explain or "en")


def _outcome(drill: Drill, heard: Transcript) -> Outcome:
    from speechtutor.practice.answers import outcome

    return outcome(drill, heard.text)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _state(learner: str | None) -> LearnerState:
    """What is known of a learner; nothing where no name is given."""
    from dataclasses import replace

    from speechtutor.core import LearnerState
    from speechtutor.learner.mastery import replay

    if learner is None:
        return LearnerState()
    from speechtutor.learner.store import open_store

    return replace(replay(open_store().attempts(learner)), learner=learner)


def drill_json(drill: Drill, seed: int) -> Json:
    """An exercise with its model answers; `seed` gives it again."""
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
        "seed": seed,
    }


def outcome_json(found: Outcome, lang: str) -> Json:
    """What was said of what was asked for, 0-100, and how it is told; `note` says why it was not compared."""
    from speechtutor.content.tables import known_language
    from speechtutor.practice.answers import told
    from speechtutor.schema import percent

    return {
        "said": percent(found.share),
        "nearest": found.nearest,
        "missing": list(found.missing),
        "note": found.note,
        "told": told(found, known_language(lang)),
    }


def _print(drill: Drill, seed: int) -> None:
    print(drill.prompt)
    if drill.is_read or drill.kind == "retell":
        print(f"\n  {drill.exercise.text}\n")
    sounds = f"; {' '.join(drill.exercise.focus)}" if drill.is_read else ""
    print(f"[{drill.level}{sounds}; --seed {seed}]")


def _print_answer(
    drill: Drill, found: Outcome | None, heard: Transcript, session: Session, lang: str
) -> None:
    from speechtutor.content.tables import known_language
    from speechtutor.practice.answers import example, told

    print(drill.prompt)
    if found is not None:
        for line in (told(found, known_language(lang)), example(drill, found, known_language(lang))):
            print(line, end="\n" if line else "")
    print()
    coach.print_session(heard, session)
