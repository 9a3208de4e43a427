"""Whisper's encoder on input of any length, where its own `forward` refuses all but 30 s.

Its sinusoidal positions are cut to the real length, which costs a tenth of the usual padding.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def n_states(n_frames: Tensor) -> Tensor:
    """Frames of the last layer for those of a spectrogram."""
    return (n_frames + 1) // 2


def encode(encoder: Any, mel: Tensor, n_frames: Tensor | None = None) -> Tensor:
    """The last layer (batch, n_states, width) of log-mel spectrograms (batch, n_mels, n_frames).

    `n_frames` (batch,) says where the padding of each begins, so that a recording's states do not
    depend on its neighbours in the batch; without it there is no padding.
    """
    return encode_with(encoder, mel, n_frames, 0)[0]


def encode_with(encoder: Any, mel: Tensor, n_frames: Tensor | None, layer: int) -> tuple[Tensor, Tensor]:
    """As `encode`, and what comes out of a layer, counted from 1; 0 is what goes into the first."""
    hidden = nn.functional.gelu(encoder.conv1(mel))
    mask = None
    if n_frames is not None:
        # Behind the end the second convolution would see the first one's bias.
        inside = torch.arange(mel.shape[2], device=mel.device) < n_frames[:, None]
        hidden = hidden * inside[:, None]
    hidden = nn.functional.gelu(encoder.conv2(hidden)).transpose(1, 2)
    hidden = hidden + encoder.embed_positions.weight[: hidden.shape[1]]
    if n_frames is not None and len(mel) > 1:
        valid = torch.arange(hidden.shape[1], device=mel.device) < n_states(n_frames)[:, None]
        mask = valid[:, None, None, :].expand(-1, 1, hidden.shape[1], -1)
    kept = hidden
    for number, block in enumerate(encoder.layers, 1):
        hidden = block(hidden, mask)
        kept = hidden if number == layer else kept
    return encoder.layer_norm(hidden), kept
