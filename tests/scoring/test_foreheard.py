"""Many recordings heard at once are judged as each by itself."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from speechtutor import audio, registry
from speechtutor.core import SAMPLE_RATE, Emission, Recording, Seconds
from speechtutor.errors import AudioError
from speechtutor.models.acoustic import Acoustic, buckets
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.schema import score_json
from speechtutor.scoring.foreheard import Foreheard, foreheard, judgeable
from tests.conftest import EXAMPLES

DINNER = "We like rice and chips for dinner."
GOOD = "I think the weather is very nice today."


@pytest.mark.parametrize("seed", range(50))
def test_every_recording_is_in_one_bucket_of_its_like(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lengths = rng.integers(400, 480_000, size=seed).tolist()
    most = int(rng.integers(1, 2_000_000))
    found = list(buckets(lengths, most))
    assert sorted(place for group in found for place in group) == list(range(len(lengths)))
    for group in found:
        own = [lengths[place] for place in group]
        assert len(group) == 1 or (len(group) * max(own) <= most and max(own) <= 1.25 * min(own))


@pytest.fixture(scope="module")
def scorer(models_home: object) -> PronunciationScorer:
    found = registry.load("scorer", device="cpu")
    assert isinstance(found, PronunciationScorer)
    return found


@pytest.fixture(scope="module")
def readings() -> list[tuple[Recording, str]]:
    """Of 2 to 40 s, with one that is silent: short and long share a bucket with others."""
    errors, right = (audio.load(EXAMPLES / f"dinner-{kind}.flac") for kind in ("errors", "good"))
    weather = audio.load(EXAMPLES / "weather-good.flac")
    pause = np.zeros(SAMPLE_RATE // 2, np.float32)
    long = np.concatenate([np.concatenate([weather.samples, pause]) for _ in range(12)])
    silent = replace(weather, samples=np.zeros(2 * SAMPLE_RATE, np.float32))
    return [
        (errors, DINNER),
        (silent, GOOD),
        (weather, GOOD),
        (right, DINNER),
        (replace(weather, samples=long), " ".join([GOOD] * 12)),
    ]


def judged(scorer: Any, readings: list[tuple[Recording, str]]) -> list[dict[str, Any]]:
    found = [score_json(scorer.score(recording, text)) for recording, text in readings]
    return [value | {"elapsed_ms": None} for value in found]


def test_what_was_heard_together_is_judged_the_same(
    scorer: PronunciationScorer, readings: list[tuple[Recording, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = judged(scorer, readings)
    together = scorer.having_heard([recording for recording, _ in readings])

    def never(self: object, recording: Recording) -> Emission:
        raise AssertionError("it was heard already")

    monkeypatch.setattr(Acoustic, "emit", never)
    assert judged(together, readings) == alone


def test_emissions_differ_by_rounding_alone(
    scorer: PronunciationScorer, readings: list[tuple[Recording, str]]
) -> None:
    assert scorer.diagnoser is not None
    samples = readings[0][0].samples
    cut = [replace(readings[0][0], samples=samples[: round(share * len(samples))]) for share in (1, 0.9, 0.5)]
    for ear in (scorer.acoustic, scorer.diagnoser.ear):
        assert isinstance(ear, Acoustic)
        for one, same in zip(map(ear.emit, cut), ear.emit_many(cut), strict=True):
            np.testing.assert_allclose(np.exp(same.log_probs), np.exp(one.log_probs), atol=1e-4)
            if one.lower is not None:
                assert same.lower is not None
                np.testing.assert_allclose(np.exp(same.lower), np.exp(one.lower), atol=1e-4)


@dataclass
class Ear:
    """Hears the number of samples; `refuses` a length."""

    refuses: int = -1
    longest: Seconds = 28.0
    alone: list[int] = field(default_factory=list)

    def emit(self, recording: Recording) -> Emission:
        self.alone.append(len(recording.samples))
        return self.emit_many([recording])[0]

    def emit_many(self, recordings: list[Recording]) -> list[Emission]:
        if self.refuses in {len(one.samples) for one in recordings}:
            raise AudioError("refused")
        return [Emission(np.full((1, 1), -len(one.samples)), ("_",), 0.02) for one in recordings]


def test_what_was_not_heard_before_is_heard_then() -> None:
    speech = audio.load(EXAMPLES / "weather-good.flac")
    other = replace(speech, samples=speech.samples[:12_345])
    ear = Ear()
    heard = foreheard(ear, judgeable([speech, replace(speech, samples=np.zeros(4000, np.float32))]))
    assert isinstance(heard, Foreheard) and len(heard.known) == 1
    assert heard.emit(other).log_probs[0, 0] == -12_345 and ear.alone == [12_345]


def test_one_that_is_refused_keeps_nobody_from_being_heard() -> None:
    speech = audio.load(EXAMPLES / "weather-good.flac")
    able = judgeable([speech])
    n_samples = len(next(iter(_pieces(able))).samples)
    ear = Ear(refuses=n_samples)
    assert foreheard(ear, able) is ear


def _pieces(able: Any) -> list[Recording]:
    from speechtutor.scoring.observe import pieces

    return [piece for recording, quality in able for _, piece in pieces(Ear(), recording, quality)[1]]
