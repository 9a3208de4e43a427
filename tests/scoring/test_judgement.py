from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from speechtutor.core import (
    AlignedPhone,
    Alignment,
    Candidate,
    Caution,
    Code,
    Edit,
    ErrorType,
    Fluency,
    Pitch,
    Quality,
)
from speechtutor.scoring import judgement
from speechtutor.scoring.align import align
from speechtutor.scoring.diagnosis import Diagnosis, Finding
from speechtutor.scoring.gop import Goodness
from speechtutor.scoring.insertions import Extra, ExtraSound, named_sounds
from speechtutor.scoring.judgement import Measurements, Predicted, judge
from tests.support.emissions import spoken, word

N = 5
NOTHING = np.zeros(0, np.float32)
PITCH = Pitch(NOTHING, NOTHING, NOTHING.astype(bool))


def found(
    gap: float = 0.0,
    snr_db: float | None = 30.0,
    word_deletion: tuple[float, float] = (-9, -9),
    extras: tuple[Extra, ...] = (),
    sounds: tuple[ExtraSound, ...] = (),
) -> Measurements:
    """ "think eye": phones of 0.1 s from 0, a gap of `gap` seconds between the words."""
    shift = round(gap / 0.02)
    phones = [AlignedPhone(p, 0, 5 * i, 5 * i + 5) for i, p in enumerate(("TH", "IH", "NG", "K"))]
    phones.append(AlignedPhone("AY", 1, 20 + shift, 25 + shift))
    words = (word("TH IH NG K", text="think"), word("AY", text="eye"))
    words = (
        words[0].__class__("think", 0, 5, *_rest(words[0])),
        words[1].__class__("eye", 6, 9, *_rest(words[1])),
    )
    nbest = (Candidate("S", 0.6), Candidate("T", 0.2), Candidate("", 0.1))
    evidence = [Goodness(p.canonical, -1.0, "S", 0.1, "S", nbest) for p in phones]
    quality = Quality(1.0, 0.5, 0.0, -20.0, snr_db, ((0.0, 1.0),))
    alignment = Alignment(words, (0, 0), tuple(phones), -1.0, 0.02)
    return Measurements(
        "think eye",
        alignment,
        evidence,
        np.array(word_deletion),
        extras,
        sounds,
        quality,
        Fluency(0, 0, 0, 0, 0),
        PITCH,
    )


def _rest(w: object) -> tuple[object, object]:
    return w.pronunciations, w.stress  # type: ignore[attr-defined]


def predicted(errors: tuple[float, ...] = (0.05,) * N) -> Predicted:
    return Predicted(
        phones=1 - np.array(errors), errors=np.array(errors), words=np.full((2, 3), 0.9),
        utterance=np.array([0.8, 0.7, 0.6, 0.75]),
        spread=np.zeros(N),
    )  # fmt: skip


def test_a_good_reading() -> None:
    score = judge(found(), predicted())
    assert [w.error_type for w in score.words] == [ErrorType.NONE] * 2
    assert (score.accuracy, score.fluency, score.prosody, score.overall) == (0.8, 0.7, 0.6, 0.75)
    assert score.completeness == 1.0
    assert all(p.heard is None and p.edit is Edit.MATCH for w in score.words for p in w.phones)


def test_a_wrong_phone_names_what_was_heard_and_spares_its_neighbours() -> None:
    score = judge(found(), predicted((0.9, 0.05, 0.05, 0.05, 0.05)))
    th = score.words[0].phones[0]
    # The rivals share the error probability as 6 : 2 : 1 of their likelihoods.
    assert th.heard == "S" and th.edit is Edit.SUBSTITUTION
    assert [(c.phone, round(c.probability, 3)) for c in th.nbest] == [("S", 0.6), ("T", 0.2), ("", 0.1)]
    assert score.words[0].error_type is ErrorType.MISPRONUNCIATION
    assert score.words[1].error_type is ErrorType.NONE


def test_noise_makes_a_finding_unsure_and_not_an_error() -> None:
    # At 6 dB, (6 - 0) / (15 - 0) = 0.4 of the trust is left: 0.4 * 0.9 is below one half.
    score = judge(found(snr_db=6.0), predicted((0.9, 0.05, 0.05, 0.05, 0.05)))
    assert score.words[0].error_type is ErrorType.UNSURE
    assert score.words[0].confidence == pytest.approx(0.4 * 0.9)


def test_a_word_left_out() -> None:
    # That the text fits better without the word is not enough: its phones must be missed too.
    assert judge(found(word_deletion=(30.0, -9.0)), predicted()).words[0].error_type is ErrorType.NONE
    score = judge(found(word_deletion=(30.0, -9.0)), predicted((0.9, 0.9, 0.9, 0.9, 0.05)))
    first = score.words[0]
    assert first.error_type is ErrorType.OMISSION and first.score == 0.0 and score.completeness == 0.5
    assert all(p.heard == "" and p.edit is Edit.DELETION for p in first.phones)


@pytest.mark.parametrize(("gap", "kind"), [(0.3, ErrorType.NONE), (0.8, ErrorType.UNEXPECTED_BREAK)])
def test_a_pause_inside_a_phrase(gap: float, kind: ErrorType) -> None:
    assert judge(found(gap=gap), predicted()).words[1].error_type is kind


def test_extra_speech_stands_where_it_was_said() -> None:
    extra = Extra(0.41, 0.5, ("AH", "M"), ErrorType.INSERTION, 1, 9.0)
    score = judge(found(extras=(extra,)), predicted())
    assert [w.text for w in score.words] == ["think", "", "eye"]
    assert score.words[1].error_type is ErrorType.INSERTION and score.words[1].score is None


def test_abstention_keeps_the_text_and_says_why() -> None:
    quality = Quality(0.1, 0.0, 0.0, -90.0, None, (), (Caution(Code.SILENCE, "no speech"),))
    score = judgement.abstain("think", [word("TH IH NG K", text="think")], quality)
    assert (
        score.overall is None
        and score.words[0].score is None
        and score.words[0].error_type is ErrorType.UNSURE
    )
    assert [c.code for c in score.cautions] == [Code.SILENCE]


def test_clarity_by_hand() -> None:
    assert [judgement.clarity(x) for x in (None, 30.0, 7.5, -5.0)] == [1.0, 1.0, 0.5, 0.0]


def test_a_calibration_curve_is_constant_beyond_its_ends() -> None:
    knots = {"x": [0.0, 1.0], "y": [0.2, 0.6]}
    assert judgement.interpolate(knots, np.array([-1, 0.5, 9])).tolist() == pytest.approx([0.2, 0.4, 0.6])


def test_what_was_heard_is_named_only_where_one_rival_stands_out() -> None:
    # The rivals' shares are 6/9, 2/9 and 1/9; at 4 : 4 : 1 none holds half of the error.
    even = [
        replace(e, nbest=(Candidate("S", 0.4), Candidate("T", 0.4), Candidate("", 0.1)))
        for e in found().evidence
    ]
    errors = (0.4, 0.05, 0.05, 0.05, 0.05)
    clear, unclear = (
        judge(found(), predicted(errors)),
        judge(replace(found(), evidence=even), predicted(errors)),
    )
    assert clear.words[0].phones[0].heard == "S" and unclear.words[0].phones[0].heard is None
    assert {s.words[0].error_type for s in (clear, unclear)} == {ErrorType.MISPRONUNCIATION}


@pytest.mark.parametrize(("text", "gap", "kind"), [
    ("think eye", 0.0, ErrorType.NONE), ("think. eye", 0.0, ErrorType.MISSING_BREAK),
    ("think, eye", 0.0, ErrorType.NONE), ("think. eye", 0.2, ErrorType.NONE),
])  # fmt: skip
def test_a_break_is_missing_where_a_sentence_ends_and_the_voice_goes_on(
    text: str, gap: float, kind: ErrorType
) -> None:
    case = found(gap)
    first, second = case.alignment.words
    moved = replace(second, char_start=text.index("eye"), char_end=len(text))
    case = replace(case, text=text, alignment=replace(case.alignment, words=(first, moved)))
    assert judge(case, predicted()).words[1].error_type is kind


@pytest.mark.parametrize(
    "mark",
    [" ", "… ", "... ", " - ", " – ", " — ", "—", "--", " (", ") ", "\n", "\r\n", "\u2028", " “", "” ",
     ' "', '" ', " ‘", "’ ", ": ", "; ", ", ", " / ", " | ", " • ", "-", "'"],
)  # fmt: skip
def test_a_pause_is_no_mistake_where_a_mark_allows_it(mark: str) -> None:
    """A reader may stop at any mark but inside "well-known" and "o'clock", and nowhere without one."""
    case, text = found(0.8), f"think{mark}eye"
    first, second = case.alignment.words
    moved = replace(second, char_start=text.index("eye"), char_end=len(text))
    case = replace(case, text=text, alignment=replace(case.alignment, words=(first, moved)))
    wrong = mark in (" ", "-", "'")
    kind = ErrorType.UNEXPECTED_BREAK if wrong else ErrorType.NONE
    assert judge(case, predicted()).words[1].error_type is kind


def tone(semitones: float, seconds: float = 1.5) -> Pitch:
    """A voice that rises evenly from 120 Hz by `semitones`."""
    n = round(seconds / 0.01)
    hz = 120 * 2 ** (np.linspace(0, semitones, n) / 12)
    return Pitch(np.arange(n) * 0.01, hz, np.ones(n, dtype=bool))


def test_a_level_voice_is_monotone_at_the_last_content_word() -> None:
    # Of an even rise the middle four fifths are 0.8 of its span.
    assert judgement.pitch_range(tone(5.0)) == pytest.approx(4.0, abs=0.01)
    assert judgement.pitch_range(tone(5.0, 0.5)) is None and judgement.pitch_range(PITCH) is None
    words = [*judge(found(), predicted()).words] * 3
    flat = replace(found(), pitch=tone(1.0))
    kinds = [w.error_type for w in judgement._with_prosody(words, flat, prosody=0.6)]
    # "eye" has one phone, so the last "think" carries the accent.
    assert [i for i, kind in enumerate(kinds) if kind is ErrorType.MONOTONE] == [4]
    for case, prosody, some in (
        (replace(found(), pitch=tone(5.0)), 0.6, words),
        (flat, 0.9, words),
        (flat, 0.6, words[:3]),
    ):
        assert judgement._with_prosody(some, case, prosody) == some


def test_a_sound_too_many_is_a_mispronunciation_of_its_word() -> None:
    sounds = (ExtraSound(0, 4, "AH", 5.0), ExtraSound(1, 0, "T", 5.0))
    think, eye = judge(found(sounds=sounds), predicted()).words
    assert (think.inserted, think.error_type) == (((4, "AH"),), ErrorType.MISPRONUNCIATION)
    assert eye.inserted == ((0, "T"),)
    noisy = judge(found(sounds=sounds, snr_db=2.0), predicted()).words
    assert [w.inserted for w in noisy] == [(), ()]


def test_where_a_whole_word_is_extra_its_sounds_are_not_told_twice() -> None:
    extra = Extra(0.4, 0.5, ("AH", "K"), ErrorType.INSERTION, 1, 9.0)
    sounds = (ExtraSound(0, 4, "AH", 5.0), ExtraSound(1, 0, "K", 5.0))
    think, _, eye = judge(found(extras=(extra,), sounds=sounds), predicted()).words
    assert (think.inserted, eye.inserted) == ((), ())
    _, before, _ = judge(found(extras=(replace(extra, word=0),), sounds=sounds), predicted()).words
    assert before.inserted == ()


def diagnosis(*wrong: tuple[float, str | None], gaps: dict[int, str] | None = None) -> Diagnosis:
    """One (probability of another sound, what is named) a phone; what is named in the gaps."""
    phones = tuple(Finding(p, heard, (Candidate(heard or "S", p),)) for p, heard in wrong)
    added = [(gaps or {}).get(g) for g in range(N + 1)]
    return Diagnosis(phones, tuple(Finding(0.9 if s else 0.0, s, ()) for s in added))


SAID = (0.02, None)


def test_what_was_heard_follows_the_diagnosis_and_the_score_the_raters() -> None:
    """Raters let "sink" pass, the diagnosis does not; raters would mark IH, and no other sound was heard."""
    told = diagnosis((0.7, "S"), SAID, SAID, SAID, SAID)
    score = judge(replace(found(), diagnosis=told), predicted((0.05, 0.05, 0.05, 0.05, 0.9)))
    th, eye = score.words[0].phones[0], score.words[1].phones[0]
    assert (th.heard, th.edit, th.said_probability) == ("S", Edit.SUBSTITUTION, pytest.approx(0.3))
    assert th.error_probability == 0.05 and th.score == pytest.approx(0.95)
    assert th.nbest == (Candidate("S", 0.7),)
    assert score.words[0].error_type is ErrorType.MISPRONUNCIATION
    assert (eye.heard, eye.error_probability, eye.said_probability) == (None, 0.9, pytest.approx(0.98))
    assert score.words[1].error_type is ErrorType.UNSURE


def test_a_sure_diagnosis_lowers_the_phone_and_its_word() -> None:
    """Half way from 0.8 to certainty: at most 1 - 0.5 * 0.6 = 0.7, the word 1 - 0.5 * 0.4 = 0.8."""
    assert judgement.highest(0.8, 0.4) == 1.0 and judgement.highest(0.0, 0.4) == 1.0
    assert judgement.highest(1.0, 0.4) == pytest.approx(0.4)
    told = diagnosis((0.9, "S"), SAID, SAID, SAID, SAID)
    score = judge(replace(found(), diagnosis=told), predicted())
    assert score.words[0].phones[0].score == pytest.approx(0.7)
    assert score.words[0].score == pytest.approx(0.8) and score.words[0].total == pytest.approx(0.8)
    assert score.words[1].score == 0.9 and score.overall == 0.75
    # Never raised: a phone that raters find worse stays where it is.
    low = judge(replace(found(), diagnosis=told), predicted((0.6, 0.05, 0.05, 0.05, 0.05)))
    assert low.words[0].phones[0].score == pytest.approx(0.4)


def test_sounds_put_in_are_named_by_the_diagnosis() -> None:
    emission = spoken("T IH N K AY")
    words = (word("T IH N K"), word("AY"))
    told = diagnosis(*[SAID] * N, gaps={1: "AH"}).gaps
    (extra,) = named_sounds(emission, align(emission, words), told)
    # log(0.9 / 0.1) = 2.197
    assert (extra.word, extra.at, extra.phone, extra.gain) == (0, 1, "AH", pytest.approx(2.197, abs=1e-3))


def test_the_opinions_of_passages_are_joined_by_their_phones() -> None:
    first, second = predicted(), replace(predicted(), utterance=np.array([0.2, 0.4, 0.6, 0.75]))
    whole = judgement.together([first, second], [30, 10])
    assert whole.phones.shape == (2 * N,) and whole.words.shape == (4, 3)
    # (30 * 0.8 + 10 * 0.2) / 40 = 0.65
    assert whole.utterance.tolist() == pytest.approx([0.65, 0.625, 0.6, 0.75])
    assert judgement.together([first], [N]) is first


def test_a_word_of_which_much_is_doubtful_is_wrong_as_a_whole() -> None:
    """0.7 * 0.8 * 0.8 * 0.98 = 0.44 that all was said: wrong where raters would mark a sound of it too."""
    told = diagnosis((0.3, None), (0.2, None), (0.2, None), SAID, SAID)
    marked = judge(replace(found(), diagnosis=told), predicted((0.4, 0.05, 0.05, 0.05, 0.05)))
    assert marked.words[0].error_type is ErrorType.MISPRONUNCIATION
    assert all(p.heard is None for p in marked.words[0].phones)
    accepted = judge(replace(found(), diagnosis=told), predicted())
    assert accepted.words[0].error_type is ErrorType.NONE
