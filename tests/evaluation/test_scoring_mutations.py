"""Mutations themselves: what they change in the text and in the sound, and how a verdict is reached."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechtutor.core import ErrorType, PhoneScore, Recording, UtteranceScore, WordScore
from speechtutor.evaluation import scoring_mutations
from speechtutor.evaluation.scoring_mutations import Mutation, single, verdict
from speechtutor.scoring.align import align
from speechtutor.text.phones import confusable, pronounce
from tests.support.emissions import spoken

WORDS = single(pronounce("The cat sat"))
PHONES = [phone for word in WORDS for phone in word.pronunciations[0]]
ALIGNMENT = align(spoken(" ".join(PHONES), gap=2), WORDS)
END = max(ALIGNMENT.interval(phone)[1] for phone in ALIGNMENT.phones)
SOUND = Recording(np.arange(round(16_000 * (END + 0.1)), dtype=np.float32) / 1e6)
FADED = round(scoring_mutations.FADE * 16_000)


def said(mutation: Mutation) -> list[str]:
    return [" ".join(word.pronunciations[0]) for word in mutation.words]


def test_one_pronunciation_a_word_at_its_place() -> None:
    assert all(len(word.pronunciations) == 1 for word in WORDS)
    assert [(w.text, w.char_start, w.char_end) for w in WORDS] == [
        ("The", 0, 3),
        ("cat", 4, 7),
        ("sat", 8, 11),
    ]


def test_what_is_asked_for_instead() -> None:
    assert said(scoring_mutations.swapped_phone(SOUND, WORDS, 1, 0, "G"))[1] == "G AE T"
    assert said(scoring_mutations.dropped_phone(SOUND, WORDS, 1, 3, "S"))[1] == "K AE T S"
    assert said(scoring_mutations.inserted_phone(SOUND, WORDS, 1, 1))[1] == "K T"
    other = single(pronounce("blue"))[0]
    swapped = scoring_mutations.swapped_word(SOUND, WORDS, 1, other)
    assert (swapped.text, swapped.kept, swapped.touched) == ("The blue sat", ((0, 0), (2, 2)), (1,))
    longer = scoring_mutations.dropped_word(SOUND, WORDS, 1, other)
    assert (longer.text, longer.kept, longer.touched) == ("The blue cat sat", ((0, 0), (1, 2), (2, 3)), (1,))
    assert [longer.text[w.char_start : w.char_end] for w in longer.words] == [w.text for w in longer.words]
    for mutation in (swapped, longer):
        assert mutation.recording is SOUND
        for word in mutation.words:
            assert len(word.stress[0]) == len(word.pronunciations[0])


def test_what_is_done_to_the_sound() -> None:
    start, end = scoring_mutations._place(SOUND, ALIGNMENT, 1)
    length = round(end * 16_000) - round(start * 16_000)
    twice = scoring_mutations.repeated_word(SOUND, WORDS, ALIGNMENT, 1)
    assert len(twice.recording.samples) == len(SOUND.samples) + length - 3 * FADED
    gone = scoring_mutations.cut_word(SOUND, WORDS, ALIGNMENT, 1)
    assert len(gone.recording.samples) == len(SOUND.samples) - length - FADED
    # The rising line of the original: what stands after the cut is what stood after the word.
    assert gone.recording.samples[-1] == SOUND.samples[-1] and gone.recording.samples[0] == 0
    added = scoring_mutations.inserted_word(SOUND, WORDS, ALIGNMENT, 1, np.ones(500, np.float32))
    assert len(added.recording.samples) == len(SOUND.samples) + 500 - 2 * FADED
    assert (added.recording.samples == 1).sum() >= 500 - 2 * FADED
    stutter = scoring_mutations.repeated_phone(SOUND, WORDS, ALIGNMENT, 1, 0)
    assert len(SOUND.samples) < len(stutter.recording.samples) < len(twice.recording.samples)
    assert all(m.words is WORDS for m in (twice, gone, added, stutter))


def test_the_ends_of_a_recording_belong_to_the_outer_words() -> None:
    places = [scoring_mutations._place(SOUND, ALIGNMENT, w) for w in range(3)]
    assert places[0][0] == 0.0 and places[2][1] == SOUND.duration
    assert places[0][1] == places[1][0] and places[1][1] == places[2][0]


def test_a_sample_has_every_kind_and_is_the_same_again() -> None:
    others = single(pronounce("A blue bird sings"))

    def made() -> list[Mutation]:
        rng = np.random.default_rng(3)
        return scoring_mutations.sample(SOUND, WORDS, ALIGNMENT, SOUND, others, confusable, rng)

    first, second = made(), made()
    assert len({m.kind for m in first}) == len(first) == 10
    assert [(m.kind, m.text, m.touched, m.phone, m.words) for m in first] == [
        (m.kind, m.text, m.touched, m.phone, m.words) for m in second
    ]
    assert all((a.recording.samples == b.recording.samples).all() for a, b in zip(first, second, strict=True))


# Verdicts


def score(*kinds: ErrorType, at: tuple[float, ...] = (), overall: float | None = 0.9) -> UtteranceScore:
    """The three words; a word of kind Insertion or Repetition is one beyond the text."""
    words: list[WordScore] = []
    n = 0
    for kind in kinds:
        if kind in scoring_mutations.EXTRA:
            words.append(WordScore("", None, error_type=kind))
            continue
        value = at[n] if at else 0.9
        error = 0.9 if kind is ErrorType.MISPRONUNCIATION else 0.1
        phones = tuple(PhoneScore(p, value, error_probability=error) for p in WORDS[n].pronunciations[0])
        words.append(
            WordScore(WORDS[n].text, value, char_start=0, char_end=1, error_type=kind, phones=phones)
        )
        n += 1
    return UtteranceScore("", tuple(words), overall)


NONE, WRONG = ErrorType.NONE, ErrorType.MISPRONUNCIATION
ORIGINAL = score(NONE, NONE, NONE)


def test_a_mutation_that_is_noticed_there_and_only_there() -> None:
    mutation = scoring_mutations.swapped_phone(SOUND, WORDS, 1, 0, "G")
    found = verdict(ORIGINAL, score(NONE, WRONG, NONE, at=(0.9, 0.2, 0.8)), mutation)
    assert found.noticed and not found.declined
    assert found.fall == pytest.approx(0.7)
    # "The" (two phones) did not move, "sat" (three) by 0.1.
    assert found.moved == pytest.approx(0.3 / 5) and (found.false_flags, found.n_kept) == (0, 2)
    elsewhere = verdict(ORIGINAL, score(WRONG, NONE, NONE), mutation)
    assert not elsewhere.noticed and elsewhere.false_flags == 1


def test_omissions_and_extra_speech_have_their_own_kinds() -> None:
    cut = scoring_mutations.cut_word(SOUND, WORDS, ALIGNMENT, 1)
    assert verdict(ORIGINAL, score(NONE, ErrorType.OMISSION, NONE), cut).noticed
    assert not verdict(ORIGINAL, score(NONE, WRONG, NONE), cut).noticed
    twice = scoring_mutations.repeated_word(SOUND, WORDS, ALIGNMENT, 1)
    for kinds in ((NONE, ErrorType.REPETITION, NONE, NONE), (NONE, NONE, ErrorType.REPETITION, NONE)):
        assert verdict(ORIGINAL, score(*kinds), twice).noticed
    assert not verdict(ORIGINAL, score(ErrorType.REPETITION, NONE, NONE, NONE), twice).noticed
    assert verdict(ORIGINAL, score(NONE, NONE, NONE), twice).fall is None


def test_only_another_sentence_may_be_declined() -> None:
    silent = replace(ORIGINAL, overall=None, words=())
    other = scoring_mutations.wrong_sentence(SOUND, WORDS)
    assert verdict(ORIGINAL, silent, other).noticed
    assert not verdict(ORIGINAL, ORIGINAL, other).noticed
    declined = verdict(ORIGINAL, silent, scoring_mutations.swapped_phone(SOUND, WORDS, 1, 0, "G"))
    assert declined.declined and not declined.noticed
