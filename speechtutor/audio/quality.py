"""How good a recording is, before any recogniser: level, clipping, noise, how much speech.

Thresholds were chosen on 200 learner clips of speechocean762 (none of them gets a caution) and the
same clips 40 dB quieter, clipped, and under white and pink noise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from speechtutor.audio.vad import LEVEL_FRAME, Interval, Mask, activity, frame_power, samples_of
from speechtutor.core import SAMPLE_RATE, Caution, Code, Floats, Quality, Recording

SHORTEST_CLIP, SHORTEST_SPEECH = 0.2, 0.3
"""Seconds below which nothing can be judged."""
QUIET_DB = -45.0
"""dBFS of the speech below which a recording is too quiet; learner clips are at -36 to -14."""
FULL_SCALE, CLIPPED_SHARE = 0.95, 0.001
"""What counts as full scale (AAC pulls clipped peaks down to it), and the share allowed there."""
NOISY_DB = 10.0
"""Signal-to-noise ratio below which a recording is noisy; learner clips are at 18 to 72."""
GUARD, LEAST_NOISE = 0.1, 0.2
"""Seconds: distance of measured noise from speech (breath, echo), and how much of it is needed."""
LOWEST_DB, HIGHEST_SNR_DB, LOWEST_SNR_DB = -120.0, 80.0, -20.0


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
    samples = samples_of(recording)
    speech = activity(recording)
    power = frame_power(samples)
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
