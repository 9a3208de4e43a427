from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from recipes import evaluate_robustness
from recipes.evaluate_robustness import CHANNEL, NOISE, Config, markdown, moved
from speechtutor.core import ErrorType, PhoneScore, Recording, UtteranceScore, WordScore

TIMES = np.arange(16_000) / 16_000
VOICE = Recording((0.3 * np.sin(2 * np.pi * 220 * TIMES) * np.hanning(16_000)).astype(np.float32))
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", CHANNEL)
def test_a_channel_keeps_the_sound(name: str) -> None:
    """Apart from its level and place the wave is the same: the best correlation over all shifts is 1."""
    changed = CHANNEL[name](VOICE, RNG).samples
    assert changed.dtype == np.float32 and np.abs(changed).max() <= 1
    n = len(changed) + len(VOICE.samples)
    both = np.fft.irfft(np.fft.rfft(changed, n) * np.conj(np.fft.rfft(VOICE.samples, n)), n)
    assert both.max() / np.linalg.norm(changed) / np.linalg.norm(VOICE.samples) > 0.999


def test_what_each_channel_does() -> None:
    def level(name: str) -> float:
        return float(np.std(CHANNEL[name](VOICE, RNG).samples) / np.std(VOICE.samples))

    assert (level("+3 dB"), level("-3 dB")) == pytest.approx((10**0.15, 10**-0.15), rel=1e-5)
    assert len(CHANNEL["100 ms of silence around"](VOICE, RNG).samples) == 16_000 + 2 * 1600
    assert np.abs(CHANNEL["16-bit WAV"](VOICE, RNG).samples - VOICE.samples).max() < 1e-4
    lossy = CHANNEL["mp3, 64 kbit/s"](VOICE, RNG).samples
    assert np.abs(lossy[:16_000] - VOICE.samples[: len(lossy)]).max() > 0


@pytest.mark.parametrize(
    ("name", "snr_db"), [("white noise, 10 dB", 10), ("white noise, 0 dB", 0), ("music-like, 0 dB", 0)]
)
def test_noise_has_the_level_that_it_says_and_is_the_same_again(name: str, snr_db: float) -> None:
    soft = Recording(VOICE.samples / 10)  # far from full scale, so nothing is cut off
    first, second = (NOISE[name](soft, np.random.default_rng(5)).samples for _ in range(2))
    assert (first == second).all()
    ratio = np.mean(soft.samples**2) / np.mean((first - soft.samples) ** 2)
    assert 10 * np.log10(ratio) == pytest.approx(snr_db, abs=0.01)


def judged(scores: list[float], kinds: list[ErrorType], overall: float | None = 0.5) -> UtteranceScore:
    words = tuple(
        WordScore("x", s, char_start=0, error_type=k, phones=(PhoneScore("AH", s),))
        for s, k in zip(scores, kinds, strict=True)
    )
    return UtteranceScore("x", words, overall)


def test_moves_by_hand() -> None:
    none, wrong, unsure = ErrorType.NONE, ErrorType.MISPRONUNCIATION, ErrorType.UNSURE
    before = [judged([0.9, 0.2], [none, wrong]), judged([0.9, 0.9], [none, none]), judged([], [], None)]
    after = [
        judged([0.8, 0.2], [wrong, wrong], 0.3),
        judged([0.9, 0.9], [unsure, none], None),
        judged([0.9], [none]),
    ]
    got = moved(before, after)
    assert (got.n, got.declined) == (2, 0.5)
    assert (got.overall_mean, got.overall_max, got.overall_signed) == pytest.approx((20, 20, -20))
    assert (got.phone_mean, got.phone_max) == pytest.approx((5, 10))
    assert got.word_flips == pytest.approx(1 / 2)
    # Three words were not flagged before: one is now, two are in an utterance that was declined.
    assert (got.new_errors, got.now_unsure) == pytest.approx((1 / 3, 2 / 3))
    still = moved(before[:1], [replace(before[0])])
    assert (still.overall_max, still.phone_max, still.word_flips, still.new_errors) == (0, 0, 0, 0)


def test_smoke(tmp_path: Path) -> None:
    report = evaluate_robustness.run(Config(smoke=True, out=tmp_path))
    assert set(report["changes"]) == CHANNEL.keys() | NOISE.keys()
    assert report["changes"]["once more"]["overall_max"] == 0
    assert "| mp3, 64 kbit/s | 0.00 (0.00) |" in (tmp_path / "report.md").read_text(encoding="utf-8")
    assert markdown(report).startswith("2 utterances, fake 0;")
