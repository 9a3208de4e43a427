"""`speechtutor learner` …: verbs about the store itself: whole, backed up, swept, logged, counted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, open_store, show
from speechtutor.core.wording import counted
from speechtutor.errors import InputError

Store = Annotated[str | None, Parameter(help="Learner store, as a URL (yours)")]
Some = Annotated[str | None, Parameter(help="One learner (all)")]


def verify(id: Some = None, /, *, store: Store = None, json: AsJson = False) -> int:
    """Say whether what is kept of each learner is what the attempts lead to; status 1 where it is not."""
    opened = open_store(store, create=False)
    try:
        found = {name: opened.verify(name) for name in _names(opened.learners(), id, opened.where)}
    finally:
        opened.close()
    if json:
        show(found)
    else:
        for name, right in found.items():
            print(
                f"{name}: {'as the attempts say' if right else 'not what the attempts say: learner rebuild'}"
            )
    return 0 if all(found.values()) else 1


def rebuild(id: Some = None, /, *, store: Store = None, json: AsJson = False) -> None:
    """Make what is kept of each learner from the attempts again."""
    opened = open_store(store, create=False)
    try:
        names = _names(opened.learners(), id, opened.where)
        found = {name: opened.rebuild(name).n_attempts for name in names}
    finally:
        opened.close()
    if json:
        show(found)
    else:
        for name, n_attempts in found.items():
            print(f"{name}: from {counted(n_attempts, 'attempt')}")


def _names(known: tuple[str, ...], id: str | None, where: str) -> tuple[str, ...]:
    if id is not None and id not in known:
        raise InputError(f"nobody in {where} is called {id!r}")
    return known if id is None else (id,)


def backup(
    out: Annotated[Path, Parameter(help="The new file, which only you can read.")],
    /,
    *,
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Write the whole store to one file; without the key of the recordings, which is a file beside it."""
    from speechtutor.learner.backup import backup as write

    opened = open_store(store, create=False)
    try:
        opened.audit.note("backup")
        size, key = write(opened, out), opened.vault.key_path
    finally:
        opened.close()
    if json:
        show({"path": str(out), "bytes": size})
    else:
        print(f"{out}: {size} bytes" + (f"; recordings open with {key} only" if key.exists() else ""))


def restore(
    source: Annotated[Path, Parameter(help="A file that `learner backup` wrote.")],
    /,
    *,
    replace: Annotated[bool, Parameter(help="Lose the store that is there.")] = False,
    json: AsJson = False,
) -> None:
    """Put a backup in the place of this machine's store."""
    from speechtutor.learner.backup import restore as put
    from speechtutor.learner.store import place

    n_attempts = put(source, place(), replace=replace)
    opened = open_store()
    try:
        opened.audit.note("restore")
    finally:
        opened.close()
    if json:
        show({"path": str(place()), "attempts": n_attempts})
    else:
        print(f"{place()}: {counted(n_attempts, 'attempt')}")


def sweep(*, store: Store = None, json: AsJson = False) -> None:
    """Delete recordings whose time is over, down to the bytes."""
    from datetime import UTC, datetime

    opened = open_store(store, create=False)
    try:
        gone = opened.vault.sweep(datetime.now(UTC))
    finally:
        opened.close()
    show({"recordings": gone}) if json else print(f"{counted(gone, 'recording')} deleted")


def audit(id: Some = None, /, *, store: Store = None, json: AsJson = False) -> None:
    """Say who looked at, changed or handed out whose record."""
    from dataclasses import asdict

    opened = open_store(store, create=False)
    try:
        found = opened.audit.entries(id)
    finally:
        opened.close()
    if json:
        show([asdict(one) for one in found])
        return
    for one in found:
        print(f"{one.at}  {one.who}  {one.what}  {one.learner}")


def research(
    *,
    out: Annotated[Path, Parameter(help="The table: .csv.")],
    store: Store = None,
    json: AsJson = False,
) -> None:
    """Write counts of those who allow it by first language, level and skill; small cells say nothing."""
    from dataclasses import asdict

    from speechtutor.commands.output import write
    from speechtutor.learner.research import COLUMNS, cells
    from speechtutor.report.export import csv_text

    opened = open_store(store, create=False)
    try:
        opened.audit.note("research")
        found = cells((one, opened.state(one.learner)) for one in opened.profiles.every() if one.research)
    finally:
        opened.close()
    write(out, csv_text((asdict(one) for one in found), COLUMNS))
    small = sum(one.learners is None for one in found)
    if json:
        show({"path": str(out), "cells": len(found), "suppressed": small})
    else:
        print(f"{out}: {len(found)} cells, {small} of them too small to tell")
