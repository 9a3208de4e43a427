"""The log of who looked at whom."""

from __future__ import annotations

import pytest

from speechtutor.learner.audit import Entry, who
from speechtutor.learner.store import SqlStore
from tests.learner.conftest import NOON, attempt


def test_entries_in_their_order(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPEECHTUTOR_USER", "Ruth")
    store.audit.note("show", "ana", NOON)
    store.audit.note("class report", now=NOON)
    store.audit.note("export", "ben", NOON)
    at = "2026-05-01T12:00:00+00:00"
    every = [
        Entry(at, "Ruth", "show", "ana"),
        Entry(at, "Ruth", "class report", "*"),
        Entry(at, "Ruth", "export", "ben"),
    ]
    assert store.audit.entries() == every and store.audit.entries("ana") == every[:2]
    assert [row["what"] for row in store.audit.export("ben")] == ["class report", "export"]


def test_a_forgotten_learner_is_not_in_it(store: SqlStore) -> None:
    store.append(attempt("ana"))
    store.audit.note("show", "ana", NOON)
    store.audit.note("class report", now=NOON)
    store.delete("ana")
    assert [one.learner for one in store.audit.entries()] == ["*"]


def test_who_is_somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPEECHTUTOR_USER", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: (_ for _ in ()).throw(OSError("no name")))
    assert who() == "unknown"
