"""What the model store offers, and how it is named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from speechtutor import hub
from speechtutor.errors import UnknownModelError
from tests.hub.conftest import (
    CONFIG,
    WHEELS,
)

pytestmark = pytest.mark.writes_home


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
