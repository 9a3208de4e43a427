"""A checkpoint says what it is: written by trainings, read by loaders, told by config.json otherwise."""

from __future__ import annotations

import importlib
import importlib.util
import json
from pathlib import Path

import pytest

from recipes.shared import synthetic
from speechtutor import hub, registry
from speechtutor.errors import ModelError
from speechtutor.hub import description, shipped
from speechtutor.hub.description import Description, Role
from speechtutor.models import acoustic
from speechtutor.models.phone_encoder import SYMBOLS
from tests.conftest import need


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    what = Description(
        "ctc", "base", ("<pad>", "ʃ"), 0.02, ("phone",), {"seed": 3, "read": ["a", None]}, "MIT"
    )
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


# A folder that is another kind of thing is refused in one line, whoever asks

ASKED: dict[str, tuple[str, Role]] = {
    "speechtutor.models.acoustic:load": ("checkpoint", description.PHONES),
    "speechtutor.models.acoustic_onnx:load": ("checkpoint", description.PHONES_ONNX),
    "speechtutor.models.diagnosis:load": ("checkpoint", description.DIAGNOSIS),
    "speechtutor.models.faster_whisper:load": ("checkpoint", description.WHISPER_CT2),
    "speechtutor.models.kokoro:load": ("checkpoint", description.VOICE),
    "speechtutor.models.llm:load": ("checkpoint", description.CHAT),
    "speechtutor.models.llm_grammar:load": ("checkpoint", description.CHAT),
    "speechtutor.models.scorer:load": ("checkpoint", description.SCORER),
    "speechtutor.models.wav2vec2:load": ("checkpoint", description.CTC),
    "speechtutor.models.whisper:load": ("checkpoint", description.WHISPER),
    "speechtutor.models.whisper:load_learners": ("checkpoint", description.WHISPER),
    "speechtutor.models.whisper_onnx:load": ("checkpoint", description.WHISPER_ONNX),
    "speechtutor.models.llm:load_trained": ("checkpoint", description.CHAT),
    "speechtutor.models.llm:load adapter": ("adapter", description.TUTOR_ADAPTER),
    "speechtutor.models.llm_grammar:load adapter": ("adapter", description.TUTOR_ADAPTER),
    "speechtutor.models.whisper:load adapter": ("adapter", description.WHISPER_ADAPTER),
}
"""Every loader that takes a folder, the option that takes it, and what it asks for."""

STRANGERS = [
    pytest.param(name, loader, id=f"{name} {loader.rpartition('.')[2]}")
    for name in sorted(shipped.sums())
    for loader, (_, role) in ASKED.items()
    if description.read(shipped.WEIGHTS / name).kind not in role.kinds
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.tiny_asr_whisper(tmp_path_factory.mktemp("whisper"))


def test_every_loader_of_the_registry_is_asked() -> None:
    rows = [row for row in registry.entries() if row.target.startswith("speechtutor.models.")]
    targets = {row.target for row in rows if ".fake" not in row.target and "server" not in row.target}
    assert targets - {"speechtutor.models.llm_server:load"} <= ASKED.keys()


@pytest.mark.parametrize("name", sorted(shipped.sums()))
def test_what_ships_says_all_of_itself(name: str) -> None:
    what = description.own(shipped.WEIGHTS / name)
    assert what is not None and what.licence == shipped.LICENCE
    assert description.FILE in shipped.sums()[name]
    config = shipped.WEIGHTS / name / "config.json"
    told = json.loads(config.read_text(encoding="utf-8")) if config.is_file() else {}
    # What the loaders read stands in two files and must not contradict itself.
    for key in {"base", "acoustic", "ear"} & told.keys():
        if isinstance(told[key], str):
            assert what.base == told[key]
    if "symbols" in told:
        assert what.symbols == tuple(told["symbols"]) and bool(what.rates) == told["rated"]


@pytest.mark.parametrize(("name", "loader"), STRANGERS)
def test_another_kind_is_refused(name: str, loader: str, tiny: Path) -> None:
    option, role = ASKED[loader]
    address = loader.partition(" ")[0]
    module, _, function = address.partition(":")
    if "faster_whisper" in module:
        need(importlib.util.find_spec("faster_whisper"), "faster-whisper is not installed")
    folder = shipped.WEIGHTS / name
    words = description.IN_WORDS[description.read(folder).kind]
    given = {option: folder} | ({"checkpoint": tiny} if "whisper:load adapter" in loader else {})
    with pytest.raises(ModelError) as caught:
        getattr(importlib.import_module(module), function)(device="cpu", **given)
    assert str(caught.value) == f"{folder} is {words}; {role.name} was expected"


@pytest.mark.parametrize(
    "name", ["tutor-lora", "feedback-lora", "scorer", "diagnosis", "whisper-base-learners"]
)
def test_a_transcriber_is_looked_for_among_recognisers_only(name: str) -> None:
    with pytest.raises(ModelError, match=f"{name} is an? .*; a transcriber was expected"):
        registry.load("transcriber", str(shipped.WEIGHTS / name))


def test_a_folder_of_others_is_for_its_loader_to_judge(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "wav2vec2"}')
    description.check(tmp_path, description.SCORER)
    assert hub.resolve(tmp_path, role=description.SCORER) == tmp_path
