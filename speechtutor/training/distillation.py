"""Learn frame by frame from an acoustic model that already hears phones (Hinton et al., 2015).

A CTC teacher says a phone in one or two frames and nothing in between, which is little to learn from
at first; so the phone that is nearest in time is told, too. The teacher listens once to each recording
as it is; where a copy is played faster or with silence in front, its frames are read at the matching
times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from speechtutor import audio
from speechtutor.core import SAMPLE_RATE
from speechtutor.errors import ModelError
from speechtutor.files.fingerprint import of_text, sha256
from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.stages import AcousticModel
from speechtutor.training.clips import Clip
from speechtutor.training.loop import spelled

IGNORED = -100
QUIET = 0.2
"""Weight of a frame in which the teacher hears only the blank, against 1 for a sure phone."""
LESSONS_KEPT = 250
"""Clips after which what the teacher heard is written down."""
NEAR = 6
"""Frames from a phone within which a frame belongs to it; farther away is silence."""
HOP = 320
"""Samples from one frame to the next, in Whisper's encoder and in the Wav2Vec2 family."""


def matching(heard: NDArray[np.float16], n_samples: int, factor: float, first: int) -> NDArray[np.float32]:
    """What a teacher heard, (n_frames, n_symbols) log-probabilities, on the frames of a changed copy.

    The copy has `n_samples` and is `factor` times as fast; what a teacher calls its first frame is in the
    middle of a frame that begins at its sample `first`.
    """
    times = (np.arange(n_samples // HOP) * HOP - first) * factor / HOP
    index = np.round(times).astype(int)
    read = np.full((len(index), heard.shape[1]), -np.inf, dtype=np.float32)
    read[:, 0] = 0.0
    inside = (index >= 0) & (index < len(heard))
    read[inside] = heard[index[inside]]
    return read


def distilled(log_probs: Tensor, heard: Tensor, n_frames: Tensor, columns: Sequence[Sequence[int]]) -> Tensor:
    """Divergence from the teacher's probabilities (batch, n_frames, n_symbols), blanks weighing less."""
    n = min(log_probs.shape[1], heard.shape[1])
    grouped = torch.stack([log_probs[:, :n, list(tokens)].logsumexp(-1) for tokens in columns], dim=-1)
    heard = heard[:, :n]
    inside = torch.arange(n, device=heard.device) < n_frames[:, None]
    weight = (1 - (1 - QUIET) * heard[..., 0]) * (inside & (heard.sum(-1) > 0))
    entropy = torch.special.entr(heard).sum(-1)
    divergence = -(heard * grouped).sum(-1) - entropy
    mean: Tensor = (divergence * weight).sum() / weight.sum().clamp(min=1.0)
    return mean


def nearest(heard: Tensor) -> Tensor:
    """The symbol that stands nearest to each frame, 0 far from all; `heard` are probabilities.

    Shapes (n_frames, n_symbols) and (n_frames,).
    """
    places = (heard[:, 0] < 0.5).nonzero()[:, 0]
    if not len(places):
        return torch.zeros(len(heard), dtype=torch.long)
    symbols = heard[places, 1:].argmax(1) + 1
    away = (torch.arange(len(heard))[:, None] - places).abs()
    distance, closest = away.min(1)
    return torch.where(distance <= NEAR, symbols[closest], 0)


def placed(guess: Tensor, near: Tensor, n_frames: Tensor) -> Tensor:
    """Cross-entropy of a guess (batch, n_frames, n_symbols) against the nearest symbols (batch, n_frames)."""
    n = min(guess.shape[1], near.shape[1])
    inside = torch.arange(n, device=near.device) < n_frames[:, None]
    target = near[:, :n].masked_fill(~inside, IGNORED)
    return nn.functional.cross_entropy(guess[:, :n].transpose(1, 2), target, ignore_index=IGNORED)


def lessons(
    teacher: AcousticModel, clips: Sequence[Clip], path: Path, *, known: str
) -> dict[str, NDArray[np.float16]]:
    """What the teacher hears in each clip, shape (n_frames, n_symbols) each; kept in a file.

    `known` is the content of the teacher. What is kept is found again by that and by the bytes of the
    recording, so another teacher or a changed recording is heard anew. The file is written on the way,
    too, so that a killed run does not listen to everything again.

    Raises:
        ModelError: when the teacher hears other symbols or has other frames.
        StorageError: when the disk refuses the file.
    """
    from tqdm import tqdm

    keys = {clip.id: of_text(f"{known} {sha256(clip.path)}") for clip in clips}
    made: dict[str, NDArray[np.float16]] = {}
    if path.is_file():
        with np.load(path) as kept:
            made = {key: kept[key] for key in keys.values() if key in kept.files}
    missing = [clip for clip in clips if keys[clip.id] not in made]
    for number, clip in enumerate(tqdm(missing, desc="the teacher listens", disable=None), start=1):
        emission = teacher.emit(audio.load(clip.path))
        if emission.symbols != SYMBOLS or round(emission.frame_shift * SAMPLE_RATE) != HOP:
            raise ModelError("a teacher must hear the 39 phones in frames of 20 ms")
        first = round(-emission.origin / emission.frame_shift)
        # 16-bit floats end at -65504, far below any probability that matters.
        made[keys[clip.id]] = np.maximum(emission.log_probs[first:], -1e4).astype(np.float16)
        if number % LESSONS_KEPT == 0 or number == len(missing):
            _keep_lessons(made, path)
    return {clip.id: made[keys[clip.id]] for clip in clips}


def _keep_lessons(made: Mapping[str, NDArray[np.float16]], path: Path) -> None:
    half = path.with_name(f".{path.name}.npz")
    with spelled(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(half, **made)  # type: ignore[arg-type]
        half.replace(path)
