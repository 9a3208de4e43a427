"""The phone recogniser as an acoustic model: a base encoder, a small adapter, an emission.

A trained checkpoint is a folder that holds only what differs from its base encoder:

* `config.json`: the base's name, the symbols, the rank;
* `adapter_model.safetensors`, `adapter_config.json`: a LoRA in peft's own layout;
* `head.safetensors`: the CTC head, the rater head and the encoder's layer norms and biases, float16.
"""

from __future__ import annotations

import json
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
from speechtutor.models.phone_encoder import FRAME_SHIFT, SYMBOLS, PhoneEncoder, first_guesses

DEFAULT = "whisper-base-phones"
MIN_SAMPLES = 400

LONGEST = 29.0
"""Seconds heard at once: Whisper has 1,500 positions of 20 ms, and attention grows with the square."""


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

    @torch.inference_mode()
    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of 39 ARPAbet phones and the blank every 20 ms, with the encoder's last layer.

        Raises:
            AudioError: when the recording is shorter than one frame or not at 16 kHz.
        """
        if recording.sample_rate != SAMPLE_RATE or len(recording.samples) < MIN_SAMPLES:
            raise AudioError(f"{self.name} needs at least 25 ms of audio at {SAMPLE_RATE} Hz")
        padding = round(PADDING * SAMPLE_RATE)
        samples = torch.from_numpy(np.pad(recording.samples, padding)).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.autocast):
            frames = self.network([self.network.features(samples)])
        return Emission(
            log_probs=frames.log_probs[0].float().cpu().numpy(),
            symbols=SYMBOLS,
            frame_shift=FRAME_SHIFT,
            embedding=frames.hidden[0].float().cpu().numpy(),
            origin=-PADDING,
        )

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
    network.load_state_dict(state)
    return network, bool(settings.get("rated"))


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
