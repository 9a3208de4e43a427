"""What looks like a file and never begins, or never ends."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import audio
from speechtutor.cli import main
from speechtutor.corpora import formats, manifest, sheets
from speechtutor.errors import SpeechTutorError
from speechtutor.evaluation import result
from speechtutor.files import fingerprint, jsonio, reading
from tests.conftest import EXAMPLES, need

GOOD = EXAMPLES / "weather-good.flac"
DOORS: dict[str, Callable[[Path], object]] = {
    "audio": audio.load,
    "json": jsonio.read_object,
    "lines": lambda path: list(jsonio.file_lines(path)),
    "manifest": manifest.read,
    "text": formats.text_of,
    "sheet": lambda path: list(sheets.rows(path)),
    "rows": lambda path: list(result.read_rows(path)),
    "hash": fingerprint.sha256,
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    need(hasattr(os, "mkfifo"), "no pipes with names here")
    monkeypatch.setattr(reading, "PATIENCE", 0.2)
    monkeypatch.setattr(reading, "MOST", 2**21)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("door", DOORS)
def test_a_pipe_that_nobody_writes_to_is_not_waited_for_without_end(door: str, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(SpeechTutorError, match=r"pipe: nothing came for 0\.2 s$"):
        DOORS[door](path)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("door", DOORS)
def test_a_pipe_that_is_held_open_and_says_nothing_more(door: str, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with path.open("r+b", buffering=0) as held:
        held.write(b"{")
        with pytest.raises(SpeechTutorError, match=r"pipe: nothing came for 0\.2 s$"):
            DOORS[door](path)


@pytest.mark.timeout(30)
@pytest.mark.parametrize("door", [name for name in DOORS if name not in ("audio", "hash")])
def test_a_device_without_end_is_read_up_to_a_limit(door: str) -> None:
    with pytest.raises(
        SpeechTutorError, match=r"^/dev/zero: has no end within 2 MiB, and is no file on a disk$"
    ):
        DOORS[door](Path("/dev/zero"))


@pytest.mark.parametrize("door", DOORS)
def test_a_socket_and_a_folder_are_said(door: str, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(tmp_path / "s"))
        for path in (tmp_path / "s", tmp_path):
            with pytest.raises(SpeechTutorError) as told:
                DOORS[door](path)
            assert str(path) in str(told.value) and "\n" not in str(told.value)


def test_a_pipe_that_is_written_to_slowly_is_read_whole(tmp_path: Path) -> None:
    path, data = tmp_path / "pipe", GOOD.read_bytes()
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as stream:
            for start in range(0, len(data), 1 + len(data) // 5):
                stream.write(data[start : start + 1 + len(data) // 5])
                stream.flush()
                threading.Event().wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    heard = audio.load(path)
    writer.join()
    assert heard.samples.tobytes() == audio.load(GOOD).samples.tobytes()


def test_a_file_on_a_disk_has_no_limit(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * (reading.MOST + 1))
    assert len(reading.read_bytes(tmp_path / "large")) == reading.MOST + 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", ["fifo", "/dev/zero", "socket", "folder", "loop"])
@pytest.mark.parametrize(
    "words",
    [["coach", "{}", "I think so"], ["score", "{}", "I think so", "--model", "fake"],
     ["align", "{}", "I think so", "--model", "fake"], ["transcribe", "{}", "--model", "fake"],
     ["batch", "{}", "--out", "made.jsonl", "--scorer", "fake"],
     ["evaluate", "scoring", "{}", "--root", ".", "--out", "made", "--scorer", "fake"],
     ["report", "--class", "{}"], ["app", "--auth-file", "{}", "--port", "1"]],
    ids=lambda words: words[0],
)  # fmt: skip
def test_every_verb_that_reads_a_file_says_one_line(
    words: list[str], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    given, made = tmp_path / "given", None
    if kind == "fifo":
        os.mkfifo(given)
    elif kind == "socket":
        made = socket.socket(socket.AF_UNIX)
        made.bind("given")
    elif kind == "folder":
        given.mkdir()
    elif kind == "loop":
        given.symlink_to(given)
    else:
        given = Path(kind)
    if words[0] == "coach":
        words = [*words, "--scorer", "fake", "--tutor", "fake"]
    status = main([word.format(given) if "{}" in word else word for word in words])
    if made is not None:
        made.close()
    told = capsys.readouterr()
    lines = [line for line in told.err.splitlines() if line.startswith("speechtutor: error: ")]
    assert status in (1, 2) and len(lines) == 1, told.err
    assert "given" in lines[0] or "/dev/zero" in lines[0]
    assert "foresaw" not in told.err and "Errno" not in told.err
