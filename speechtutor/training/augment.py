"""What makes one recording into many while a network learns."""

from __future__ import annotations

import random

import torch
import torchaudio.functional as audio_ops
from torch import Tensor, nn
from torchaudio.transforms import FrequencyMasking, SpeedPerturbation, TimeMasking

from speechtutor.core import SAMPLE_RATE

LONGEST = 30.0
"""Seconds that Whisper's encoder hears; augmentation makes nothing longer than that."""
SPEEDS = (0.9, 1.0, 1.0, 1.1)
"""Factors of speed (Ko et al., 2015), drawn with equal chance."""


class Augment:
    """Speed, gain, noise and silence on the wave; SpecAugment (Park et al., 2019) on the features.

    `speed` switches the change of speed, `noise` is the share of recordings that get white noise at
    10 to 35 dB, `masks` the number of masks in time and in frequency. A recording of up to `LONGEST`
    is never made longer than that: what is cut off would be taught as said.
    """

    def __init__(self, rng: random.Random, *, speed: bool = True, noise: float = 0.3, masks: int = 2) -> None:
        self.rng = rng
        self.speed = SpeedPerturbation(SAMPLE_RATE, list(SPEEDS)) if speed else None
        self.noise, self.masks = noise, masks
        self.time, self.frequency = TimeMasking(20, p=0.1), FrequencyMasking(12)

    def wave(self, samples: Tensor) -> Tensor:
        """A little faster or slower, louder or softer, noisier, with silence around."""
        return self.warp(samples)[0]

    def warp(self, samples: Tensor) -> tuple[Tensor, float, int]:
        """As `wave`, with the factor of speed and the number of samples put in front."""
        factor = 1.0
        if self.speed is not None:
            chosen = int(torch.randint(len(SPEEDS), ()))
            factor = SPEEDS[chosen]
            slower = len(samples) / factor > LONGEST * SAMPLE_RATE
            factor = 1.0 if slower and factor < 1 else factor
            samples = samples if factor == 1 else self.speed.speeders[chosen](samples)[0]
        samples = samples * 10 ** (self.rng.uniform(-8, 6) / 20)
        if self.rng.random() < self.noise:
            snr = torch.tensor(self.rng.uniform(10, 35))
            samples = audio_ops.add_noise(samples, torch.randn_like(samples), snr)
        pad = [int(self.rng.uniform(0, 0.2) * SAMPLE_RATE) for _ in range(2)]
        left = max(round(LONGEST * SAMPLE_RATE) - len(samples), 0)
        pad = [min(pad[0], left), min(pad[1], max(left - pad[0], 0))]
        return nn.functional.pad(samples, pad), factor, pad[0]

    def mel(self, mel: Tensor) -> Tensor:
        """A spectrogram (n_mels, n_frames) with `masks` masks each way."""
        batch = mel[None]
        for _ in range(self.masks):
            batch = self.frequency(self.time(batch))
        return batch[0]
