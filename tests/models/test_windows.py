from __future__ import annotations

import math
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from speechtutor import hub, registry
from speechtutor.core import SAMPLE_RATE, Recording, Transcript, Word
from speechtutor.errors import AudioError
from speechtutor.models import windows
from speechtutor.models.windows import Hypothesis, group, monotone_path
from tests.conftest import learner_clip, need
from tests.support import sounds


def said(*words: str, logprob: float = -0.1, **fields: object) -> Hypothesis:
    placed = tuple(Word(word, i * 0.5, i * 0.5 + 0.5, 0.9) for i, word in enumerate(words))
    return Hypothesis(placed, logprob, **fields)  # type: ignore[arg-type]


def speech_at(monkeypatch: pytest.MonkeyPatch, *intervals: tuple[float, float]) -> None:
    """Let the voice activity detector find these."""
    monkeypatch.setattr(windows, "activity", lambda recording: intervals)


@pytest.mark.parametrize(
    ("pieces", "spaced", "words"),
    [
        ([" It", "'s", " ", "5", ",", " -", " Lee", "."], True, [(0, 2), (2, 6), (6, 8)]),
        (["Hello", " wor", "ld", "!"], True, [(0, 1), (1, 4)]),
        ([' "', "Yes", '"'], True, [(0, 3)]),
        ([" -", " Oh"], True, [(1, 2)]),
        ([" ...", "!"], True, []),
        ([], True, []),
        (["你", "好", "。", "吗"], False, [(0, 1), (1, 3), (3, 4)]),
        (["「", "你"], False, [(1, 2)]),
    ],
)
def test_pieces_become_words(pieces: list[str], spaced: bool, words: list[tuple[int, int]]) -> None:
    assert group(pieces, spaced=spaced) == words


def test_a_path_by_hand() -> None:
    # Row 0 is liked in frames 0-1, row 1 in frame 2, row 2 in frames 3-4.
    affinity = np.array([[9, 9, 0, 0, 0], [0, 0, 9, 0, 0], [0, 0, 0, 9, 9]], dtype=float)
    assert monotone_path(affinity).tolist() == [0, 2, 3]
    assert monotone_path(np.zeros((1, 4))).tolist() == [0]
    # As many rows as frames: one each. Fewer frames than rows: shared evenly.
    assert monotone_path(np.zeros((3, 3))).tolist() == [0, 1, 2]
    assert monotone_path(np.zeros((4, 2))).tolist() == [0, 0, 1, 1]


def test_a_glance_hears_once_and_keeps_no_loop() -> None:
    calls: list[dict[str, object]] = []

    def attempt(found: Hypothesis, **options: object) -> Hypothesis:
        calls.append(options)
        return found

    doubtful, loop = said("perhaps", logprob=-3.0), said("na", "na", looped=True)
    assert windows.glance(lambda **o: attempt(doubtful, **o), crop=True) == doubtful
    assert windows.glance(lambda **o: attempt(loop, **o), crop=True).words == ()
    assert calls == [{"crop": True}] * 2


def total(affinity: np.ndarray, starts: list[int]) -> float:
    bounds = [*starts, affinity.shape[1]]
    return sum(affinity[i, bounds[i] : bounds[i + 1]].sum() for i in range(len(starts)))


@pytest.mark.parametrize(("n_rows", "n_frames"), [(1, 1), (2, 2), (2, 6), (3, 7), (4, 9), (5, 8)])
def test_the_path_is_the_best_of_all(n_rows: int, n_frames: int) -> None:
    rng = np.random.default_rng(n_rows * 10 + n_frames)
    affinity = rng.normal(size=(n_rows, n_frames))
    every = [[0, *cuts] for cuts in combinations(range(1, n_frames), n_rows - 1)]
    found = monotone_path(affinity).tolist()
    assert found in every
    assert total(affinity, found) == pytest.approx(max(total(affinity, starts) for starts in every))


def test_loops_are_known_by_compression() -> None:
    assert windows.looped("I went to the shop. " * 8)
    assert not windows.looped("I went to the shop to buy some bread and milk for breakfast.")
    assert not windows.looped("") and not windows.looped("no no no")


def test_the_voice_is_heard_as_speech() -> None:
    voice = windows.voice()
    assert voice.dtype == np.float32 and len(voice) == 3 * SAMPLE_RATE
    assert 0.2 < np.abs(voice).max() <= 0.3
    # Its pitch glides between 80 and 160 Hz: half a second of it repeats within that range.
    part = voice[8000:16000]
    lags = np.correlate(part, part, "full")[len(part) :]
    assert 80 <= SAMPLE_RATE / (np.argmax(lags[90:220]) + 91) <= 160


def test_a_budget_grows_with_time() -> None:
    assert windows.token_budget(0.0, 200) == 10
    assert windows.token_budget(2.5, 200) == 40
    assert windows.token_budget(30.0, 200) == 200


SURE, DOUBTFUL, LOOP = said("a"), said("b", logprob=-1.2), said("c", looped=True)
CROP, PAD, CURB = {"crop": True}, {"crop": False}, {"crop": False, "no_repeat_ngram_size": 3}


@pytest.mark.parametrize(
    ("crop", "answers", "asked"),
    [
        (True, [SURE], [CROP]),
        (True, [DOUBTFUL, SURE], [CROP, PAD]),
        (True, [LOOP, DOUBTFUL], [CROP, PAD]),
        (True, [LOOP, LOOP, SURE], [CROP, PAD, CURB]),
        (False, [DOUBTFUL], [PAD]),
        (False, [LOOP, SURE], [PAD, CURB]),
    ],
)
def test_a_window_is_heard_until_it_is_sure(
    crop: bool, answers: list[Hypothesis], asked: list[dict[str, object]]
) -> None:
    queue, options = iter(answers), []

    def attempt(**given: object) -> Hypothesis:
        options.append(given)
        return next(queue)

    assert windows.settle(attempt, crop=crop) is answers[-1]
    assert options == asked


def test_a_doubtful_text_is_better_than_a_loop() -> None:
    queue = iter([DOUBTFUL, LOOP])
    assert windows.settle(lambda crop: next(queue), crop=True) is DOUBTFUL


def test_a_model_that_doubts_itself_in_silence_is_believed() -> None:
    assert said("you", logprob=-1.5, no_speech=0.9).empty
    assert not said("you", logprob=-0.5, no_speech=0.9).empty
    assert not said("you", logprob=-1.5, no_speech=0.1).empty
    assert said().empty


@pytest.mark.parametrize(
    "samples", [sounds.silence(2), sounds.noise(2), sounds.silence(0)], ids=["zeros", "noise", "none"]
)
def test_without_speech_nothing_is_asked(samples: np.ndarray) -> None:
    def hear(piece: Recording) -> Hypothesis:
        raise AssertionError("Whisper invents text in silence")

    found = windows.transcribe(sounds.recording(samples), hear, lang="de")
    assert found == Transcript((), "de", None)


def test_another_rate_is_refused() -> None:
    with pytest.raises(AudioError, match="16000 Hz, not 8000"):
        windows.transcribe(Recording(sounds.tone(1), 8000), lambda piece: said("a"), lang="en")


def test_words_give_back_the_silence_beside_them(monkeypatch: pytest.MonkeyPatch) -> None:
    # Attention gave 0-0.5 to "one" and 0.5-1 to "two"; speech is 0.3-0.45 and 0.6-0.7 with 0.75-0.9.
    speech_at(monkeypatch, (0.3, 0.45), (0.6, 0.7), (0.75, 0.9))
    found = windows.transcribe(sounds.recording(sounds.tone(1)), lambda piece: said("one", "two"), lang="en")
    assert [(w.text, w.start, w.end) for w in found.words] == [("one", 0.3, 0.45), ("two", 0.6, 0.9)]
    assert found.confidence == pytest.approx(math.exp(-0.1)) and found.text == "one two"


def test_a_word_outside_all_speech_keeps_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    speech_at(monkeypatch, (0.6, 0.9))
    found = windows.transcribe(sounds.recording(sounds.tone(1)), lambda piece: said("one", "two"), lang="en")
    assert [(w.start, w.end) for w in found.words] == [(0.0, 0.5), (0.6, 0.9)]


def test_windows_are_joined_in_the_recordings_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # Speech in three of the four windows that a cut in each pause gives; the fourth is silent.
    speech_at(monkeypatch, (0.2, 1.0), (2.4, 2.9), (4.2, 4.8))
    heard: list[float] = []

    def hear(piece: Recording) -> Hypothesis:
        heard.append(piece.duration)
        word = Word(f"w{len(heard)}", 0.0, piece.duration, 0.9)
        return Hypothesis((word,), logprob=-0.2 * len(heard), lang="fr")

    found = windows.transcribe(sounds.recording(sounds.tone(8)), hear, lang="en", longest=2.2)
    assert max(heard) <= 2.2 and [w.text for w in found.words] == ["w1", "w2", "w3"]
    assert found.lang == "fr" and found.confidence == pytest.approx(math.exp(-0.4))
    starts = [word.start for word in found.words]
    assert starts == sorted(starts)
    for word, (start, end) in zip(found.words, ((0.2, 1.0), (2.4, 2.9), (4.2, 4.8)), strict=True):
        assert start <= word.start <= word.end <= end + 1e-9


def test_the_pieces_are_at_the_libraries_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    speech_at(monkeypatch, (0.0, 3.0))
    rates: list[int] = []

    def hear(piece: Recording) -> Hypothesis:
        rates.append(piece.sample_rate)
        return said()

    assert windows.transcribe(sounds.recording(sounds.tone(3)), hear, lang="en").words == ()
    assert rates == [SAMPLE_RATE]


def spoken(monkeypatch: pytest.MonkeyPatch, n: int, gap: float = 1.0) -> Recording:
    """Tones of 2 s with pauses between them, and a voice activity detector that finds them."""
    pause = sounds.silence(gap / 2)
    speech_at(monkeypatch, *((gap / 2 + i * (2 + gap), gap / 2 + i * (2 + gap) + 2) for i in range(n)))
    return sounds.recording(np.concatenate([pause, sounds.tone(2.0), pause] * n))


def forgetful(piece: Recording) -> Hypothesis:
    """Writes the first tone of whatever it hears, sure of it, as Whisper does with a repeated sentence."""
    start = int(np.flatnonzero(piece.samples)[0]) / SAMPLE_RATE
    return Hypothesis((Word("again", start, start + 1.8, 0.9),), -0.1)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("gap", [0.4, 1.0, 5.0])
def test_a_sentence_that_is_said_again_is_written_again(
    monkeypatch: pytest.MonkeyPatch, n: int, gap: float
) -> None:
    recording = spoken(monkeypatch, n, gap)
    found = windows.transcribe(recording, forgetful, lang="en", longest=60)
    starts = [word.start for word in found.words]
    assert starts == pytest.approx([gap / 2 + i * (2 + gap) for i in range(n)], abs=1e-3)


@pytest.mark.parametrize("there", [Hypothesis((), -0.1), Hypothesis((Word("you", 0.5, 2.4, 0.3),), -1.4)])
def test_a_cough_leaves_the_text_as_it_was(monkeypatch: pytest.MonkeyPatch, there: Hypothesis) -> None:
    # The second tone is one: alone it is nothing, or something doubtful.
    recording = spoken(monkeypatch, 2)
    answers = iter([forgetful(recording), Hypothesis((Word("other", 0.5, 2.4, 0.9),), -0.1), there])
    found = windows.transcribe(recording, lambda piece: next(answers), lang="en")
    assert found.text == "again" and next(answers, None) is None


@pytest.mark.parametrize(
    "model", ["faster-whisper-base", pytest.param("whisper-base", marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("gap", [0.0, 3.0])
def test_a_learner_who_says_it_again_is_heard_again(models_home: Path, model: str, gap: float) -> None:
    # "We call it bear": of this clip said twice, cropped or not, Whisper base wrote only the first half.
    need(hub.located("whisper-base"), f"whisper-base is not in {models_home}")
    once = learner_clip("000010011")
    twice = Recording(np.concatenate([once.samples, sounds.silence(gap), once.samples]))
    words = registry.load("transcriber", model).transcribe(twice, lang="en").words
    assert len(words) == 8
    assert sum(word.start > once.duration + gap for word in words) == 4
