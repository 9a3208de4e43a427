"""Thousands of hostile commands: each ends in a result or in one line that names item and cause.

python -m tests.test_fuzz 3000 --seed 762      the counts by verb and outcome, and what failed
"""

from __future__ import annotations

import contextlib
import io
import re
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from speechtutor import cli
from speechtutor.batch import pools
from speechtutor.commands import app as app_verb
from speechtutor.commands import bench as bench_verb
from speechtutor.commands import doctor as doctor_verb
from tests.batch.here import inline
from tests.support import fuzz, fuzz_verbs

SECONDS = 30
"""A command over small files and fakes that takes longer hangs; no engine is loaded by any of them."""
LONGEST = 700
PYTHON = re.compile(r"\[Errno|Traceback|\b[A-Z]\w*(?:Error|Exception)\b(?=[:(])|<class '|object at 0x")


class HungError(BaseException):
    """No `except Exception` of ours may take it for a failure."""


@dataclass(frozen=True)
class Done:
    argv: list[str]
    status: object
    err: str
    seconds: float

    @property
    def wrong(self) -> str:
        """What is wrong with how the command ended; "" for nothing."""
        if self.status not in (0, 1, 2):
            return str(self.status)
        lines = [line for line in self.err.split("\n") if line.startswith("speechtutor: error: ")]
        if "nobody foresaw" in self.err or "unexpected " in self.err:
            return "unforeseen"
        if self.status == 2 and len(lines) != 1:
            return f"{len(lines)} lines"
        return next(filter(None, map(self._unclear, lines)), "")

    def _unclear(self, line: str) -> str:
        if PYTHON.search(line):
            return "Python in the message"
        if len(line) > LONGEST:
            return "too long"
        if not line.isprintable():
            return "unprintable"
        return "" if self._names_an_item(line) else "no item"

    def _names_an_item(self, line: str) -> bool:
        """Whether a word of the command, or a file that it was about, is in the message."""
        if re.search(r"--\w|the text|option: -|learner store at /", line):
            return True
        words = {part for word in self.argv for part in (word, word.strip("-"), Path(word).name, word[:25])}
        shown = {repr(word)[1:-1] for word in words} | {" ".join(word.split()) for word in words}
        if any(
            re.search(rf"(^|[\s'\"]){re.escape(word)}($|[\s'\"])", line)
            for word in self.argv
            if len(word) == 1
        ):
            return True
        return (
            any(len(word) > 1 and word.lower() in line.lower() for word in words | shown)
            or '""' in line
            or "''" in line
        )


@contextlib.contextmanager
def _limit() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise HungError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(argv: list[str]) -> Done:
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="strict") for _ in range(2))
    start, status = time.perf_counter(), "none"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            with _limit():
                status = cli.main(argv)  # type: ignore[assignment]
        except HungError:
            status = "hang"
        except BaseException as error:
            status = f"traceback {type(error).__name__}: {error}"[:200]
    err.flush()
    told = err.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
    return Done(argv, status, told, time.perf_counter() - start)


def brief(argv: list[str]) -> str:
    """A command with its long words cut."""
    return " ".join(repr(word if len(word) < 60 else f"{word[:50]}…{len(word)}") for word in argv)


def many(folder: Path, n: int, seed: int) -> list[Done]:
    world = fuzz.build(folder, seed)
    return [run(fuzz_verbs.command(world)) for _ in range(n)]


def lighter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what starts processes or loads networks: that is not what is tried here."""
    monkeypatch.setattr(bench_verb, "startup", dict)
    monkeypatch.setattr(pools, "processes", lambda n: inline()())
    monkeypatch.setattr(
        doctor_verb, "CHECKS", tuple(c for c in doctor_verb.CHECKS if c is not doctor_verb.torch_pair)
    )
    checks: Any = SimpleNamespace(serve=_checked)
    monkeypatch.setattr(app_verb, "module", lambda *_: checks)


def _checked(*_: object, host: str, port: int, **__: object) -> None:
    from demo import serving

    serving.check_address(host, port)


@pytest.mark.writes_home
@pytest.mark.parametrize(
    ("n", "seed"), [(600, 762), pytest.param(3000, 763, marks=pytest.mark.slow, id="3000-763")]
)
@pytest.mark.timeout(1800)
def test_hostile_commands(n: int, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lighter(monkeypatch)
    monkeypatch.chdir(tmp_path)
    done = many(tmp_path, n, seed)
    wrong = [f"{one.wrong}: {brief(one.argv)}\n    {one.err[-500:]}" for one in done if one.wrong]
    assert not wrong, f"{len(wrong)} of {n}:\n" + "\n".join(wrong[:20])
    counts = Counter(one.status for one in done)
    assert counts[0] > n // 10 and counts[2] > n // 4, f"the commands try nothing: {counts}"


def main(argv: list[str] | None = None) -> None:
    """Print the counts of one round; a home of its own, which goes with it."""
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int)
    parser.add_argument("--seed", type=int, default=762)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        lighter(patch)
        patch.setenv("SPEECHTUTOR_HOME", str(Path(folder) / "home"))
        patch.chdir(folder)
        done = many(Path(folder), given.n, given.seed)
    counts = Counter(
        (one.argv[0][:12] if one.argv[0] in cli.VERBS else "usage", one.wrong.split(":")[0] or "well")
        for one in done
    )
    for one in done:
        if one.wrong:
            print(f"{one.wrong}: {brief(one.argv)}\n    {one.err[-700:]}")
    for (verb, how), n in sorted(counts.items()):
        print(f"{verb:12} {how:30} {n}")
    slow = sorted(done, key=lambda one: -one.seconds)[:5]
    print(Counter(str(one.status)[:20] for one in done), f"{sum(one.seconds for one in done):.0f} s")
    print("slowest:", [(round(one.seconds, 1), brief(one.argv)) for one in slow])


if __name__ == "__main__":
    main()
