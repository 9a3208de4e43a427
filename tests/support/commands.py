"""What a verb answers: its status and one line for a user's mistake; the stages that need no model."""

from __future__ import annotations

from types import SimpleNamespace

TEXT = "I think so"
FAKES = ["--transcriber", "fake", "--scorer", "fake", "--tutor", "fake"]


def one_line(done: SimpleNamespace, *parts: str) -> None:
    assert done.status == 2
    assert done.out == ""
    assert done.err.count("\n") == 1, done.err
    assert done.err.startswith("speechtutor: error: ")
    for part in parts:
        assert part in done.err
