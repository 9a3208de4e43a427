"""Speech of any length through every stage: a value or one of our own errors, never anything else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from speechtutor import audio, registry
from speechtutor.core import SAMPLE_RATE, ErrorType, Recording
from speechtutor.errors import SpeechTutorError
from speechtutor.models import fake
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.pipeline import Coach
from speechtutor.tutor.rules import RuleTutor
from tests.conftest import EXAMPLES

SHORT, LONG = (0.0, 0.05, 0.2, 0.5, 1.0, 5.0), (29.3, 31.0, 120.0)
READING = "My three brothers have a farm in the village, and every winter they come down to visit us."


def of_length(seconds: float) -> tuple[Recording, str]:
    """A reading cut to a length, or said again and again until it is so long, with its text."""
    voice = audio.load(EXAMPLES / "village-long.flac").samples
    gap = np.zeros(SAMPLE_RATE // 2, np.float32)
    times = max(int(seconds * SAMPLE_RATE) // (len(voice) + len(gap)), 1)
    whole = np.concatenate([part for _ in range(times) for part in (voice, gap)])
    n = int(seconds * SAMPLE_RATE)
    samples = np.pad(whole, (0, max(n - len(whole), 0)))[:n]
    return Recording(samples), " ".join([READING] * times)


def tried(stage: object) -> object | None:
    """The value, or None where the stage says in one line why there is none."""
    try:
        return stage()  # type: ignore[operator]
    except SpeechTutorError as error:
        assert "\n" not in str(error)
        return None


@pytest.mark.parametrize("seconds", [*SHORT, *LONG, 900.0, 901.0])
def test_fakes(seconds: float) -> None:
    recording, text = of_length(seconds)
    text = text if seconds < 200 else READING
    scorer, transcriber = fake.FakeScorer(), fake.FakeTranscriber()
    coach = Coach(transcriber, scorer, RuleTutor())
    for stage in (
        lambda: transcriber.transcribe(recording),
        lambda: scorer.align(recording, text),
        lambda: scorer.score(recording, text),
        lambda: coach.coach(recording, text),
    ):
        tried(stage)


@pytest.fixture(scope="module")
def scorer(models_home: Path) -> PronunciationScorer:
    found = registry.load("scorer", device="cpu")
    assert isinstance(found, PronunciationScorer)
    return found


@pytest.mark.parametrize("seconds", [*SHORT, 31.0, pytest.param(120.0, marks=pytest.mark.slow)])
def test_the_scorer_that_ships(scorer: PronunciationScorer, seconds: float) -> None:
    recording, text = of_length(seconds)
    alignment = tried(lambda: scorer.align(recording, text))
    score = tried(lambda: scorer.score(recording, text))
    assert score is not None, "a score may be empty, but then with a reason"
    if score.overall is None:  # type: ignore[attr-defined]
        assert score.cautions  # type: ignore[attr-defined]
    if seconds < 30:
        return
    assert alignment is not None and score.overall > 0.8  # type: ignore[attr-defined]
    words = score.words  # type: ignore[attr-defined]
    starts = [word.start for word in words]
    assert starts == sorted(starts) and words[-1].end <= recording.duration
    wrong = sum(word.error_type in (ErrorType.MISPRONUNCIATION, ErrorType.OMISSION) for word in words)
    assert wrong <= 0.05 * len(words)


@pytest.mark.parametrize("stage", ["align", "score"])
def test_beyond_the_limit_there_is_one_line(scorer: PronunciationScorer, stage: str) -> None:
    recording, _ = of_length(901.0)
    with pytest.raises(SpeechTutorError, match="minutes long"):
        getattr(scorer, stage)(recording, READING)


def test_more_phones_than_the_head_has_places_for(scorer: PronunciationScorer) -> None:
    """A text that is far too long for the recording is declined, not a failure."""
    recording, _ = of_length(5.0)
    score = scorer.score(recording, " ".join([READING] * 12))
    assert score.overall is None and score.cautions
