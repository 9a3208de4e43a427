"""The last guard: one printable line of anything, a log that is bounded and for its owner alone."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from speechtutor.errors import cause, plain
from speechtutor.files import guard


@pytest.mark.parametrize(
    ("message", "given", "line"),
    [
        ("a.wav: holds\n  no samples", (), "a.wav: holds no samples"),
        ("a\nb.wav: is gone", ("a\nb.wav",), r"a\nb.wav: is gone"),
        ("\x1b[31mred\x07.wav", (), r"\x1b[31mred\x07.wav"),
        ("x\u202ey\u2028z\udcff", (), r"x\u202ey z\udcff"),
        ("ValueError: bad; [Errno 2] No such file", (), "bad; No such file"),
        ("MyError.wav: OSError(5)", (), "MyError.wav: (5)"),
        ("名前 é 😀", (), "名前 é 😀"),
    ],
)
def test_a_line(message: str, given: tuple[str, ...], line: str) -> None:
    assert guard.line(message, given) == line
    assert guard.line(line) == line


def test_a_long_line_keeps_both_ends() -> None:
    told = guard.line(f"begin {'x' * 5000} end")
    assert told.startswith("begin x") and told.endswith("x end") and len(told) < 650


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOENT, "No such file or directory", "a.wav"), "No such file or directory: a.wav"),
        (OSError(errno.EACCES, "Permission denied"), "Permission denied"),
        (OSError("disk\nfell off"), "disk fell off"),
        (MemoryError(), "not enough memory"),
        (RecursionError("maximum"), "it is nested too deeply"),
        (UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), "it holds characters"),
        (ValueError(), "no cause was given"),
        (ValueError("torch.OutOfMemoryError: 3 GiB"), "3 GiB"),
    ],
)
def test_a_cause_in_words(error: Exception, told: str) -> None:
    assert cause(error).startswith(told)
    assert plain(cause(error)) == cause(error)


@pytest.mark.writes_home
def test_logs_are_bounded_private_and_hold_the_traceback() -> None:
    error = ValueError("x" * 2 * guard.MOST_BYTES)
    lines = [guard.unforeseen(f"score {i}.wav", error) for i in range(guard.MOST_LOGS + 5)]
    last = Path(lines[-1].split("report it with ")[1])
    kept = sorted(last.parent.iterdir())
    assert len(kept) == guard.MOST_LOGS and last in kept
    assert {stat.S_IMODE(path.stat().st_mode) for path in kept} == {0o600}
    assert max(path.stat().st_size for path in kept) <= guard.MOST_BYTES
    assert stat.S_IMODE(last.parent.stat().st_mode) == 0o700


def test_without_a_log_the_line_says_both_causes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "file" / "home"))
    told = guard.unforeseen("score a.wav", ZeroDivisionError("division by zero"))
    assert told.startswith("score a.wav: failed in a way that nobody foresaw: division by zero")
    assert f"(no log was kept: Not a directory: {tmp_path}/file/home" in told
