"""The scorer that ships, on real speech and on speech whose errors are known exactly."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from recipes.evaluate_mutations import swap
from speechtutor import audio, registry
from speechtutor.core import Code, ErrorType, Recording, UtteranceScore
from speechtutor.errors import InputError, TextError
from speechtutor.models.scorer import PronunciationScorer
from speechtutor.scoring.diagnosis import STRICTNESS
from speechtutor.text.phones import pronounce
from tests.conftest import EXAMPLES, PROJECT, learner_clip

GOOD = "I think the weather is very nice today."


@pytest.fixture(scope="module")
def scorer(models_home: object) -> PronunciationScorer:
    found = registry.load("scorer", device="cpu")
    assert isinstance(found, PronunciationScorer)
    return found


@pytest.fixture(scope="module")
def good() -> Recording:
    return audio.load(EXAMPLES / "weather-good.flac")


def phones(score: UtteranceScore) -> np.ndarray:
    return np.array([p.score for w in score.words if w.char_start is not None for p in w.phones], dtype=float)


@pytest.mark.parametrize(
    ("strictness", "told"),
    [(name, {"rice": ("R", "L"), "chips": ("CH", "SH")}) for name in STRICTNESS],
)
def test_known_errors_are_found_where_they_are(
    scorer: PronunciationScorer, strictness: str, told: dict[str, tuple[str, str]]
) -> None:
    """The voice says "lice" and "ships"; every other sound is the same in both recordings."""
    text = "We like rice and chips for dinner."
    ear = replace(scorer, strictness=strictness)
    right, wrong = (ear.score(audio.load(EXAMPLES / f"dinner-{x}.flac"), text) for x in ("good", "errors"))
    assert [w.error_type for w in right.words] == [ErrorType.NONE] * 7
    marked = {w.text: w.phones[0] for w in wrong.words if w.error_type is ErrorType.MISPRONUNCIATION}
    assert {word: (p.canonical, p.heard) for word, p in marked.items()} == told
    # What is doubtful stays so whatever the strictness: the two sounds least likely to have been said.
    sounds = sorted((p for w in wrong.words for p in w.phones), key=lambda p: p.said_probability or 0)
    assert [p.canonical for p in sounds[:2]] == ["R", "CH"]


def test_strictness_changes_what_is_named_and_no_number(scorer: PronunciationScorer) -> None:
    recording = audio.load(PROJECT / "tests" / "data" / "visitors" / "three-free-wrong.opus")
    every = [replace(scorer, strictness=name).score(recording, "We have three dogs.") for name in STRICTNESS]
    named = [sum(p.heard is not None for w in score.words for p in w.phones) for score in every]
    assert named == sorted(named) and named[0] < named[-1]
    numbers = [[(p.score, p.said_probability) for w in s.words for p in w.phones] for s in every]
    assert numbers[0] == numbers[1] == numbers[2]


def test_a_scorer_without_a_diagnosis_goes_by_the_raters(models_home: object) -> None:
    plain = registry.load("scorer", device="cpu", strictness=None)
    score = plain.score(audio.load(EXAMPLES / "dinner-errors.flac"), "We like rice and chips for dinner.")
    assert all(p.said_probability is None for w in score.words for p in w.phones)
    assert score.words[2].phones[0].heard == "L"
    with pytest.raises(InputError, match="no diagnosis"):
        registry.load_scorer("raters-wav2vec2", device="cpu", strictness="strict")
    with pytest.raises(InputError, match="'harsh' is none of lenient, standard, strict"):
        registry.load_scorer(device="cpu", strictness="harsh")


def test_a_wrong_sound_that_every_transcript_repairs_is_the_weakest_of_its_word(
    scorer: PronunciationScorer, good: Recording
) -> None:
    """Whisper writes "think" for "sink"; here TH falls below the good reading's and below its word."""
    right = scorer.score(good, GOOD).words[1]
    wrong = scorer.score(audio.load(EXAMPLES / "weather-errors.flac"), GOOD).words[1]
    scores = [p.score or 0.0 for p in wrong.phones]
    assert wrong.phones[0].canonical == "TH" and scores[0] == min(scores)
    assert scores[0] < (right.phones[0].score or 0.0)


def test_the_same_recording_gives_the_same_score(scorer: PronunciationScorer, good: Recording) -> None:
    first, second = scorer.score(good, GOOD), scorer.score(good, GOOD)
    assert phones(first).tolist() == phones(second).tolist() and first.overall == second.overall


@pytest.mark.parametrize("utt", ["000010011", "000010075"])
def test_a_swapped_reference_phone_falls_alone(scorer: PronunciationScorer, utt: str) -> None:
    """Change one phone of the reference: that phone falls most, and its neighbours hardly move."""
    recording = learner_clip(utt)
    text = {"000010011": "WE CALL IT BEAR", "000010075": _text("000010075")}[utt]
    words = pronounce(text)
    # One pronunciation a word, so that no variant can soften the change.
    words = tuple(replace(w, pronunciations=w.pronunciations[:1], stress=w.stress[:1]) for w in words)
    before = scorer.score(recording, text, words=words)
    after = scorer.score(recording, text, words=swap(words, 0, 0, "B"))
    fall = phones(before) - phones(after)
    assert fall.argmax() == 0 and fall[0] > 0.2
    assert np.abs(fall[1:]).mean() < 0.1


def _text(utt: str) -> str:
    import json

    from tests.conftest import SHARED

    table = json.loads((SHARED / "data" / "speechocean762" / "scores-train.json").read_text(encoding="utf-8"))
    return str(table[utt]["text"])


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x * np.float32(0.708),
        lambda x: x * np.float32(1.2),
        lambda x: np.pad(x, 1600),
        lambda x: np.pad(x, (0, 8000)),
    ],
    ids=["-3 dB", "+1.6 dB", "100 ms around", "0.5 s after"],
)
def test_what_does_not_concern_the_voice_hardly_moves_a_score(
    scorer: PronunciationScorer, good: Recording, change: object
) -> None:
    plain = scorer.score(good, GOOD)
    other = scorer.score(Recording(change(good.samples).astype(np.float32)), GOOD)  # type: ignore[operator]
    assert np.abs(phones(plain) - phones(other)).mean() < 0.03
    assert abs((plain.overall or 0) - (other.overall or 0)) < 0.05


def test_a_word_left_out_is_an_omission(scorer: PronunciationScorer, good: Recording) -> None:
    score = scorer.score(good, "I think the old weather is very nice today.")
    kinds = {w.text: w.error_type for w in score.words}
    assert kinds["old"] is ErrorType.OMISSION and kinds["very"] is ErrorType.NONE
    assert kinds["nice"] is ErrorType.NONE


def test_another_sentence_is_not_scored(scorer: PronunciationScorer, good: Recording) -> None:
    score = scorer.score(good, "My brother bought a green bicycle for his birthday.")
    assert score.overall is None and Code.OFF_TEXT in {c.code for c in score.cautions}
    assert all(w.score is None for w in score.words)


def test_noise_as_loud_as_the_voice_makes_unsure_and_no_errors(
    scorer: PronunciationScorer, good: Recording
) -> None:
    level = float(np.sqrt(np.mean(good.samples**2)))
    around = np.pad(good.samples, 8000)
    noise = np.random.default_rng(0).normal(0, level, len(around)).astype(np.float32)
    score = scorer.score(Recording(np.clip(around + noise, -1, 1)), GOOD)
    assert not [w for w in score.words if w.error_type is ErrorType.MISPRONUNCIATION]
    assert score.overall is None or {Code.NOISY, Code.OFF_TEXT} & {c.code for c in score.cautions}


@pytest.mark.parametrize(
    ("samples", "code"),
    [(np.zeros(32_000), Code.SILENCE), (np.zeros(1_600), Code.TOO_SHORT),
     (np.random.default_rng(0).normal(0, 0.1, 48_000), Code.SILENCE)],
    ids=["silence", "0.1 s", "white noise"],
)  # fmt: skip
def test_nothing_said_gives_no_score(scorer: PronunciationScorer, samples: np.ndarray, code: Code) -> None:
    score = scorer.score(Recording(samples.astype(np.float32)), GOOD)
    assert score.overall is None and code in {c.code for c in score.cautions}
    assert [w.text for w in score.words][1] == "think"


def test_texts_that_cannot_be_scored(scorer: PronunciationScorer, good: Recording) -> None:
    for text in ("", "🙂🙂", "你好", "word " * 5000):
        with pytest.raises(TextError):
            scorer.score(good, text)
    with pytest.raises(InputError):
        scorer.align(Recording(np.zeros(16_000, np.float32)), GOOD)


def test_times_are_ordered_and_inside_the_recording(scorer: PronunciationScorer, good: Recording) -> None:
    alignment = scorer.align(good, GOOD)
    times = [alignment.interval(phone) for phone in alignment.phones]
    assert all(start < end for start, end in times)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(times))
    assert times[0][0] >= 0 and times[-1][1] <= good.duration + 0.1


def test_each_sentence_of_a_reading_is_scored_as_it_is_alone(scorer: PronunciationScorer) -> None:
    one, other = (audio.load(EXAMPLES / f"{name}.flac") for name in ("weather-good", "dinner-errors"))
    other_text = "We like rice and chips for dinner."
    gap = np.zeros(8000, np.float32)
    both = Recording(np.concatenate([one.samples, gap, other.samples]))
    found = scorer.score(both, f"{GOOD} {other_text}")
    alone = scorer.score(one, GOOD), scorer.score(other, other_text)
    assert not alone[0].sentences
    assert [(s.char_start, s.char_end) for s in found.sentences] == [(0, 38), (40, 73)]
    first, second = found.sentences
    assert 0 <= first.start < first.end < one.duration + 0.5 < second.start < second.end <= both.duration
    for sentence, whole in zip(found.sentences, alone, strict=True):
        assert sentence.overall == pytest.approx(whole.overall, abs=0.05)
    assert first.overall > second.overall
