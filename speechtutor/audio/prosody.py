"""Pitch and timing of speech."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from speechtutor.audio.compiled import librosa
from speechtutor.audio.vad import Interval, Mask, activity, samples_of
from speechtutor.core import SAMPLE_RATE, Floats, Fluency, Pitch, Recording, Seconds

PITCH_RANGE = (60.0, 500.0)
"""Hertz: from low men to children who exclaim."""


VOICED = 0.5
"""SwiftF0's confidence from which a frame is voiced."""


PAUSE = 0.25
"""Seconds of silence that count as a pause (de Jong and Wempe, 2009)."""


def pitch(recording: Recording, *, method: Literal["swift-f0", "pyin"] | None = None) -> Pitch:
    """Fundamental frequency every 16 ms by SwiftF0 (Nieradzik, 2025), nan where unvoiced.

    Without the package swift-f0, or on demand, every 10 ms by probabilistic YIN (Mauch and Dixon,
    2014). A recording without samples gives empty arrays.
    """
    samples = samples_of(recording)
    if not len(samples):
        return Pitch(np.zeros(0, np.float32), np.zeros(0, np.float32), np.zeros(0, np.bool_))
    if method is None:
        method = "swift-f0" if find_spec("swift_f0") else "pyin"
    times, hz, voiced = _swift_f0(samples) if method == "swift-f0" else _pyin(samples)
    voiced = voiced & np.isfinite(hz)
    return Pitch(times.astype(np.float32), np.where(voiced, hz, np.nan).astype(np.float32), voiced)


def timing(
    recording: Recording,
    words: Sequence[tuple[Seconds, Seconds, int]],
    speech: Sequence[Interval] | None = None,
) -> Fluency:
    """Rates and pauses of words given as (start, end, number of syllables).

    The utterance lasts from the first word's start to the last word's end. Its pauses are silences
    of `PAUSE` or more that the detector heard there (de Jong and Wempe, 2009): an aligner puts
    silence into a neighbouring word as it likes, so the words' own edges only say which syllables
    come before a pause. Without words everything is 0.

    Raises:
        ValueError: for a word that ends before it starts or has a negative number of syllables.
    """
    for start, end, n_syllables in words:
        if end < start or n_syllables < 0:
            raise ValueError(f"not a word: start {start}, end {end}, {n_syllables} syllables")
    first, last = min((word[0] for word in words), default=0.0), max((word[1] for word in words), default=0.0)
    if last <= first:
        return Fluency(0.0, 0.0, 0, 0.0, 0.0)
    speech = activity(recording) if speech is None else speech
    inside = [(max(start, first), min(end, last)) for start, end in speech if end > first and start < last]
    edges = [first, *(edge for interval in inside for edge in interval), last]
    silences = zip(edges[::2], edges[1::2], strict=True) if inside else []
    pauses = [(start, end) for start, end in silences if end - start >= PAUSE]
    pause_time = sum(end - start for start, end in pauses)
    n_syllables = sum(word[2] for word in words)
    middles = [(start + end) / 2 for start, end in pauses]
    runs = {int(np.searchsorted(middles, (start + end) / 2)) for start, end, count in words if count}
    return Fluency(
        speech_rate=60 * len(words) / (last - first),
        articulation_rate=n_syllables / (last - first - pause_time),
        pause_count=len(pauses),
        pause_time=pause_time,
        mean_run=n_syllables / max(len(runs), 1),
    )


def _swift_f0(samples: Floats) -> tuple[NDArray[Any], NDArray[Any], Mask]:
    found = _swift_f0_model().detect(samples, SAMPLE_RATE, *PITCH_RANGE)
    return found.timestamps, found.pitch_hz, found.confidence >= VOICED


@cache
def _swift_f0_model() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def _pyin(samples: Floats) -> tuple[NDArray[Any], NDArray[Any], Mask]:
    low, high = PITCH_RANGE
    hop = SAMPLE_RATE // 100
    hz, voiced, _ = librosa().pyin(
        samples, fmin=low, fmax=high, sr=SAMPLE_RATE, frame_length=1024, hop_length=hop, resolution=0.2
    )
    return np.arange(len(hz)) * hop / SAMPLE_RATE, hz, voiced
