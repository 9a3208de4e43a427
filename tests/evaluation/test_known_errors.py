"""Texts made wrong, recordings with a sound exchanged, and the labels of what was aligned."""

from __future__ import annotations

import random

import numpy as np
import pytest

from speechtutor.core import AlignedPhone, Alignment, CanonicalWord, Edit, PhoneScore, Recording, WordScore
from speechtutor.corpora import manifest
from speechtutor.evaluation.known_errors import Piece, blend, claims, labels, pieces, rated
from speechtutor.scoring.diagnosis import IGNORED, RIGHT, WRONG
from speechtutor.text.phones import PHONES, pronounce


def single(text: str) -> tuple[CanonicalWord, ...]:
    return tuple(
        CanonicalWord(w.text, w.char_start, w.char_end, w.pronunciations[:1], w.stress[:1])
        for w in pronounce(text)
    )


def aligned(words: tuple[CanonicalWord, ...], frames: int = 5) -> Alignment:
    flat = [(w, phone) for w, word in enumerate(words) for phone in word.pronunciations[0]]
    phones = tuple(AlignedPhone(p, w, i * frames, (i + 1) * frames) for i, (w, p) in enumerate(flat))
    return Alignment(words, (0,) * len(words), phones, -1.0, 0.02)


def judged(word: CanonicalWord, *errors: tuple[int, str]) -> WordScore:
    wrong = dict(errors)
    phones = tuple(
        PhoneScore(
            p, None, heard=wrong.get(i), error_probability=float(i in wrong),
            edit=Edit.MATCH if i not in wrong else Edit.SUBSTITUTION if wrong[i] else Edit.DELETION,
        )
        for i, p in enumerate(word.pronunciations[0])
    )  # fmt: skip
    return WordScore(word.text, None, phones=phones)


@pytest.mark.parametrize("kind", ["usual", "any", "deletion", "insertion"])
def test_against_a_wrong_text_was_said_what_was_said(kind: str) -> None:
    words = single("I think the small cat sat on three boxes")
    for seed in range(20):
        made = claims(words, [judged(word) for word in words], kind, 3, random.Random(seed))
        assert made is not None
        texts, truth = made
        assert [manifest.said(word) for word in truth] == [w.pronunciations[0] for w in words]
        assert [tuple(p.canonical for p in w.phones) for w in truth] == [t.pronunciations[0] for t in texts]
        assert [t.pronunciations[0] for t in texts] != [w.pronunciations[0] for w in words]
        assert all(len(t.stress[0]) == len(t.pronunciations[0]) for t in texts)


def test_labels_say_what_was_said_at_each_phone_and_gap() -> None:
    words = single("think so")
    truth = (judged(words[0], (0, "S"), (3, "")), judged(words[1]))
    truth = (truth[0], WordScore("so", None, phones=truth[1].phones, inserted=((2, "AH"),)))
    found = labels(aligned(words), truth)
    assert found.phones.tolist() == [PHONES.index("S"), RIGHT, RIGHT, 39, RIGHT, RIGHT]
    assert found.gaps.tolist() == [RIGHT] * 6 + [PHONES.index("AH")]


def test_where_another_variant_was_aligned_only_shared_phones_are_labelled() -> None:
    word = CanonicalWord("the", 0, 3, (("DH", "AH"), ("DH", "IY")), ((-1, 0), (-1, 0)))
    alignment = Alignment(
        (word,), (1,), (AlignedPhone("DH", 0, 0, 3), AlignedPhone("IY", 0, 3, 6)), -1.0, 0.02
    )
    found = labels(alignment, (judged(word, (0, "D")),))
    assert found.phones.tolist() == [PHONES.index("D"), IGNORED]
    assert set(found.gaps.tolist()) == {IGNORED}


def test_raters_say_right_wrong_or_nothing_sure() -> None:
    words = single("sit")
    scores = (
        WordScore(
            "sit",
            1.0,
            phones=tuple(PhoneScore(p, s) for p, s in zip("S IH T".split(), (1.0, 0.6, 0.1), strict=True)),
        ),
    )
    assert labels(aligned(words), rated(scores)).phones.tolist() == [RIGHT, IGNORED, WRONG]


def test_a_blend_changes_the_sound_it_names_and_leaves_the_rest() -> None:
    words = single("sat on mats")
    alignment = aligned(words)
    n = 320 * 5 * len(alignment.phones)
    recording = Recording(np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32), 16_000)
    bank = [Piece("F", np.full(1600, 0.5, np.float32)), Piece("IY", np.full(1600, 0.5, np.float32))]
    truth = tuple(judged(word) for word in words)
    made = blend(recording, alignment, truth, bank, 1, random.Random(1))
    assert made is not None
    changed, said = made
    flat = [phone for word in said for phone in word.phones]
    (at,) = [i for i, phone in enumerate(flat) if phone.edit is not Edit.MATCH]
    start = at * 1600 - 80
    assert np.array_equal(changed.samples[:start], recording.samples[:start])
    left = n - (at + 1) * 1600 - 80
    assert np.array_equal(changed.samples[-left:], recording.samples[-left:])
    assert np.isfinite(changed.samples).all()
    level = np.abs(changed.samples[start + 200 : start + 1400]).mean()
    assert level < 0.2  # brought down to that of the sound it stands for


def test_pieces_are_the_aligned_phones() -> None:
    words = single("sat")
    recording = Recording(np.arange(4800, dtype=np.float32) / 4800, 16_000)
    cut = pieces(recording, aligned(words))
    assert [piece.phone for piece in cut] == ["S", "AE", "T"]
    assert len(cut[1].samples) == 1600 + 160


def test_texts_are_only_made_wrong_where_the_reading_is_known_to_be_right() -> None:
    words = single("sat on mats")
    known = (judged(words[0]), judged(words[1]), judged(words[2], (1, "EH")))
    for seed in range(20):
        made = claims(words, known, "any", 9, random.Random(seed), apart=1)
        assert made is not None
        assert [p.canonical for p in made[1][2].phones][:3] == ["M", "AE", "T"]
        assert made[1][2].phones[1].heard == "EH"
