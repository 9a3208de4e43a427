"""Voice activity: where in a recording somebody speaks.

Silero VAD's ONNX file is run through onnxruntime, so that torch is not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds
from speechtutor.errors import MissingExtraError

Interval = tuple[Seconds, Seconds]

FRAME, CONTEXT, BLOCK = 512, 64, 512
"""Samples a frame (32 ms), samples seen of the frame before, frames per call of the network."""
PEAK = 0.3
"""Every recording is brought to this peak for the detector, so that its gain changes nothing."""
AUDIBLE = 1e-4
"""Peak below which (-80 dBFS, three steps of 16 bit) there is nothing but rounding."""
ENTER, LEAVE = 0.5, 0.35
"""Speech begins at the one probability and ends below the other (hysteresis)."""
MIN_SPEECH, MIN_SILENCE, PAD = 0.1, 0.1, 0.03
"""Seconds: shorter silence is filled, then shorter speech dropped, the rest widened on both sides."""


def activity(recording: Recording) -> tuple[Interval, ...]:
    """Where there is speech: intervals in order, apart from each other, inside the recording.

    Silero VAD v6 (Silero Team, 2025) gives a probability per 32 ms; the constants say what becomes
    of it. Silence, noise and a recording without samples give (). The gain does not matter.
    """
    frame = FRAME / SAMPLE_RATE
    spans = [(first * frame, last * frame) for first, last in _runs(_hysteresis(_probabilities(recording)))]
    spans = [(start, end) for start, end in _joined(spans, MIN_SILENCE) if end - start >= MIN_SPEECH]
    padded = [(max(start - PAD, 0.0), min(end + PAD, recording.duration)) for start, end in spans]
    return tuple(_joined(padded, 0.0))


def _probabilities(recording: Recording) -> Floats:
    """Probability of speech per frame of `FRAME` samples, shape (n_frames,)."""
    if recording.sample_rate != SAMPLE_RATE:
        raise ValueError(f"expected a recording at {SAMPLE_RATE} Hz, not {recording.sample_rate}")
    samples = recording.samples
    peak = float(np.abs(samples).max(initial=0.0))
    n_frames = -(-len(samples) // FRAME)
    if peak < AUDIBLE:
        return np.zeros(n_frames, np.float32)
    padded = np.zeros(CONTEXT + n_frames * FRAME, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples * (PEAK / peak)
    frames = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + FRAME)[::FRAME]
    hidden = cell = np.zeros((1, 1, 128), np.float32)
    parts: list[Floats] = []
    for first in range(0, n_frames, BLOCK):
        block = np.ascontiguousarray(frames[first : first + BLOCK])
        part, hidden, cell = _silero().run(
            ["speech_probs", "hn", "cn"], {"input": block, "h": hidden, "c": cell}
        )
        parts.append(part.reshape(-1))
    return np.concatenate(parts)


@cache
def _silero() -> Any:
    """The network inside the silero-vad package, without importing it (that would load torch)."""
    spec = find_spec("silero_vad")
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("silero-vad is not installed: pip install 'silero-vad>=6.2.1,<7'")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    path = Path(spec.submodule_search_locations[0]) / "data" / "silero_vad_16k_sequence.onnx"
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _hysteresis(probability: Floats) -> NDArray[np.bool_]:
    """True from a frame at `ENTER` or above until one below `LEAVE`."""
    vote = np.where(probability >= ENTER, 1, np.where(probability < LEAVE, -1, 0))
    latest = np.maximum.accumulate(np.where(vote != 0, np.arange(len(vote)), 0))
    return vote[latest] > 0


def _runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Half-open index ranges where `mask` is True."""
    steps = np.diff(np.concatenate([[0], mask.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(steps == 1).tolist(), np.flatnonzero(steps == -1).tolist(), strict=True))


def _joined(spans: Iterable[Interval], gap: Seconds) -> list[Interval]:
    """Spans with less than `gap` between them made one."""
    joined: list[Interval] = []
    for start, end in spans:
        if joined and (start - joined[-1][1] < gap or start <= joined[-1][1]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined
