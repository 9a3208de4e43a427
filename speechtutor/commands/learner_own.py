"""`speechtutor learner show` and `set`: what is known of a learner, and what they say of themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, note, open_store
from speechtutor.commands.output import show as as_json
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core.profile import Profile

Name = Annotated[str, Parameter(help="The name that was given with --learner.")]
Store = Annotated[str | None, Parameter(help="Learner store, as a URL (yours)")]
Listed = Annotated[str | None, Parameter(help="Several with commas, or none.")]


def show(
    id: Name,
    /,
    *,
    since: Annotated[
        date | None, Parameter(help="Say what changed since this day (the second half of the attempts).")
    ] = None,
    page: Annotated[Path | None, Parameter(help="Also write a page with pictures: .html.")] = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Say what a learner knows, what is due, and what has really changed."""
    from speechtutor.learner.summary import lines, of
    from speechtutor.schema import VERSION

    opened = open_store(store, create=False)
    try:
        if id not in opened.learners():
            raise InputError(f"nobody in {opened.where} is called {id!r}")
        opened.audit.note("show", id)
        profile, state = opened.profiles.get(id), opened.state(id)
        attempts = list(opened.attempts(id))
    finally:
        opened.close()
    found = of(profile, state, attempts, datetime.now(UTC), since)
    if page is not None:
        from speechtutor.report.learner_page import build

        built = build(profile, state, attempts, page, datetime.now(UTC), since)
        note(f"written: {', '.join(map(str, [built.page, *built.beside]))}")
    if json:
        as_json({"schema_version": VERSION, **found})
    else:
        print("\n".join(lines(found)))


def set_(
    id: Name,
    /,
    *,
    l1: Annotated[str | None, Parameter(help="First language, such as zh, es, ja.")] = None,
    level: Annotated[str | None, Parameter(help="CEFR level by your own account: A1 to C1.")] = None,
    goals: Listed = None,
    interests: Listed = None,
    minutes: Annotated[int | None, Parameter(help="Minutes a day.")] = None,
    born: Annotated[int | None, Parameter(help="Year of birth: a minor needs a guardian.")] = None,
    guardian: Annotated[str | None, Parameter(help="Who consents for a minor.")] = None,
    keep_audio: Annotated[
        bool | None, Parameter(help="Keep recordings, sealed.", negative="--drop-audio")
    ] = None,
    keep_days: Annotated[int | None, Parameter(help="Days that a recording is kept.")] = None,
    research: Annotated[
        bool | None, Parameter(help="Be counted in the export for research.", negative="--no-research")
    ] = None,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Say who a learner is, what they want, and what they allow; what is not named stays as it was."""
    from speechtutor.files import jsonio
    from speechtutor.learner.profiles import first_languages

    given: dict[str, Any] = {
        "l1": l1, "level": None if level is None else level.upper(), "minutes": minutes, "born": born,
        "guardian": guardian, "keep_audio": keep_audio, "keep_days": keep_days, "research": research,
        "goals": _listed(goals), "interests": _listed(interests),
    }  # fmt: skip
    changed = {name: value for name, value in given.items() if value is not None}
    now = datetime.now(UTC)
    if guardian:
        changed["consent"] = now
    opened = open_store(store)
    try:
        profile: Profile = replace(opened.profiles.get(id), **changed)
        if changed:
            opened.profiles.put(profile, now)
            opened.audit.note(f"set {', '.join(sorted(changed))}", id)
    finally:
        opened.close()
    if l1 and l1 not in first_languages():
        note(f"nothing is known of speakers of {l1}: their sounds begin at the mean of all")
    value = jsonio.encode(profile)
    if json:
        as_json(value)
        return
    for name, what in value.items():
        shown = ", ".join(what) if isinstance(what, list | tuple) else "-" if what in (None, "") else what
        print(f"{name:<11}{shown}")


def _listed(text: str | None) -> tuple[str, ...] | None:
    if text is None or text.strip() == "none":
        return None if text is None else ()
    return tuple(part.strip() for part in text.split(",") if part.strip())
