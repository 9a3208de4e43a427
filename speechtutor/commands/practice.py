"""`speechtutor practice`: the next exercise for a learner."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands import coach
from speechtutor.commands.output import AsJson, Device, Explain, Strictness, open_store, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Exercise, LearnerState, Outcome, Transcript
    from speechtutor.pipeline import Session
    from speechtutor.practice.given import Asked, Lent
    from speechtutor.practice.path import Step
    from speechtutor.practice.written import Writer


def run(
    *,
    learner: Annotated[str | None, Parameter(help="Choose by this learner's record.")] = None,
    level: Annotated[str, Parameter(help="CEFR level: A1, A2, B1, B2 or C1.")] = "A2",
    sounds: Annotated[str, Parameter(help="Sounds to practise, such as TH,R (the learner's weakest).")] = "",
    words: Annotated[str, Parameter(help="Words that it must hold, such as bread,tea.")] = "",
    about: Annotated[
        str, Parameter(help="An interest, such as food or travel: our model writes a sentence about it.")
    ] = "",
    kind: Annotated[
        str,
        Parameter(
            help="sound, pair, vocabulary, paraphrase, translate, retell, repeat, shadow, listen, twister,"
            " question or picture; several with commas."
        ),
    ] = "sound",
    explain: Explain = None,
    seed: Annotated[int | None, Parameter(help="The number of an exercise, to give the same again.")] = None,
    answer: Annotated[Path | None, Parameter(help="A recording that answers the exercise --seed.")] = None,
    session: Annotated[int | None, Parameter(help="A whole session of so many minutes; 0: as set.")] = None,
    exercise: Annotated[str | None, Parameter(help="The id of one that was given, or of homework.")] = None,
    say: Annotated[Path | None, Parameter(help="Write the model voice saying it: .flac or .wav.")] = None,
    placement: Annotated[
        bool, Parameter(help="Up to 12 sentences, one a call, that place the learner.", negative="")
    ] = False,
    transcriber: coach.Name = None,
    scorer: coach.Name = None,
    tutor: coach.Voice = None,
    grammar: coach.Grammar = None,
    strictness: Strictness = None,
    device: Device = None,
    json: AsJson = False,
) -> None:
    """Give the exercise that a learner needs next, or judge the answer to one."""
    import numpy as np

    from speechtutor.practice.given import SEEDS, Asked

    names = {"transcriber": transcriber, "scorer": scorer, "tutor": tutor, "grammar": grammar}
    if placement:
        _place(learner, answer, names, explain, device, seed, json=json)
        return
    if session is not None:
        _session(learner, session, explain or "en", json=json)
        return
    _check(answer, seed, kind, exercise)
    number = int(np.random.default_rng().integers(SEEDS)) if seed is None else seed
    asked = Asked(level.upper(), _listed(sounds.upper()), _listed(words), _listed(kind))
    if exercise is None:
        step = _step(learner, number, asked, explain or "en", about, lambda: _writer(tutor, device))
    else:
        step = _known(learner, exercise, explain or "en")
    if answer is None:
        if say is not None:
            _say(step.exercise, say, device)
        _give(step, number, _reason(step, learner, explain or "en"), json=json)
        return
    text = step.exercise.text if step.exercise.is_read else None
    heard, turn = coach.coached(answer, text, names, learner, explain, device, step.exercise, strictness)
    _tell(step.exercise, number, heard, turn, explain or "en", json=json)


def _tell(
    exercise: Exercise, number: int, heard: Transcript, turn: Session, lang: str, *, json: bool
) -> None:
    """What was said of an exercise, and how well."""
    from speechtutor.views.session import exercise_json, outcome_json, session_json

    if json:
        told = None if turn.outcome is None else outcome_json(turn.outcome, lang)
        show(exercise_json(exercise, number) | {"outcome": told} | session_json(heard, turn))
    else:
        _print_answer(exercise, turn.outcome, heard, turn, lang)


def _check(answer: Path | None, seed: int | None, kind: str, exercise: str | None) -> None:
    from speechtutor.practice.given import LARGEST

    if exercise is not None and seed is not None:
        raise InputError("--exercise and --seed both name an exercise: leave one of them out")
    if answer is not None and seed is None and exercise is None:
        raise InputError(f"{answer} answers no exercise: name it with --seed, the number printed with it")
    if seed is not None and not 0 <= seed < LARGEST:
        raise InputError(f"--seed must be from 0 to {LARGEST - 1}, not {seed}")
    if not _listed(kind):
        raise InputError(f"--kind {kind!r:.60} names no kind of exercise")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _step(learner: str | None, number: int, asked: Asked, lang: str, about: str, lent: Lent) -> Step:
    from speechtutor.practice.given import step

    if learner is None:
        return step(None, "", number, asked, lang, about=about, lent=lent)

    store = open_store()
    try:
        return step(store, learner, number, asked, lang, about=about, lent=lent)
    finally:
        store.close()


def _writer(tutor: str | None, device: str | None) -> Writer | None:
    """What writes sentences: the named tutor's model, else the one for it where that has been pulled."""
    from speechtutor import registry
    from speechtutor.practice.written import writer_of

    here = registry.ready("tutor") != registry.default("tutor")
    name = tutor or (registry.WRITER if here else None)
    return None if name is None else writer_of(registry.load("tutor", name, device=device))


def _known(learner: str | None, id: str, lang: str) -> Step:
    """An exercise that a learner was given, by its id."""
    from datetime import UTC, datetime

    from speechtutor.practice import path
    from speechtutor.practice.exercises import in_language

    if learner is None:
        raise InputError("--exercise is one that somebody was given: name them with --learner")
    store = open_store()
    try:
        found, state = store.exercise(learner, id), store.state(learner)
    finally:
        store.close()
    if found is None:
        raise InputError(f"{learner} was given no exercise {id!r:.60}")
    return replace(path.explained(state, found, datetime.now(UTC)), exercise=in_language(found, lang))


def _session(learner: str | None, minutes: int, lang: str, *, json: bool) -> None:
    """A whole session, remembered: each of its exercises is answered by its id."""
    from datetime import UTC, datetime

    import numpy as np

    from speechtutor.content.tables import known_language
    from speechtutor.practice import course, path
    from speechtutor.views.session import step_json

    if learner is None:
        raise InputError("a session is for somebody: name them with --learner")
    lang = known_language(lang)
    store = open_store()
    try:
        steps = course.give(store, learner, minutes or None, datetime.now(UTC), np.random.default_rng(), lang)
    finally:
        store.close()
    if json:
        show([step_json(step, lang) for step in steps])
        return
    for step in steps:
        one = step.exercise
        said = one.given or one.text if one.is_read else one.prompt
        print(f"{one.id}  {one.kind:<10}  {said}")
        if why := path.reason(step, lang):
            print(f"{'':<26}{why}")


def _reason(step: Step, learner: str | None, lang: str) -> str:
    """Why a learner is given this; nobody in particular has no reason."""
    from speechtutor.content.tables import known_language
    from speechtutor.practice.path import reason

    return reason(step, known_language(lang)) if learner else ""


PLACEMENT = "placement"
"""What the numbers of a placement's items are given for."""


def _place(
    learner: str | None,
    answer: Path | None,
    names: dict[str, str | None],
    explain: str | None,
    device: str | None,
    seed: int | None,
    *,
    json: bool,
) -> None:
    """One step of a placement: the item to say, what was heard of its answer, or where it ended."""
    from speechtutor.practice import placement
    from speechtutor.practice.exercises import in_language
    from speechtutor.views.session import exercise_json

    if seed is not None:
        raise InputError("--seed names an exercise, and a placement chooses its own: leave one of them out")
    if learner is None:
        raise InputError("a placement is of somebody: name them with --learner")
    number, item, state = _item(learner)
    if item is None and answer is not None:
        raise InputError(f"the placement of {learner} is over: there is nothing to answer")
    if item is not None and answer is not None:
        heard, session = coach.coached(answer, item.text, names, learner, explain, device, item)
        if not json:
            coach.print_session(heard, session)
        number, item, state = _item(learner)
    if item is not None:
        item = in_language(replace(item, prompt=_prompt_of(explain)), explain or "en")
        if json:
            show(exercise_json(item, number) | {"placement": {"item": number + 1, "most": placement.MOST}})
        else:
            print(f"{item.prompt}\n\n  {item.text}\n\n[{number + 1} of at most {placement.MOST}]")
        return
    _show_placed(state, json=json)


def _say(exercise: Exercise, out: Path, device: str | None) -> None:
    """Write the model voice's example; what is answered in one's own words is not given away."""
    from speechtutor import audio, registry

    if not exercise.is_read and exercise.kind not in ("retell", "question"):
        raise InputError(f"--say does not go with {exercise.kind}: the voice would give the answer away")
    text = exercise.given if exercise.kind == "question" else exercise.text
    audio.save(registry.load("synthesizer", None, device=device).speak(text), out)


def _prompt_of(explain: str | None) -> str:
    from speechtutor.content.tables import known_language, message

    return message("exercise", "sound", known_language(explain or "en"))


def _item(learner: str) -> tuple[int, Exercise | None, LearnerState]:
    """The number of the item to say now and the item, None when the placement is over; and the state."""
    from itertools import count

    from speechtutor.learner.store import open_store
    from speechtutor.practice import placement

    store = open_store()
    try:
        given: list[Exercise] = []
        for number in count():
            one = store.given(learner, number, PLACEMENT)
            if one is None:
                break
            given.append(one)
        answered = {attempt.exercise.id for attempt in store.attempts(learner)}
        state = store.state(learner)
        item = placement.item(given, answered, state)
        if item is None or item in given:
            return (given.index(item) if item else len(given)), item, state
        return len(given), store.give(learner, len(given), PLACEMENT, item), state
    finally:
        store.close()


def _show_placed(state: LearnerState, *, json: bool) -> None:
    from speechtutor.learner.skills import label
    from speechtutor.practice import placement
    from speechtutor.schema import VERSION, percent

    found = placement.placed(state)
    if json:
        show({
            "schema_version": VERSION, "level": found.level, "sure": percent(found.sure),
            "overall": percent(found.score), "error": percent(found.error),
            "weak": [{"skill": name, "label": label(name)} for name in found.weak],
        })  # fmt: skip
        return
    print(f"Speaking level {found.level} ({percent(found.sure)} of 100 sure), by how your sounds came out;")
    print(f"overall {percent(found.score)} of 100, give or take {percent(1.96 * found.error)}.")
    if found.weak:
        print(f"To work on: {', '.join(map(label, found.weak))}.")


def _give(step: Step, number: int, why: str, *, json: bool) -> None:
    from speechtutor.views.session import exercise_json

    if json:
        show(exercise_json(step.exercise, number) | {"reason": why or None})
    else:
        _print(step.exercise, number, why)


def _print(exercise: Exercise, seed: int, why: str = "") -> None:
    print(exercise.prompt)
    if exercise.is_read or exercise.kind == "retell":
        print(f"\n  {exercise.given or exercise.text}\n")
    if exercise.picture:
        print(f"The picture: speechtutor content picture --drawing {exercise.picture}")
    sounds = f"; {' '.join(exercise.focus)}" if exercise.is_read else ""
    if why:
        print(why)
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
