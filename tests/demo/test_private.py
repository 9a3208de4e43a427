"""Speech that is not kept: taken out of the folder once heard, wiped with the process."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from demo import private
from demo.private import Takes, private_folder
from speechtutor import audio
from speechtutor.errors import AudioError, StorageError
from tests.conftest import EXAMPLES, PROJECT

GOOD = EXAMPLES / "weather-good.flac"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def upload(folder: Path, name: str = "me.flac") -> str:
    path = folder / name.removesuffix(".flac") / name
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(GOOD, path)
    return str(path)


def test_a_take_is_deleted_once_heard_and_can_be_judged_again(tmp_path: Path) -> None:
    takes = Takes(tmp_path)
    path = upload(tmp_path)
    first = takes.load(path)
    assert not Path(path).exists()
    again = takes.load(path)
    assert first.samples.tobytes() == again.samples.tobytes() == audio.load(GOOD).samples.tobytes()
    assert takes.known(path) == GOOD.read_bytes()


def test_the_same_recording_uploaded_again_is_deleted_again(tmp_path: Path) -> None:
    takes = Takes(tmp_path)
    path = upload(tmp_path)
    takes.load(path)
    assert upload(tmp_path) == path
    takes.load(path)
    assert not Path(path).exists()


def test_a_bad_take_is_deleted_too(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("no sound")
    with pytest.raises(AudioError, match="not an audio file"):
        Takes(tmp_path).load(str(path))
    assert not path.exists()


@pytest.mark.parametrize("folder", [None, "elsewhere"])
def test_only_what_lies_in_the_folder_is_deleted(tmp_path: Path, folder: str | None) -> None:
    path = upload(tmp_path)
    Takes(None if folder is None else tmp_path / folder).load(path)
    assert Path(path).exists()
    (tmp_path / "elsewhere").mkdir()
    climbing = f"{tmp_path}/elsewhere/../me/me.flac"
    Takes(tmp_path / "elsewhere").load(climbing)
    assert Path(path).exists()


def test_takes_are_forgotten_by_age_and_by_size(tmp_path: Path) -> None:
    size, clock = GOOD.stat().st_size, Clock()
    takes = Takes(tmp_path, most_bytes=2 * size, seconds=60, clock=clock)
    paths = [upload(tmp_path, f"{i}.flac") for i in range(3)]
    for path in paths:
        takes.load(path)
    assert [takes.known(path) is not None for path in paths] == [False, True, True]
    with pytest.raises(AudioError, match="recordings are not kept, and this one is gone"):
        takes.load(paths[0])
    clock.now = 61.0
    assert takes.known(paths[2]) is None


def test_takes_are_forgotten_by_number_and_those_used_last_stay(tmp_path: Path) -> None:
    takes = Takes(tmp_path, most=2)
    paths = [upload(tmp_path, f"{i}.flac") for i in range(3)]
    takes.load(paths[0])
    takes.load(paths[1])
    takes.load(paths[0])
    takes.load(paths[2])
    assert [takes.known(path) is not None for path in paths] == [True, False, True]


def test_a_take_that_is_used_again_is_still_forgotten_in_time(tmp_path: Path) -> None:
    clock = Clock()
    takes = Takes(tmp_path, seconds=60, clock=clock)
    old, new = upload(tmp_path, "old.flac"), upload(tmp_path, "new.flac")
    takes.load(old)
    clock.now = 50.0
    takes.load(new)
    takes.load(old)
    clock.now = 61.0
    assert takes.known(old) is None and takes.known(new) is not None


@pytest.mark.parametrize(("most", "n_bytes"), [(16, 32_000_000), (256, 2_000_000)])
def test_what_is_remembered_is_little_however_many_speak(most: int, n_bytes: int, tmp_path: Path) -> None:
    """A busy class: each take its own bytes, each under its own name; a bound on numbers, one on bytes."""
    takes = Takes(tmp_path, most_bytes=n_bytes, most=most)
    for number in range(48):
        path = tmp_path / f"{number}.wav"
        path.write_bytes(bytes([number % 256]) * 300_000)
        with contextlib.suppress(AudioError):  # no sound at all, but taken out of the folder
            takes.load(str(path))
    kept = [data for name in range(48) if (data := takes.known(str(tmp_path / f"{name}.wav")))]
    assert 0 < len(kept) <= min(most, n_bytes // 300_000)
    assert sum(map(len, kept)) <= private.MOST_BYTES
    assert not list(tmp_path.iterdir())


@pytest.mark.writes_home
def test_the_folder_is_private_and_gone_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(private.GRADIO_FOLDER, "/before")
    with private_folder() as folder:
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert os.environ[private.GRADIO_FOLDER] == str(folder)
        path = folder / "made.wav"
        path.write_bytes(b"a sound that was made")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert private.TAKES.folder == folder
    assert os.environ[private.GRADIO_FOLDER] == "/before"
    assert not folder.exists() and not list(folder.parent.iterdir())


@pytest.mark.writes_home
def test_what_a_killed_app_left_is_wiped_and_a_running_one_is_let_be() -> None:
    code = (
        "import os, pathlib\nfrom demo.private import private_folder\n"
        "with private_folder() as folder:\n"
        "    (folder / 'me.wav').write_bytes(b'speech')\n"
        "    print(folder, flush=True)\n    input()\n    os._exit(9)\n"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(
        command, cwd=PROJECT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        left = Path(process.stdout.readline().strip())
        with private_folder():
            assert (left / "me.wav").exists(), "it is in use"
        process.communicate("\n")
    assert (left / "me.wav").exists(), "the process had no time to clear up"
    with private_folder() as folder:
        assert [path.name for path in folder.parent.glob("app-*") if path.is_dir()] == [folder.name]


def test_where_the_home_is_not_ours_to_write_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared, own = tmp_path / "shared", tmp_path / "own"
    shared.write_text("a file where a folder belongs: as good as one without rights")
    monkeypatch.setattr(private, "home", lambda: shared)
    monkeypatch.setattr(private, "user_cache_path", lambda *_, **__: own)
    with private_folder() as folder:
        assert folder.is_relative_to(own)
    monkeypatch.setattr(private, "user_cache_path", lambda *_, **__: shared)
    with pytest.raises(StorageError, match=r"no folder for recordings can be made: \w.*SPEECHTUTOR_HOME"):
        private_folder().__enter__()


def test_old_sounds_are_swept(tmp_path: Path) -> None:
    old, new = (Path(upload(tmp_path, name)) for name in ("old.flac", "new.flac"))
    os.utime(old, (0, 0))
    private.sweep(tmp_path, age=60)
    assert not old.exists() and new.exists()
