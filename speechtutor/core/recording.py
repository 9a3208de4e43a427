"""The recording and what a model hears in it frame by frame; everyone reads these from `speechtutor.core`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
"""Hertz; every stage works at this rate."""

Seconds = float
Floats = NDArray[np.float32]


class Code(StrEnum):
    """Why a result should be read with care, or why there is none."""

    TOO_SHORT = "too_short"
    TOO_QUIET = "too_quiet"
    CLIPPED = "clipped"
    NOISY = "noisy"
    SILENCE = "silence"
    OFF_TEXT = "off_text"
    TRUNCATED = "truncated"
    FREE_SPEECH = "free_speech"


@dataclass(frozen=True, slots=True)
class Caution:
    """A warning code with a sentence for people."""

    code: Code
    message: str


@dataclass(frozen=True, slots=True)
class Recording:
    """Mono audio in memory.

    `samples` has shape (n_samples,), float32 in [-1, 1]; `sample_rate` is in hertz.
    """

    samples: Floats
    sample_rate: int = SAMPLE_RATE

    def __post_init__(self) -> None:
        if self.samples.ndim != 1:
            raise ValueError(f"samples must be mono, shape (n_samples,), not {self.samples.shape}")
        if self.samples.dtype != np.float32:
            raise ValueError(f"samples must be float32, not {self.samples.dtype}")

    @property
    def duration(self) -> Seconds:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate

    def crop(self, start: Seconds, end: Seconds) -> Recording:
        """The part [start, end), clipped to the recording."""
        first, last = (round(max(t, 0.0) * self.sample_rate) for t in (start, end))
        return Recording(self.samples[first:last], self.sample_rate)


@dataclass(frozen=True, slots=True)
class Quality:
    """What the signal itself says, before any recogniser.

    `peak` and `clipped` (share of samples at full scale) are fractions; `level_db` is the speech
    level in dBFS; `snr_db` is None when there is no pause to measure the noise in; `speech`
    holds the voiced intervals found by the voice activity detector.
    """

    duration: Seconds
    peak: float
    clipped: float
    level_db: float
    snr_db: float | None
    speech: tuple[tuple[Seconds, Seconds], ...]
    cautions: tuple[Caution, ...] = ()

    @property
    def judgeable(self) -> bool:
        """Whether a score may be given at all."""
        return not {Code.SILENCE, Code.TOO_SHORT} & {caution.code for caution in self.cautions}


@dataclass(frozen=True, slots=True)
class Emission:
    """Frame-wise output of an acoustic model: the seam that lets any model be scored.

    `log_probs` has shape (n_frames, n_symbols), natural logarithms, rows sum to 1 after exp.
    `symbols` names the columns; `symbols[blank]` is the CTC blank. `frame_shift` is in seconds.
    `embedding`, shape (n_frames, n_dims), is the encoder's last layer where the model has one.
    `lower`, as `log_probs`, is what a head on a lower layer of the encoder says, which has put less of the
    context into what it hears; where the model has one.
    `origin` is the time of frame 0 in the recording (negative when silence was padded in front).
    """

    log_probs: Floats
    symbols: tuple[str, ...]
    frame_shift: Seconds
    blank: int = 0
    embedding: Floats | None = None
    origin: Seconds = 0.0
    lower: Floats | None = None

    def __post_init__(self) -> None:
        if self.log_probs.ndim != 2 or self.log_probs.shape[1] != len(self.symbols):
            raise ValueError(
                f"log_probs must have shape (n_frames, {len(self.symbols)}), not {self.log_probs.shape}"
            )
        if self.embedding is not None and len(self.embedding) != len(self.log_probs):
            raise ValueError("embedding and log_probs differ in their number of frames")
        if self.lower is not None and self.lower.shape != self.log_probs.shape:
            raise ValueError("lower and log_probs differ in shape")

    def time(self, frame: int) -> Seconds:
        """When a frame starts, in seconds of the recording."""
        return frame * self.frame_shift + self.origin
