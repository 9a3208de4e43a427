"""One table: which models there are for each stage, and how to load one by name.

Rows are strings only, so listing them loads nothing. A third party adds rows through an entry
point of the group `speechtutor` that gives an `Entry` or a sequence of them.

A factory is called as `factory(checkpoint=..., device=..., **options)`. `checkpoint` is a name of
the model store, a directory, a hub id or, for a server, its address; None is the factory's own.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, overload

from speechtutor import hub
from speechtutor.errors import InputError, ModelError, UnknownModelError, cause, require
from speechtutor.hub import description
from speechtutor.stages import AcousticModel, GrammarCorrector, Scorer, Synthesizer, Transcriber, Tutor

GROUP = "speechtutor"
"""The entry point group of third parties."""

STAGES = ("transcriber", "acoustic", "scorer", "tutor", "grammar", "synthesizer")

EXTRAS: Mapping[str, str] = MappingProxyType({"whisper": "faster_whisper"})
"""The module by which an extra is recognised as installed."""

DEFAULTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "transcriber": ("faster-whisper-base", "whisper-base"),
        "acoustic": ("whisper-base-phones",),
        "scorer": ("raters",),
        "tutor": ("rules",),
        "grammar": ("rules",),
        "synthesizer": ("kokoro",),
    }
)
"""Per stage the preferred models; the first whose extra is installed is the default."""

READERS: Mapping[str, str] = MappingProxyType(
    {
        "transcriber": "whisper-base",
        "acoustic": "whisper-base-phones",
        "scorer": "raters",
        "tutor": "smollm2-135m-instruct",
        "grammar": "smollm2-135m-instruct",
        "synthesizer": "kokoro",
    }
)
"""Per stage the model whose code reads a directory of the user."""

LIVE: Mapping[str, str] = MappingProxyType(
    {"tutor": "smollm2-135m-tutor", "grammar": "smollm2-135m-instruct"}
)
"""Per stage the model that speaks to a learner where nobody names one, once what it needs has been pulled."""

HUB_STAGES = ("transcriber", "acoustic", "tutor", "grammar")
"""Stages that take a hub id too."""

ANY = ("*",)
"""Languages of a model that is not tied to one."""

CTC_TYPES = ("data2vec-audio", "hubert", "unispeech-sat", "wav2vec2", "wav2vec2-conformer", "wavlm")
"""What `model_type` is in the config of a CTC recogniser of letters."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model of a stage.

    `target` is "module:factory"; `checkpoint` what the factory is given; `revision` the content or
    commit it is pinned to; `licence` that of the weights; `extra` what must be installed for it.
    """

    stage: str
    name: str
    target: str
    licence: str
    summary: str
    checkpoint: str | None = None
    revision: str | None = None
    langs: tuple[str, ...] = ("en",)
    extra: str | None = None

    def __post_init__(self) -> None:
        if self.stage not in STAGES:
            raise ModelError(f"{self.name} has stage {self.stage!r}, expected one of {', '.join(STAGES)}")
        if not all(self.target.partition(":")):
            raise ModelError(f"{self.name} has target {self.target!r}, expected module:factory")

    @property
    def installed(self) -> bool:
        """Whether the extra that it needs is there."""
        return self.extra is None or importlib.util.find_spec(EXTRAS.get(self.extra, self.extra)) is not None

    def factory(self) -> Callable[..., Any]:
        """What makes the model; imports its module.

        Raises:
            MissingExtraError: when what it needs is not installed.
            ModelError: when the module has no such factory.
        """
        if self.extra is not None:
            require(EXTRAS.get(self.extra, self.extra), extra=self.extra)
        module, _, attribute = self.target.partition(":")
        made: Callable[..., Any] | None = getattr(importlib.import_module(module), attribute, None)
        if made is None:
            raise ModelError(f"{self.stage} {self.name}: {module} has no {attribute}")
        return made


_OF_CHECKPOINT = "that of the checkpoint"


def _row(row: Mapping[str, Any]) -> Entry:
    return Entry(**{**row, "langs": tuple(row["langs"])})


def _own() -> list[Entry]:
    table = Path(__file__).with_name("registry.toml").read_text(encoding="utf-8")
    return [_row(row) for row in tomllib.loads(table)["model"]]


def collect(rows: Iterable[Entry]) -> tuple[Entry, ...]:
    """The rows sorted by stage and name, with the revision of what the store pins.

    Raises:
        ModelError: when two rows have the same stage and name.
    """
    found: dict[tuple[int, str], Entry] = {}
    for row in rows:
        key = (STAGES.index(row.stage), row.name)
        if key in found:
            raise ModelError(
                f"two models are named {row.name!r} ({row.stage}): {found[key].target}, {row.target}"
            )
        pinned = hub.checkpoints().get(row.checkpoint or "")
        found[key] = replace(row, revision=pinned.revision) if pinned else row
    return tuple(found[key] for key in sorted(found))


@cache
def entries() -> tuple[Entry, ...]:
    """Every model there is, own and third parties', sorted by stage and name."""
    return collect((*_own(), *_third_party()))


def _third_party() -> list[Entry]:
    rows: list[Entry] = []
    for point in entry_points(group=GROUP):
        given = point.load()
        given = [given] if isinstance(given, Entry) else list(given)
        if not all(isinstance(row, Entry) for row in given):
            raise ModelError(f"the entry point {point.name} = {point.value} gives no registry entries")
        rows += given
    return rows


def default(stage: str) -> str:
    """The name of the model that a stage takes when none is named."""
    names = {entry.name for entry in _of(stage) if entry.installed}
    return next(name for name in DEFAULTS[stage] if name in names)


WRITER = "smollm2-135m-instruct"
"""The tutor whose model also writes sentences, where nobody names one: it follows examples."""


def ready(stage: str) -> str:
    """The model that a learner meets in a stage when none is named: the one of `LIVE` where it is there.

    Nothing is fetched for it: that would keep a learner without a network waiting.
    """
    name = LIVE.get(stage)
    if name is None:
        return default(stage)
    entry = find(stage, name)
    here = entry.checkpoint is not None and hub.located(entry.checkpoint) is not None
    return name if entry.installed and here else default(stage)


def _of(stage: str) -> list[Entry]:
    if stage not in STAGES:
        raise hub.unknown("stage", stage, STAGES)
    return [entry for entry in entries() if entry.stage == stage]


def find(stage: str, name: str) -> Entry:
    """The row of a name; a directory, a hub id or an address becomes a row of its own.

    Raises:
        UnknownModelError: naming the closest and all known names.
        ModelError: when the directory or hub id holds nothing that this stage can use.
    """
    rows = _of(stage)
    for entry in rows:
        if entry.name == name:
            return entry
    if stage == "tutor" and name.startswith(("http://", "https://")):
        return replace(_named(rows, "openai-server"), name=name, checkpoint=name)
    _check_place(stage, name, rows)
    family = _family(name) if stage == "transcriber" else READERS[stage]
    return replace(
        _named(rows, family),
        name=name,
        checkpoint=name,
        revision=None,
        licence=_OF_CHECKPOINT,
        summary="A checkpoint of the user",
        langs=ANY,
    )


def _check_place(stage: str, name: str, rows: Iterable[Entry]) -> None:
    """Refuse what is neither a folder here nor may be an id of the hub; whether it is one, a loader asks."""
    if hub.is_here(name) or (stage in HUB_STAGES and hub.is_hub_id(name)):
        return
    known = [entry.name for entry in rows]
    if "/" not in name or not name.isprintable():
        raise hub.unknown(stage, name, known)
    may = "it can be no id of the hub" if stage in HUB_STAGES else f"a {stage} is not read from the hub"
    told = f"there is no such folder, and {may}; known names: {', '.join(known)}"
    raise UnknownModelError(f"{name[:200]} is not here: {told}")


def _named(rows: Iterable[Entry], name: str) -> Entry:
    return next(entry for entry in rows if entry.name == name)


def _family(source: str) -> str:
    """The model whose code reads a recogniser, by what lies in its directory or its config says."""
    if (place := hub.folder(source)) is not None:
        description.check(place, description.TRANSCRIBER)
    if (Path(source) / "model.bin").is_file():
        return "faster-whisper-base"
    if (Path(source) / "decoder.onnx").is_file():
        return "whisper-onnx"
    kind = _model_type(source)
    if kind == "whisper":
        return "whisper-base"
    if kind in CTC_TYPES:
        return "wav2vec2"
    known = ", ".join(("whisper", *CTC_TYPES))
    raise ModelError(f"{source} has model_type {kind!r}, which no transcriber reads; known: {known}")


def _model_type(source: str) -> str | None:
    place = hub.resolve(source)
    path = hub.hub_file(place, "config.json") if isinstance(place, str) else place / "config.json"
    if not path.is_file():
        raise ModelError(f"{source} is no checkpoint: it has no config.json")
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{source} has a damaged config.json: {cause(error)}") from None
    return config.get("model_type") if isinstance(config, dict) else None


def load_scorer(
    name: str | None = None, *, device: str | None = None, strictness: str | None = None
) -> Scorer:
    """Load a scorer that names wrong sounds as readily as is asked for; None is the scorer's own way.

    Raises:
        SpeechTutorError: as `load`; InputError for a scorer that cannot be more or less strict.
    """
    return load("scorer", name, device=device, **({} if strictness is None else {"strictness": strictness}))


@overload
def load(
    stage: Literal["transcriber"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> Transcriber: ...
@overload
def load(
    stage: Literal["acoustic"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> AcousticModel: ...
@overload
def load(
    stage: Literal["scorer"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> Scorer: ...
@overload
def load(
    stage: Literal["tutor"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> Tutor: ...
@overload
def load(
    stage: Literal["grammar"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> GrammarCorrector: ...
@overload
def load(
    stage: Literal["synthesizer"], name: str | None = ..., *, device: str | None = ..., **options: Any
) -> Synthesizer: ...
@overload
def load(stage: str, name: str | None = ..., *, device: str | None = ..., **options: Any) -> Any: ...
def load(stage: str, name: str | None = None, *, device: str | None = None, **options: Any) -> Any:
    """Load a model: by name, by directory or hub id, by a server's address; by default the stage's own.

    `options` go to the factory; `checkpoint=` among them replaces the row's.

    Raises:
        UnknownModelError: naming the closest and all known names.
        InputError: for an option that the model does not have.
        ModelError: when the model cannot be fetched or loaded.
    """
    entry = find(stage, default(stage) if name is None else name)
    factory = entry.factory()
    options = {"checkpoint": entry.checkpoint, "device": device} | options
    parameters = inspect.signature(factory).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        for option in options:
            if option not in parameters:
                takes = ", ".join(sorted(parameters))
                raise InputError(f"{stage} {entry.name} has no option {option!r}, only {takes}")
    return factory(**options)
