"""Sounds for tests: made from formulas, and written into any container."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from speechtutor.core import SAMPLE_RATE, Floats, Recording

CONTAINERS = {"m4a": "ipod", "mp4": "mp4", "webm": "webm", "mka": "matroska", "aac": "adts", "oga": "ogg"}
CODECS = {"m4a": "aac", "mp4": "aac", "webm": "libopus", "mka": "aac", "aac": "aac", "oga": "flac"}
FORMATS = {
    "opus": ("OGG", "OPUS"),
    "oga": ("OGG", "FLAC"),
    "ogg": ("OGG", "VORBIS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}


def tone(seconds: float, hertz: float = 220.0, peak: float = 0.5, rate: int = SAMPLE_RATE) -> Floats:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def glide(seconds: float, low: float, high: float, peak: float = 0.5) -> tuple[Floats, NDArray[np.float64]]:
    """A voice-like buzz whose pitch rises evenly, and its pitch at every sample."""
    hertz = np.linspace(low, high, round(seconds * SAMPLE_RATE))
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    buzz = sum(np.sin(k * phase) / k for k in range(1, 11))
    return (peak * buzz / np.abs(buzz).max()).astype(np.float32), hertz


def noise(seconds: float, peak: float = 0.5, *, pink: bool = False, seed: int = 0) -> Floats:
    n = round(seconds * SAMPLE_RATE)
    wave = np.random.default_rng(seed).standard_normal(n)
    if pink and n:
        wave = np.fft.irfft(np.fft.rfft(wave) / np.sqrt(np.arange(n // 2 + 1) + 1.0), n)
    return (peak * wave / np.abs(wave).max()).astype(np.float32) if n else wave.astype(np.float32)


def music(seconds: float, peak: float = 0.5) -> Floats:
    """Plucked chords, two a second."""
    n = SAMPLE_RATE // 2
    time = np.arange(n) / SAMPLE_RATE
    chords = []
    for k in range(int(np.ceil(seconds * 2)) or 1):
        root = 220.0 * 2 ** ((0, 3, -2, 5, 7)[k % 5] / 12)
        tones = [np.sin(2 * np.pi * root * r * h * time) / h for r in (1.0, 1.25, 1.5) for h in range(1, 7)]
        chords.append(sum(tones) * np.exp(-4 * time))
    wave = np.concatenate(chords)[: round(seconds * SAMPLE_RATE)]
    return (peak * wave / np.abs(wave).max()).astype(np.float32)


def silence(seconds: float) -> Floats:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def clipped(samples: Floats, gain: float = 20.0) -> Floats:
    return np.clip(samples * gain, -1.0, 1.0)


def with_noise(samples: Floats, snr_db: float, speech: Floats | None = None, *, pink: bool = False) -> Floats:
    """Noise at `snr_db` below the mean power of `speech` (of all samples by default)."""
    added = noise(len(samples) / SAMPLE_RATE, pink=pink)[: len(samples)]
    reference = samples if speech is None else speech
    gain = np.sqrt(np.mean(reference**2) / np.mean(added**2)) * 10 ** (-snr_db / 20)
    mixed = samples + gain * added
    return (mixed / max(1.0, float(np.abs(mixed).max()))).astype(np.float32)


def recording(samples: Floats) -> Recording:
    return Recording(np.ascontiguousarray(samples, dtype=np.float32))


def encode(
    samples: Floats,
    kind: str,
    rate: int = SAMPLE_RATE,
    subtype: str | None = None,
    codec: str | None = None,
    **options: str,
) -> bytes:
    """The bytes of a file; `kind` is its suffix, samples have shape (n,) or (n, channels)."""
    if kind in CONTAINERS or options or codec:
        return _encode_with_pyav(samples, kind, rate, options, codec or CODECS.get(kind, "libmp3lame"))
    stream = io.BytesIO()
    container, usual = FORMATS.get(kind, (kind.upper(), "PCM_16"))
    soundfile.write(stream, samples, rate, format=container, subtype=subtype or usual)
    return stream.getvalue()


def write(path: Path, samples: Floats, rate: int = SAMPLE_RATE, subtype: str | None = None) -> Path:
    path.write_bytes(encode(samples, path.suffix[1:], rate, subtype))
    return path


def _encode_with_pyav(samples: Floats, kind: str, rate: int, options: dict[str, str], codec: str) -> bytes:
    import av

    stream = io.BytesIO()
    pcm = np.round(samples.reshape(len(samples), -1) * 32767).astype(np.int16)
    layout = {1: "mono", 2: "stereo"}[pcm.shape[1]]
    with av.open(stream, "w", format=CONTAINERS.get(kind, kind), options=options) as container:
        out_rate = 48_000 if codec == "libopus" else rate
        track = container.add_stream(codec, rate=out_rate, layout=layout, options=options)
        frame = av.AudioFrame.from_ndarray(pcm.reshape(1, -1), format="s16", layout=layout)
        frame.sample_rate = rate
        frame.pts = 0
        resampler = av.AudioResampler(format=track.codec_context.format, layout=layout, rate=out_rate)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    return stream.getvalue()
