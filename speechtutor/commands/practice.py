"""`speechtutor practice`: the next exercise for a learner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands import coach
from speechtutor.commands.output import AsJson, Device, Explain, Strictness, open_store, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Exercise, Outcome, Transcript
    from speechtutor.pipeline import Session
    from speechtutor.schema import Json

SEEDS = 10_000
"""How many exercises are told apart by the number that is printed with them."""

LARGEST = 2**31
"""Numbers that may be asked for are below it."""


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
        show(exercise_json(exercise, number) | given | coach.session_json(heard, session))
    else:
        _print_answer(exercise, found, heard, session, explain or "en")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


@dataclass(frozen=True, slots=True)
class Asked:
    """What an exercise is to be like; with a number it names one exercise."""

    level: str
    sounds: tuple[str, ...]
    words: tuple[str, ...]
    kinds: tuple[str, ...]


def _exercise(learner: str | None, number: int, asked: Asked, lang: str) -> Exercise:
    """The exercise of a number: to a learner the same one again, whatever became of the record since."""
    import numpy as np

    from speechtutor.core import LearnerState
    from speechtutor.practice.exercises import in_language, next_exercise

    def chosen(state: LearnerState) -> Exercise:
        rng = np.random.default_rng(number)
        return next_exercise(
            state,
            rng,
            level=asked.level,
            sounds=asked.sounds,
            words=asked.words,
            kinds=asked.kinds,
            lang=lang,
        )

    if learner is None:
        return chosen(LearnerState())
    from speechtutor.jsonio import dumps

    store = open_store()
    try:
        key = dumps(asked)
        given = store.given(learner, number, key)
        if given is None:
            given = store.give(learner, number, key, chosen(store.state(learner)))
    finally:
        store.close()
    return in_language(given, lang)


def exercise_json(exercise: Exercise, seed: int) -> Json:
    """An exercise with its model answers; `seed` gives it again."""
    from speechtutor.schema import VERSION

    return {
        "schema_version": VERSION,
        "id": exercise.id,
        "kind": exercise.kind,
        "level": exercise.level,
        "prompt": exercise.prompt,
        "text": exercise.text,
        "focus": list(exercise.focus),
        "read_aloud": exercise.is_read,
        "answers": list(exercise.answers),
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
