"""What a checkpoint is: a small file beside its weights that every training and export writes.

    {"kind": "phones-lora", "base": "whisper-base", "symbols": [...], "frame_shift": 0.02,
     "rates": ["phone", "word", ...], "fingerprint": {...}, "licence": "Apache-2.0"}

Loaders read it before anything else: `resolve` refuses a folder that is another kind of thing than the
one that is asked for. A folder of others has no such file and is for its loader to judge; a recogniser of
before this file is told by the keys of its config.json.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from speechtutor.core import Seconds
from speechtutor.errors import InputError, ModelError
from speechtutor.files import jsonio
from speechtutor.files.disk import write_text

FILE = "speechtutor.json"
Kind = Literal[
    "phones-lora", "phones-onnx", "ctc", "whisper", "whisper-lora", "whisper-ct2", "whisper-onnx",
    "tutor-adapter", "scorer", "diagnosis",
]  # fmt: skip
IN_WORDS: Mapping[Kind, str] = {
    "phones-lora": "a phone recogniser",
    "phones-onnx": "an exported phone recogniser",
    "ctc": "a CTC network",
    "whisper": "a Whisper",
    "whisper-lora": "an adapter of Whisper",
    "whisper-ct2": "a Whisper for CTranslate2",
    "whisper-onnx": "a Whisper as ONNX",
    "tutor-adapter": "a tutor adapter",
    "scorer": "a scorer",
    "diagnosis": "a diagnosis",
}
ALL_RATED = ("phone", "word", "utterance")
"""The aspects that a full rater head judges."""


@dataclass(frozen=True, slots=True)
class Description:
    """What a checkpoint is.

    `base` names what it was trained or made from, `symbols` are those of an emission, `rates` the aspects
    that it judges; `fingerprint` says what it was made of (see `speechtutor.files.fingerprint`), `licence`
    is that of the weights where somebody has said it.
    """

    kind: Kind
    base: str | None = None
    symbols: tuple[str, ...] = ()
    frame_shift: Seconds | None = None
    rates: tuple[str, ...] = ()
    fingerprint: dict[str, Any] | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """What a loader asks for, and the kinds that do."""

    name: str
    kinds: tuple[Kind, ...] = ()


PHONES = Role("a phone recogniser", ("phones-lora", "phones-onnx", "ctc"))
PHONES_ADAPTER = Role("a phone recogniser as it was trained", ("phones-lora",))
PHONES_ONNX = Role("an exported phone recogniser", ("phones-onnx",))
TRANSCRIBER = Role("a transcriber", ("whisper", "whisper-ct2", "whisper-onnx", "ctc"))
WHISPER = Role("a Whisper", ("whisper",))
WHISPER_CT2 = Role("a Whisper for CTranslate2", ("whisper-ct2",))
WHISPER_ONNX = Role("a Whisper as ONNX", ("whisper-onnx",))
WHISPER_ADAPTER = Role("an adapter of Whisper", ("whisper-lora",))
CTC = Role("a CTC network", ("ctc",))
ENCODER = Role("a speech encoder", ("whisper", "ctc"))
CHAT = Role("a chat model")
TUTOR_ADAPTER = Role("a tutor adapter", ("tutor-adapter",))
SCORER = Role("a scorer", ("scorer",))
DIAGNOSIS = Role("a diagnosis", ("diagnosis",))
VOICE = Role("a voice")


def base_name(base: str | Path) -> str:
    """The name of a base, and not the folder it was read from, which is nobody else's business."""
    return Path(base).name if Path(base).is_dir() else str(base)


def write(folder: Path, what: Description) -> None:
    """Put the description beside the weights.

    Raises:
        StorageError: when the disk refuses.
    """
    write_text(folder / FILE, json.dumps(asdict(what), indent=1, default=str) + "\n")


def own(folder: Path) -> Description | None:
    """What the file beside the weights says, None where there is no such file.

    Raises:
        ModelError: when it is damaged.
    """
    if not (folder / FILE).is_file():
        return None
    try:
        found: Description = jsonio.read(folder / FILE, Description)
    except InputError as error:
        raise ModelError(f"{folder} is no checkpoint: {error}") from None
    return found


def read(folder: Path) -> Description:
    """What the checkpoint of a folder is.

    Raises:
        ModelError: when nothing in it says so, or what says so is damaged.
    """
    if (found := own(folder)) is not None:
        return found
    try:
        return _by_config(folder, jsonio.read_object(folder / "config.json"))
    except InputError as error:
        raise ModelError(f"{folder} is no checkpoint: {error}") from None


def check(folder: Path, role: Role) -> None:
    """Refuse a folder that says it is something else; one that says nothing passes.

    Raises:
        ModelError: naming what it is and what was expected.
    """
    found = own(folder)
    if found is not None and found.kind not in role.kinds:
        raise ModelError(f"{folder} is {IN_WORDS[found.kind]}; {role.name} was expected")


def _by_config(folder: Path, config: Mapping[str, Any]) -> Description:
    symbols = config.get("symbols")
    symbols = tuple(map(str, symbols)) if isinstance(symbols, list) else ()
    rates = ALL_RATED if config.get("rated") else ()
    if str(config.get("format", "")).startswith("phones-onnx"):
        return Description("phones-onnx", symbols=symbols, rates=rates)
    if "model_type" in config:
        return Description("ctc")
    if "base" in config and symbols:
        return Description("phones-lora", str(config["base"]), symbols, rates=rates)
    if "acoustic" in config:
        return Description("scorer")
    raise ModelError(
        f"{folder} is no checkpoint that is known here: neither {FILE} nor config.json says what"
    )
