"""A checkpoint says what it is: written by trainings, read by loaders, told by config.json otherwise."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from recipes.shared import synthetic
from speechtutor.errors import ModelError
from speechtutor.hub import shipped
from speechtutor.models import acoustic, description
from speechtutor.models.description import Description
from speechtutor.models.phone_encoder import SYMBOLS


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    what = Description("ctc", ("<pad>", "ʃ"), 0.02, ("phone",), {"seed": 3, "read": ["a", None]})
    description.write(tmp_path, what)
    assert description.read(tmp_path) == what


@pytest.mark.parametrize(
    ("name", "kind"),
    [("whisper-base-phones", "phones-lora"), ("wav2vec2-phones", "ctc"), ("scorer", "scorer")],
)
def test_what_ships_is_known(name: str, kind: str) -> None:
    assert description.read(shipped.WEIGHTS / name).kind == kind


def test_a_training_writes_it(tmp_path: Path) -> None:
    what = description.read(synthetic.tiny_acoustic(tmp_path))
    assert (what.kind, what.symbols, what.frame_shift) == ("phones-lora", SYMBOLS, 0.02)
    assert what.rates == ("phone", "word", "utterance")


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ({"model_type": "wav2vec2"}, "ctc"),
        ({"format": "phones-onnx-1", "symbols": ["a"]}, "phones-onnx"),
        ({"base": "x", "symbols": ["a"], "rated": True}, "phones-lora"),
        # A mention is no key: it is read as JSON and not searched as text.
        ({"base": 'a "model_type"', "symbols": ["a"]}, "phones-lora"),
    ],
)
def test_older_folders_are_told_by_their_config(config: dict[str, object], kind: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert description.read(tmp_path).kind == kind


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"kind": "song"}', '{"kind": "ctc", "symbols": 3}', "\0"]
)
@pytest.mark.parametrize("file", [description.FILE, "config.json"])
def test_what_says_nothing_is_one_line(file: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(ModelError, match="is no checkpoint") as caught:
        acoustic.load(tmp_path, "cpu")
    assert "\n" not in str(caught.value)
