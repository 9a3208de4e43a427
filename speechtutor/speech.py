"""What the signal itself says, before any recogniser: where speech is, how good it is, pitch, timing.

Every function takes a `Recording` at `SAMPLE_RATE`; one that accepts `speech` takes the result of
`activity` and measures it itself when that is None.

Thresholds were chosen on 200 learner clips of speechocean762 (none of them gets a caution) and the
same clips 40 dB quieter, clipped, and under white and pink noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from speechtutor.core import SAMPLE_RATE, Caution, Code, Floats, Fluency, Pitch, Quality, Recording, Seconds
from speechtutor.vad import Interval, activity

__all__ = ["activity", "pitch", "quality", "split", "timing", "trim"]

Mask = NDArray[np.bool_]

SHORTEST_CLIP, SHORTEST_SPEECH = 0.2, 0.3
"""Seconds below which nothing can be judged."""
QUIET_DB = -45.0
"""dBFS of the speech below which a recording is too quiet; learner clips are at -36 to -14."""
FULL_SCALE, CLIPPED_SHARE = 0.95, 0.001
"""What counts as full scale (AAC pulls clipped peaks down to it), and the share allowed there."""
NOISY_DB = 10.0
"""Signal-to-noise ratio below which a recording is noisy; learner clips are at 18 to 72."""
LEVEL_FRAME = SAMPLE_RATE // 50
GUARD, LEAST_NOISE = 0.1, 0.2
"""Seconds: distance of measured noise from speech (breath, echo), and how much of it is needed."""
LOWEST_DB, HIGHEST_SNR_DB, LOWEST_SNR_DB = -120.0, 80.0, -20.0

PITCH_RANGE = (60.0, 500.0)
"""Hertz: from low men to children who exclaim."""
VOICED = 0.5
"""SwiftF0's confidence from which a frame is voiced."""
PAUSE = 0.25
"""Seconds of silence that count as a pause (de Jong and Wempe, 2009)."""
CUT_MARGIN = 0.1
"""Seconds of silence left before speech when a piece is cut off a long silence."""

_MESSAGES = {
    Code.TOO_SHORT: "The recording is too short to judge.",
    Code.SILENCE: "No speech was found in the recording.",
    Code.TOO_QUIET: "The recording is very quiet: speak closer to the microphone.",
    Code.CLIPPED: "The recording is too loud and distorted: turn the microphone down or move away from it.",
    Code.NOISY: "There is a lot of noise in the recording: the scores may be wrong.",
}


def quality(recording: Recording) -> Quality:
    """Level, clipping, noise and speech of a recording, with a caution for each that is bad.

    The noise is the median power of the frames away from speech; its excess over digital silence
    is capped at `HIGHEST_SNR_DB`.
    """
    samples = _samples(recording)
    speech = activity(recording)
    power = _frame_power(samples)
    voiced = _covered(speech, len(power))
    noise = power[~_covered([(start - GUARD, end + GUARD) for start, end in speech], len(power))]
    level = float(np.mean(power[voiced] if voiced.any() else power)) if len(power) else 0.0
    snr_db = None
    if voiced.any() and len(noise) * LEVEL_FRAME >= LEAST_NOISE * SAMPLE_RATE:
        floor = float(np.median(noise))
        snr_db = min(max(_db(level - floor) - _db(floor), LOWEST_SNR_DB), HIGHEST_SNR_DB)
    found = Quality(
        duration=recording.duration,
        peak=float(np.abs(samples).max(initial=0.0)),
        clipped=_clipped_share(samples),
        level_db=_db(level),
        snr_db=snr_db,
        speech=speech,
    )
    return replace(found, cautions=tuple(Caution(code, _MESSAGES[code]) for code in _codes(found)))


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
    return Recording(_samples(recording)[first:last]), first / SAMPLE_RATE


def split(
    recording: Recording, longest: Seconds, *, speech: Sequence[Interval] | None = None
) -> list[tuple[Seconds, Recording]]:
    """Pieces of at most `longest` seconds with their offsets; joined they are the recording.

    Cut in the longest pause of a window's second half, else in the last pause of its first half,
    else, where somebody speaks on and on, at the quietest frame of the second half.
    """
    samples = _samples(recording)
    n_longest = int(longest * SAMPLE_RATE)
    if n_longest < 1:
        raise ValueError(f"longest must be a positive number of seconds, not {longest}")
    pieces: list[tuple[Seconds, Recording]] = []
    start = 0
    if len(samples) > n_longest:
        speech = activity(recording) if speech is None else speech
        pauses = _between(speech, len(samples))
        while len(samples) - start > n_longest:
            cut = _cut(samples, pauses, start, start + n_longest)
            pieces.append((start / SAMPLE_RATE, Recording(samples[start:cut])))
            start = cut
    return [*pieces, (start / SAMPLE_RATE, Recording(samples[start:]))]


def pitch(recording: Recording, *, method: Literal["swift-f0", "pyin"] | None = None) -> Pitch:
    """Fundamental frequency every 16 ms by SwiftF0 (Nieradzik, 2025), nan where unvoiced.

    Without the package swift-f0, or on demand, every 10 ms by probabilistic YIN (Mauch and Dixon,
    2014). A recording without samples gives empty arrays.
    """
    samples = _samples(recording)
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


def _codes(found: Quality) -> Iterator[Code]:
    spoken = sum(end - start for start, end in found.speech)
    if found.duration < SHORTEST_CLIP or 0 < spoken < SHORTEST_SPEECH:
        yield Code.TOO_SHORT
    elif not found.speech:
        yield Code.SILENCE
    if found.speech and found.level_db < QUIET_DB:
        yield Code.TOO_QUIET
    if found.clipped > CLIPPED_SHARE:
        yield Code.CLIPPED
    if found.snr_db is not None and found.snr_db < NOISY_DB:
        yield Code.NOISY


def _samples(recording: Recording) -> Floats:
    if recording.sample_rate != SAMPLE_RATE:
        raise ValueError(f"expected a recording at {SAMPLE_RATE} Hz, not {recording.sample_rate}")
    return recording.samples


def _frame_power(samples: Floats) -> NDArray[np.float64]:
    """Mean square of each `LEVEL_FRAME`; what is left at the end counts only if it is all there is."""
    frames = samples[: len(samples) // LEVEL_FRAME * LEVEL_FRAME].reshape(-1, LEVEL_FRAME)
    whole = frames if len(frames) or not len(samples) else samples[None]
    power: NDArray[np.float64] = np.mean(np.square(whole, dtype=np.float64), axis=1)
    return power


def _covered(spans: Iterable[Interval], n_frames: int) -> Mask:
    """Which level frames have their middle inside one of the spans."""
    middles = (np.arange(n_frames) + 0.5) * LEVEL_FRAME / SAMPLE_RATE
    mask = np.zeros(n_frames, np.bool_)
    for start, end in spans:
        mask |= (middles >= start) & (middles < end)
    return mask


def _clipped_share(samples: Floats) -> float:
    """Share of samples at full scale whose neighbour is there too: a peak that only touches is whole."""
    full = np.abs(samples) >= FULL_SCALE
    flat = np.zeros(len(samples), np.bool_)
    flat[1:] |= full[1:] & full[:-1]
    flat[:-1] |= full[1:] & full[:-1]
    return float(flat.mean()) if len(flat) else 0.0


def _db(power: float) -> float:
    return 10 * float(np.log10(max(power, 10 ** (LOWEST_DB / 10))))


def _between(speech: Sequence[Interval], n_samples: int) -> list[tuple[int, int]]:
    """The silences before, between and after speech, in samples."""
    edges = [0, *(round(edge * SAMPLE_RATE) for interval in speech for edge in interval), n_samples]
    return [(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True) if end > start]


def _cut(samples: Floats, pauses: Sequence[tuple[int, int]], start: int, limit: int) -> int:
    """Where to end the piece that begins at `start`: a sample in (start, limit]."""
    half = (start + limit) // 2
    here = [(max(begin, start), min(end, limit)) for begin, end in pauses if end > start and begin < limit]
    late = [(begin, end) for begin, end in here if (begin + end) // 2 >= half]
    if here:
        begin, end = max(late, key=lambda pause: pause[1] - pause[0]) if late else here[-1]
        back = (end - begin) // 2
        return max(end - (min(back, round(CUT_MARGIN * SAMPLE_RATE)) if begin == start else back), start + 1)
    quietest = int(_frame_power(samples[half:limit]).argmin())
    return min(half + quietest * LEVEL_FRAME + LEVEL_FRAME // 2, limit)


def _swift_f0(samples: Floats) -> tuple[NDArray[Any], NDArray[Any], Mask]:
    found = _swift_f0_model().detect(samples, SAMPLE_RATE, *PITCH_RANGE)
    return found.timestamps, found.pitch_hz, found.confidence >= VOICED


@cache
def _swift_f0_model() -> Any:
    from swift_f0 import SwiftF0

    return SwiftF0(threads=1, spin=False)


def _pyin(samples: Floats) -> tuple[NDArray[Any], NDArray[Any], Mask]:
    import librosa

    low, high = PITCH_RANGE
    hop = SAMPLE_RATE // 100
    hz, voiced, _ = librosa.pyin(
        samples, fmin=low, fmax=high, sr=SAMPLE_RATE, frame_length=1024, hop_length=hop, resolution=0.2
    )
    return np.arange(len(hz)) * hop / SAMPLE_RATE, hz, voiced
