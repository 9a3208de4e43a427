from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from speechtutor.core import SAMPLE_RATE, Candidate, Emission, Quality, Recording
from speechtutor.errors import AudioError, InputError
from speechtutor.models.fake import FakeAcousticModel
from speechtutor.scoring import passages as passages_
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import Diagnosis, Finding
from speechtutor.scoring.observe import MOST_HEARD, joined, listen, most_heard
from speechtutor.scoring.passages import gaps_of, joined_alignment, joined_diagnosis, passages
from tests.support.emissions import spoken, word

SENTENCE = "DH AH _ K AE T _ S IH T S _ _ _ _"
WORDS = [word("DH AH"), word("K AE T"), word("S IH T S")]


def reading(n: int) -> tuple[Emission, list]:
    """The sentence n times, about 1.3 s each, with a pause after each."""
    return spoken(" ".join([SENTENCE] * n)), WORDS * n


def test_what_is_short_is_one_passage() -> None:
    emission, words = reading(2)
    (only,) = passages(emission, words)
    assert only.emission(emission) is emission and list(only.words(words)) == words


def test_passages_hold_every_frame_and_word_once_and_are_short() -> None:
    emission, words = reading(60)
    parts = passages(emission, words)
    assert len(parts) > 1
    assert (parts[0].first_frame, parts[0].first_word) == (0, 0)
    assert (parts[-1].last_frame, parts[-1].last_word) == (len(emission.log_probs), len(words))
    for a, b in pairwise(parts):
        assert (a.last_frame, a.last_word) == (b.first_frame, b.first_word)
    longest = max(part.last_frame - part.first_frame for part in parts) * emission.frame_shift
    assert longest <= passages_.LONGEST
    # Cut in the longest pauses: after whole sentences.
    assert all(part.last_word % 3 == 0 for part in parts)


def test_a_passage_has_its_frames_of_everything_that_was_heard() -> None:
    emission, words = reading(60)
    frames = np.arange(len(emission.log_probs))
    full = replace(emission, embedding=frames[:, None].astype(np.float32), lower=emission.log_probs.copy())
    for part in passages(full, words):
        cut, own = part.emission(full), slice(part.first_frame, part.last_frame)
        assert cut.embedding is not None and (cut.embedding[:, 0] == frames[own]).all()
        assert cut.lower is not None and (cut.lower == emission.log_probs[own]).all()


def test_joined_alignment_is_that_of_the_whole() -> None:
    """The slow twin aligns everything at once; only what a pause leaves to its neighbours may differ."""
    emission, words = reading(60)
    parts = passages(emission, words)
    found = joined_alignment(
        emission, parts, [align(part.emission(emission), part.words(words)) for part in parts]
    )
    twin = align(emission, words)
    assert [(p.canonical, p.word) for p in found.phones] == [(p.canonical, p.word) for p in twin.phones]
    spans = [
        (a.start_frame - b.start_frame, a.end_frame - b.end_frame)
        for a, b in zip(found.phones, twin.phones, strict=True)
    ]
    assert np.abs(spans).max() <= 1
    assert found.log_likelihood == pytest.approx(twin.log_likelihood, abs=1e-3)


def test_more_phones_than_the_head_has_places_for() -> None:
    """Spoken in ten seconds: cut by phones, not by seconds."""
    script = " ".join(["DH AH K AE T"] * 130)
    emission = spoken(script, peak=1, gap=1)
    words = [word("DH AH K AE T")] * 130
    assert len(emission.log_probs) * emission.frame_shift < passages_.LONGEST
    parts = passages(emission, words)
    assert len(parts) > 1
    assert max(passages_.length(part.words(words)) for part in parts) <= passages_.MOST_PHONES


def test_a_text_that_was_not_said_does_not_fit() -> None:
    emission, words = reading(60)
    with pytest.raises(InputError):
        passages(emission, words * 20)


def test_pieces_are_joined_on_one_clock() -> None:
    """Frames that know their time: each joined one is at most half a frame from where it should be."""

    def piece(start: float, seconds: float) -> tuple[float, Emission]:
        times = start - 0.1 + 0.02 * np.arange(round((seconds + 0.2) / 0.02))
        return start, Emission(np.stack([times, times], 1).astype(np.float32), ("", "A"), 0.02, origin=-0.1)

    whole = joined([piece(0.0, 1.013), piece(1.013, 0.777), piece(1.79, 1.21)])
    times = whole.origin + 0.02 * np.arange(len(whole.log_probs))
    assert np.abs(whole.log_probs[:, 0] - times).max() <= 0.0101
    assert times[-1] == pytest.approx(3.08, abs=0.03)


def test_a_long_recording_is_heard_in_pieces_that_the_model_can_take() -> None:
    heard: list[float] = []

    class Ear:
        longest = 5.0

        def emit(self, recording: Recording) -> Emission:
            heard.append(recording.duration)
            return FakeAcousticModel().emit(recording)

    samples = np.random.default_rng(0).normal(0, 0.1, 13 * SAMPLE_RATE).astype(np.float32)
    quality = Quality(13.0, 0.5, 0.0, -20.0, 30.0, ((0.2, 6.0), (6.5, 12.8)))
    emission = listen(Ear(), Recording(samples), quality)
    assert sum(heard) == pytest.approx(13.0, abs=0.01) and max(heard) <= 5.0 and min(heard) >= 0.5
    assert len(emission.log_probs) == pytest.approx(650, abs=1)
    assert most_heard(Ear()) == 5.0 and most_heard(FakeAcousticModel()) == MOST_HEARD


def test_more_than_fifteen_minutes_is_one_line() -> None:
    samples = np.zeros(16 * 60 * SAMPLE_RATE, np.float32)
    with pytest.raises(AudioError, match=r"16\.0 minutes long, more than the 15"):
        listen(FakeAcousticModel(), Recording(samples), Quality(960.0, 0, 0, -90, None, ()))


def test_of_a_gap_that_two_passages_share_the_surer_finding_stays() -> None:
    def finding(p: float) -> Finding:
        return Finding(p, "S" if p > 0.5 else None, (Candidate("S", p),))

    first = Diagnosis((finding(0.1),), (finding(0.2), finding(0.9)))
    second = Diagnosis((finding(0.3), finding(0.4)), (finding(0.6), finding(0.1), finding(0.7)))
    whole = joined_diagnosis([first, second])
    assert [f.probability for f in whole.phones] == [0.1, 0.3, 0.4]
    assert [f.probability for f in whole.gaps] == [0.2, 0.9, 0.1, 0.7]
    assert [[f.probability for f in own] for own in gaps_of(whole, [1, 2])] == [[0.2], [0.9, 0.1, 0.7]]
    assert joined_diagnosis([replace(first)]) == first
