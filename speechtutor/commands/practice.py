"""`speechtutor practice`: the next exercise for a learner."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands import coach
from speechtutor.commands.output import AsJson, Device, Explain, Strictness, open_store, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Exercise, Outcome, Transcript
    from speechtutor.pipeline import Session
    from speechtutor.practice.given import Asked


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
    strictness: Strictness = None,
    device: Device = None,
    json: AsJson = False,
) -> None:
    """Give the exercise that a learner needs next, or judge the answer to one."""
    import numpy as np

    from speechtutor.practice.given import LARGEST, SEEDS, Asked
    from speechtutor.views.session import exercise_json, outcome_json, session_json

    if answer is not None and seed is None:
        raise InputError(f"{answer} answers no exercise: name it with --seed, the number printed with it")
    if seed is not None and not 0 <= seed < LARGEST:
        raise InputError(f"--seed must be from 0 to {LARGEST - 1}, not {seed}")
    if not _listed(kind):
        raise InputError(f"--kind {kind!r:.60} names no kind of exercise")
    number = int(np.random.default_rng().integers(SEEDS)) if seed is None else seed
    asked = Asked(level.upper(), _listed(sounds.upper()), _listed(words), _listed(kind))
    exercise = _exercise(learner, number, asked, explain or "en")
    if answer is None:
        if json:
            show(exercise_json(exercise, number))
        else:
            _print(exercise, number)
        return
    names = {"transcriber": transcriber, "scorer": scorer, "tutor": None, "grammar": grammar}
    text = exercise.text if exercise.is_read else None
    heard, session = coach.coached(answer, text, names, learner, explain, device, exercise, strictness)
    found = session.outcome
    if json:
        given = {"outcome": None if found is None else outcome_json(found, explain or "en")}
        show(exercise_json(exercise, number) | given | session_json(heard, session))
    else:
        _print_answer(exercise, found, heard, session, explain or "en")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _exercise(learner: str | None, number: int, asked: Asked, lang: str) -> Exercise:
    from speechtutor.practice.given import exercise

    if learner is None:
        return exercise(None, "", number, asked, lang)

    store = open_store()
    try:
        return exercise(store, learner, number, asked, lang)
    finally:
        store.close()


def _print(exercise: Exercise, seed: int) -> None:
    print(exercise.prompt)
    if exercise.is_read or exercise.kind == "retell":
        print(f"\n  {exercise.text}\n")
    sounds = f"; {' '.join(exercise.focus)}" if exercise.is_read else ""
    print(f"[{exercise.level}{sounds}; --seed {seed}]")


def _print_answer(
    exercise: Exercise, found: Outcome | None, heard: Transcript, session: Session, lang: str
) -> None:
    from speechtutor.content.tables import known_language
    from speechtutor.practice.answers import example, told

    print(exercise.prompt)
    if found is not None:
        for line in (told(found, known_language(lang)), example(exercise, found, known_language(lang))):
            print(line, end="\n" if line else "")
    print()
    coach.print_session(heard, session)
