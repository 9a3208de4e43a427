"""The phone recogniser as an acoustic model: a base encoder, a small adapter, an emission.

A trained checkpoint is a folder that holds only what differs from its base encoder:

* `config.json`: the base's name, the symbols, the rank;
* `adapter_model.safetensors`, `adapter_config.json`: a LoRA in peft's own layout;
* `head.safetensors`: the CTC head, the rater head and the encoder's layer norms and biases, float16;
* `lower.safetensors`, where `lower` in `config.json` names a layer: a second CTC head on that layer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import nn
from transformers import AutoConfig, AutoModel
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from speechtutor import hub
from speechtutor.core import SAMPLE_RATE, Alignment, Emission, Ratings, Recording, Seconds
from speechtutor.errors import AudioError, ModelError
from speechtutor.hub import description
from speechtutor.models import acoustic_ctc, acoustic_onnx
from speechtutor.models.acoustic_ctc import PADDING, CtcAcoustic
from speechtutor.models.acoustic_onnx import OnnxAcoustic
from speechtutor.models.convert import whisper_checkpoint
from speechtutor.models.device import pick
from speechtutor.models.phone_encoder import FRAME_SHIFT, SYMBOLS, LowerHead, PhoneEncoder, first_guesses

DEFAULT = "whisper-base-phones"
MIN_SAMPLES = 400
LOWER = "lower.safetensors"

LONGEST = 29.0
"""Seconds heard at once: Whisper has 1,500 positions of 20 ms, and attention grows with the square."""


AT_ONCE = 120.0
"""Seconds of a batch with its padding: what is in memory at a time, however many are asked for."""


def buckets(lengths: Sequence[int], most: float) -> Iterator[list[int]]:
    """The places of `lengths` in groups of like length, each with a padded sum of at most `most`.

    What is longer than that is alone. A recording is padded by a quarter at most: padding costs what speech
    costs.
    """
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        full = group and (
            (len(group) + 1) * lengths[place] > most or lengths[place] > 1.25 * lengths[group[0]]
        )
        if full:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class Acoustic:
    """An acoustic model ready to listen."""

    network: PhoneEncoder
    device: torch.device
    name: str
    version: str = ""
    autocast: bool = False
    rates: bool = False
    longest: Seconds = LONGEST

    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of 39 ARPAbet phones and the blank every 20 ms, with the encoder's last layer.

        Raises:
            AudioError: when the recording is shorter than one frame or not at 16 kHz.
        """
        return self._emitted([recording])[0]

    def emit_many(self, recordings: Sequence[Recording]) -> list[Emission]:
        """As `emit` of each, up to rounding: those of like length go through the encoder at once.

        Raises:
            AudioError: as `emit`, when any recording is refused.
        """
        if not self.network.pads:
            return [self.emit(recording) for recording in recordings]
        found: dict[int, Emission] = {}
        for places in buckets([len(one.samples) for one in recordings], AT_ONCE * SAMPLE_RATE):
            emissions = self._emitted([recordings[i] for i in places])
            found |= dict(zip(places, emissions, strict=True))
        return [found[i] for i in range(len(recordings))]

    @torch.inference_mode()
    def _emitted(self, recordings: Sequence[Recording]) -> list[Emission]:
        for one in recordings:
            if one.sample_rate != SAMPLE_RATE or len(one.samples) < MIN_SAMPLES:
                raise AudioError(f"{self.name} needs at least 25 ms of audio at {SAMPLE_RATE} Hz")
        padding = round(PADDING * SAMPLE_RATE)
        waves = [torch.from_numpy(np.pad(one.samples, padding)).to(self.device) for one in recordings]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            frames = self.network([self.network.features(wave) for wave in waves])
        log_probs, hidden = (of.float().cpu().numpy() for of in (frames.log_probs, frames.hidden))
        lower = None if frames.lower is None else frames.lower.float().cpu().numpy()
        # A copy of its own frames, so that one emission does not keep the whole batch in memory.
        return [
            Emission(
                log_probs=log_probs[i, :n].copy(),
                symbols=SYMBOLS,
                frame_shift=FRAME_SHIFT,
                embedding=hidden[i, :n].copy(),
                origin=-PADDING,
                lower=None if lower is None else lower[i, :n].copy(),
            )
            for i, n in enumerate(frames.lengths.tolist())
        ]

    def rate(self, emission: Emission, alignment: Alignment) -> Ratings | None:
        """The rater head's first guesses, pooled over the alignment; None when there is no trained head."""
        return first_guesses(self.network.rater, emission, alignment, self.device) if self.rates else None


def base_encoder(base: str | Path) -> nn.Module:
    """The pretrained encoder of a Whisper (without its decoder) or of the Wav2Vec2 family, in float32."""
    folder = whisper_checkpoint(base, description.ENCODER)
    settings = AutoConfig.from_pretrained(folder)
    weights = Path(folder) / "model.safetensors"
    if settings.model_type != "whisper" or not weights.is_file():
        model = AutoModel.from_pretrained(folder, dtype=torch.float32)
        found: nn.Module = model.encoder if settings.model_type == "whisper" else model
        return found
    encoder = WhisperEncoder(settings)
    with safe_open(weights, "pt") as file:
        names: list[str] = list(file.keys())
        mark = "encoder.conv1.weight"
        prefix = next(name for name in names if name.endswith(mark)).removesuffix("conv1.weight")
        inside = [name for name in names if name.startswith(prefix)]
        state = {name.removeprefix(prefix): file.get_tensor(name).float() for name in inside}
    encoder.load_state_dict(state)
    return encoder


def restore(folder: Path) -> tuple[PhoneEncoder, bool]:
    """The network of a folder written by `save`, the adapter merged into it, and whether it can rate.

    Raises:
        ModelError: when the folder is not such a checkpoint or its symbols are not this library's.
    """
    description.check(folder, description.PHONES_ADAPTER)
    try:
        settings: dict[str, Any] = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        adapter, rest = (
            load_file(folder / "adapter_model.safetensors"),
            load_file(folder / "head.safetensors"),
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise ModelError(f"{folder} holds no phone recogniser: {error}") from None
    if tuple(settings.get("symbols", ())) != SYMBOLS:
        raise ModelError(f"{folder} was trained with other symbols than this version of speechtutor uses")
    try:
        network = PhoneEncoder(base_encoder(settings["base"]))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError, StopIteration) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"the encoder {settings.get('base')!r} of {folder} cannot be read: {reason}"
        ) from None
    state = network.state_dict()
    for key, down in adapter.items():
        if key.endswith("lora_A.weight"):
            name = "encoder." + key.removeprefix("base_model.model.").replace("lora_A.", "")
            up = adapter[key.replace("lora_A", "lora_B")]
            state[name] += up.float() @ down.float()
    state |= {name: value.float() for name, value in rest.items()}
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"the weights of {folder} do not fit a phone recogniser: {reason:.200}") from None
    network.lower = _lower(folder, settings, network.norm.normalized_shape[0])
    return network, bool(settings.get("rated"))


def _lower(folder: Path, settings: dict[str, Any], width: int) -> LowerHead | None:
    if not settings.get("lower"):
        return None
    head = LowerHead(width, int(settings["lower"]))
    try:
        head.load_state_dict({name: value.float() for name, value in load_file(folder / LOWER).items()})
    except (OSError, RuntimeError, SafetensorError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"the head on a lower layer of {folder} cannot be read: {reason}") from None
    return head


def load(
    checkpoint: str | Path | None = None, device: str | None = None, **options: Any
) -> Acoustic | CtcAcoustic | OnnxAcoustic:
    """An acoustic model from a name of this project's weights, a folder (also an exported one) or a hub id.

    A hub id, and a folder that transformers wrote, must hold a CTC checkpoint that writes phones.

    Raises:
        ModelError: when it is none of these.
    """
    folder = hub.resolve(checkpoint or DEFAULT, role=description.PHONES)
    if isinstance(folder, str):
        return acoustic_ctc.load(folder, device, **options)
    kind = description.read(folder).kind
    if kind == "phones-onnx":
        return acoustic_onnx.load(folder, device, **options)
    if kind == "ctc":
        return acoustic_ctc.load(folder, device, **options)
    if kind != "phones-lora":
        raise ModelError(f"{folder} is {description.IN_WORDS[kind]}; a phone recogniser was expected")
    chosen = pick(device)
    network, rates = restore(folder)
    network = network.eval().to(chosen.name)
    return Acoustic(network, torch.device(chosen.name), folder.name, rates=rates, **options)
