"""The phone recogniser through ONNX Runtime, from a folder that `speechtutor.training.export` wrote.

* `config.json`: what it was made of, its symbols, and the input that its network takes;
* `model.onnx`: log-mel spectrogram to log-probabilities and the encoder's last layer, any length;
* `rater.safetensors`: the rater head, where the recogniser had a trained one.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file

from speechtutor import hub
from speechtutor.core import SAMPLE_RATE, Alignment, Emission, Ratings, Recording, Seconds
from speechtutor.errors import AudioError, InputError, ModelError, cause
from speechtutor.hub import description
from speechtutor.models.device import onnx_session
from speechtutor.models.phone_encoder import FRAME_SHIFT, SYMBOLS, RaterHead, first_guesses, log_mel

FILE = "model.onnx"
FORMAT = "phones-onnx-1"
"""Names the layout; the number goes up when it changes."""
PADDING: Seconds = 0.1
"""As the recogniser hears before it is exported."""
MIN_SAMPLES = 400


@dataclass(frozen=True, slots=True)
class OnnxAcoustic:
    """An acoustic model ready to listen; see `load`."""

    session: Any
    n_mels: int
    rater: RaterHead | None
    device: torch.device
    name: str
    version: str = ""

    def emit(self, recording: Recording) -> Emission:
        """Log-probabilities of 39 ARPAbet phones and the blank every 20 ms, with the encoder's last layer.

        Raises:
            AudioError: when the recording is shorter than one frame or not at 16 kHz.
        """
        if recording.sample_rate != SAMPLE_RATE or len(recording.samples) < MIN_SAMPLES:
            raise AudioError(f"{self.name} needs at least 25 ms of audio at {SAMPLE_RATE} Hz")
        samples = np.pad(recording.samples, round(PADDING * SAMPLE_RATE))
        mel = log_mel(torch.from_numpy(samples), self.n_mels)[None].numpy()
        log_probs, hidden = self.session.run(None, {"mel": mel})
        return Emission(log_probs[0], SYMBOLS, FRAME_SHIFT, embedding=hidden[0], origin=-PADDING)

    def rate(self, emission: Emission, alignment: Alignment) -> Ratings | None:
        """The rater head's first guesses, pooled over the alignment; None when there is no trained head."""
        if self.rater is None:
            return None
        return first_guesses(self.rater, emission, alignment, self.device)


def load(checkpoint: str | Path | None = None, device: str | None = None) -> OnnxAcoustic:
    """An exported phone recogniser; it computes on the CPU, on at most four threads.

    Raises:
        ModelError: when the folder holds none, or one with other symbols.
        InputError: for a device other than the CPU.
    """
    if checkpoint is None:
        raise ModelError("an exported phone recogniser has no default: name its folder")
    if device not in (None, "auto", "cpu"):
        raise InputError(f"an exported phone recogniser computes on the CPU, not on {device!r}")
    folder = Path(hub.resolve(checkpoint, hub=False, role=description.PHONES_ONNX))
    try:
        settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if settings.get("format") != FORMAT or tuple(settings.get("symbols", ())) != SYMBOLS:
            raise ModelError(f"{folder} was exported with another layout or symbols than this version uses")
        state = load_file(folder / "rater.safetensors") if settings.get("rated") else None
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no exported phone recogniser: {cause(error)}") from None
    session = onnx_session(folder / FILE)
    rater = None
    if state is not None:
        rater = RaterHead(int(settings["width"]), len(SYMBOLS)).eval()
        rater.load_state_dict(state)
    return OnnxAcoustic(session, int(settings["n_mels"]), rater, torch.device("cpu"), folder.name)
