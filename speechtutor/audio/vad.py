"""Voice activity: where in a recording somebody speaks.

Silero VAD's ONNX file is run through onnxruntime, so that torch is not loaded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds
from speechtutor.errors import MissingExtraError

Interval = tuple[Seconds, Seconds]
Mask = NDArray[np.bool_]

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


LEVEL_FRAME = SAMPLE_RATE // 50


CUT_MARGIN = 0.1
"""Seconds of silence left before speech when a piece is cut off a long silence."""

CRUMB = 0.5
"""Seconds that a piece has at least, unless the longest ones are shorter than four times that."""


def trim(
    recording: Recording, margin: Seconds = 0.2, *, speech: Sequence[Interval] | None = None
) -> tuple[Recording, Seconds]:
    """The recording from its first to its last speech, and where that begins in the original.

    A recording without speech comes back whole, at 0.
    """
    speech = activity(recording) if speech is None else speech
    if not speech:
        return recording, 0.0
    first = round(max(speech[0][0] - margin, 0.0) * SAMPLE_RATE)
    last = round((speech[-1][1] + margin) * SAMPLE_RATE)
    return Recording(samples_of(recording)[first:last]), first / SAMPLE_RATE


def split(
    recording: Recording, longest: Seconds, *, speech: Sequence[Interval] | None = None
) -> list[tuple[Seconds, Recording]]:
    """Pieces of at most `longest` seconds with their offsets; joined they are the recording.

    Cut in the longest pause of a window's second half, else in the last pause of its first half,
    else, where somebody speaks on and on, at the quietest frame of the second half. What is left of the
    pause of the last cut is no place to cut again, and the last piece is no crumb (`CRUMB`).
    """
    samples = samples_of(recording)
    n_longest = int(longest * SAMPLE_RATE)
    if n_longest < 1:
        raise ValueError(f"longest must be a positive number of seconds, not {longest}")
    pieces: list[tuple[Seconds, Recording]] = []
    start = 0
    if len(samples) > n_longest:
        speech = activity(recording) if speech is None else speech
        pauses = _between(speech, len(samples))
        crumb = min(round(CRUMB * SAMPLE_RATE), n_longest // 4)
        while len(samples) - start > n_longest:
            cut = _cut(samples, pauses, start, min(start + n_longest, len(samples) - crumb))
            pieces.append((start / SAMPLE_RATE, Recording(samples[start:cut])))
            start = cut
    return [*pieces, (start / SAMPLE_RATE, Recording(samples[start:]))]


def samples_of(recording: Recording) -> Floats:
    """The samples of a recording at the library's rate; ValueError at any other."""
    if recording.sample_rate != SAMPLE_RATE:
        raise ValueError(f"expected a recording at {SAMPLE_RATE} Hz, not {recording.sample_rate}")
    return recording.samples


def frame_power(samples: Floats) -> NDArray[np.float64]:
    """Mean square of each `LEVEL_FRAME`; what is left at the end counts only if it is all there is."""
    frames = samples[: len(samples) // LEVEL_FRAME * LEVEL_FRAME].reshape(-1, LEVEL_FRAME)
    whole = frames if len(frames) or not len(samples) else samples[None]
    power: NDArray[np.float64] = np.mean(np.square(whole, dtype=np.float64), axis=1)
    return power


def _between(speech: Sequence[Interval], n_samples: int) -> list[tuple[int, int]]:
    """The silences before, between and after speech, in samples."""
    edges = [0, *(round(edge * SAMPLE_RATE) for interval in speech for edge in interval), n_samples]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def _cut(samples: Floats, pauses: Sequence[tuple[int, int]], start: int, limit: int) -> int:
    """Where to end the piece that begins at `start`: a sample in (start, limit]."""
    half = (start + limit) // 2
    here = [(max(begin, start), min(end, limit)) for begin, end in pauses if end > start and begin < limit]
    least = round((CRUMB + CUT_MARGIN) * SAMPLE_RATE)
    here = [(begin, end) for begin, end in here if begin > start or end - begin > least]
    late = [(begin, end) for begin, end in here if (begin + end) // 2 >= half]
    if here:
        begin, end = max(late, key=lambda pause: pause[1] - pause[0]) if late else here[-1]
        back = (end - begin) // 2
        return max(end - (min(back, round(CUT_MARGIN * SAMPLE_RATE)) if begin == start else back), start + 1)
    quietest = int(frame_power(samples[half:limit]).argmin())
    return min(half + quietest * LEVEL_FRAME + LEVEL_FRAME // 2, limit)
