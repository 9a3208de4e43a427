"""`speechtutor coach`: the whole loop on one recording."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from speechtutor.commands.output import (
    AsJson,
    Device,
    Explain,
    Strictness,
    note,
    open_store,
    score_lines,
    show,
    warn,
)
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Correction, Exercise, Transcript
    from speechtutor.pipeline import Session

NO_GRAMMAR = "none"
"""Leaves the grammar of free speech alone.

Without a name the rules correct it: they need no model, answer at once and are wrong least often.
"""

Name = Annotated[str | None, Parameter(help="A name from `speechtutor models`.")]
Voice = Annotated[
    str | None, Parameter(help="Words the advice: a name, or rules (our model once pulled, else rules).")
]
Grammar = Annotated[str | None, Parameter(help="Corrects free speech: a name, or none (rules).")]


def run(
    audio: Annotated[Path, Parameter(help="A recording.")],
    text: Annotated[str | None, Parameter(help="What was to be said; without it, what was heard.")] = None,
    /,
    *,
    learner: Annotated[str | None, Parameter(help="Remember this attempt under this name.")] = None,
    transcriber: Name = None,
    scorer: Name = None,
    tutor: Voice = None,
    grammar: Grammar = None,
    strictness: Strictness = None,
    explain: Explain = None,
    device: Device = None,
    json: AsJson = False,
) -> None:
    """Transcribe, score, give feedback and say what to say next."""
    if text is not None and grammar not in (None, NO_GRAMMAR):
        raise InputError(f"--grammar {grammar} corrects free speech: leave out {text!r}, or the option")
    names = {"transcriber": transcriber, "scorer": scorer, "tutor": tutor, "grammar": grammar}
    heard, session = coached(audio, text, names, learner, explain, device, strictness=strictness)
    if json:
        from speechtutor.views.session import session_json

        show(session_json(heard, session))
    else:
        print_session(heard, session)


def coached(
    audio: Path,
    text: str | None,
    names: Mapping[str, str | None],
    learner: str | None = None,
    explain: str | None = None,
    device: str | None = None,
    exercise: Exercise | None = None,
    strictness: str | None = None,
) -> tuple[Transcript, Session]:
    """Load the stages by their names and let them judge a recording; only a named learner is remembered.

    `exercise` is the one that is answered, where there is one; `strictness` how readily the scorer calls a
    sound wrong.

    Raises:
        SpeechTutorError: for a recording, a language or a model that cannot be used.
    """
    from speechtutor import registry
    from speechtutor.audio.io import load
    from speechtutor.content.tables import known_language
    from speechtutor.pipeline import ANONYMOUS, Coach, session
    from speechtutor.practice.answers import outcome

    explain = None if explain is None else known_language(explain)
    recording = load(audio)
    wanted = dict(names)
    if text is not None or wanted["grammar"] == NO_GRAMMAR:
        del wanted["grammar"]
    wanted["tutor"] = wanted["tutor"] or registry.ready("tutor")
    scorer = registry.load_scorer(wanted.pop("scorer"), device=device, strictness=strictness)
    stages = {stage: registry.load(stage, name, device=device) for stage, name in wanted.items()}
    store = None if learner is None else open_store()
    try:
        coach = Coach(scorer=scorer, **stages, store=store)
        who = ANONYMOUS if learner is None else learner
        found = session(coach.steps(recording, text, who, explain=explain, exercise=exercise, judge=outcome))
    finally:
        if store is not None:
            store.close()
    for warning in found.feedback.warnings:
        note(f"warning: {warning}")
    # With a text given the coach has no need to listen for words, but a learner wants to see them.
    return found.transcript or coach.transcribe(recording), found


def print_session(heard: Transcript, session: Session) -> None:
    """A session for people."""
    from speechtutor.tutor.rules import unsaid

    print(f"heard   {heard.text or '(no words)'}")
    print(f"text    {session.score.text}\n")
    for line in score_lines(session.score):
        print(line)
    warn(session.score.cautions)
    feedback = session.feedback
    print(f"\n{feedback.summary} [{feedback.source}]")
    for tip, more in unsaid(feedback):
        print(f"  {tip.word}: {more}")
    if session.correction is not None:
        _print_grammar(session.correction, feedback.lang)
    if feedback.follow_up:
        print(f"\n{feedback.follow_up}")


def _print_grammar(correction: Correction, lang: str) -> None:
    from speechtutor.grammar.tips import remarks, table, tips

    print(f"\n{table(lang)['title']}")
    for line in remarks(correction, lang):
        print(f"  {line}")
    for tip in tips(correction, lang):
        print(f"  {tip.text} [{tip.evidence}]")
