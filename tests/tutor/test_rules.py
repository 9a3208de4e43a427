"""The rule-based tutor: what it picks, what it says, and the data it says it from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

import pytest

from speechtutor.content import tables
from speechtutor.core import (
    Caution,
    Code,
    ErrorType,
    Exercise,
    Feedback,
    LearnerState,
    Mastery,
    UtteranceScore,
)
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.practice import library
from speechtutor.text.phones import PHONES, pronounce
from speechtutor.tutor.contradictions import contradictions
from speechtutor.tutor.evidence import gather
from speechtutor.tutor.findings import FindingKind
from speechtutor.tutor.labels import plain
from speechtutor.tutor.rules import RuleTutor, load_rules, picked, unsaid
from tests.support.judged import LEARNER, SINK, THINK, fine, marked, omitted, phone, said, utterance, word

TUTOR = RuleTutor()


def advise(score: UtteranceScore, learner: LearnerState = LEARNER) -> Feedback:
    return TUTOR.advise(score, learner)


def sounds_of(text: str) -> Counter[str]:
    return Counter(p for w in pronounce(text) for p in w.pronunciations[0])


# --- what it says ---------------------------------------------------------------------------------


def test_the_whole_advice_for_think_said_as_sink() -> None:
    feedback = advise(SINK)
    assert feedback.summary == (
        '"weather" came out clearly. In "think", I heard something closer to "s" as in "sun" than to "th" '
        'as in "think". Put the tip of your tongue between your teeth and blow air gently.'
    )
    (tip,) = feedback.tips
    assert (tip.word, tip.phone, tip.heard) == ("think", "TH", "S")
    assert tip.advice.endswith('Compare "think" and "sink".')
    assert feedback.follow_up == 'Now say: "Is there anything on the menu without cheese?"'
    assert feedback.source == "rules"


@pytest.mark.parametrize(
    ("score", "says", "never"),
    [
        (utterance(said("food", "F UW D", 2, ""), "please"), 'In "food", I could not hear "d"', "closer"),
        (utterance(said("bread", "B R EH D", 1, ""), "please"), "in the middle", "at the end"),
        (utterance(said("work", "W ER K", 1, None), "please"), "was not quite clear", "closer"),
        (utterance("open", omitted("the"), "door"), 'I did not hear "the"', "closer"),
        (utterance("we", marked("really", ErrorType.INSERTION), "go"), "not in the sentence", "closer"),
        (utterance("it", marked("rained", ErrorType.REPETITION)), "more than once", "closer"),
        (utterance("the", marked("garden", ErrorType.UNEXPECTED_BREAK)), "a long pause near", "closer"),
        (
            utterance("the", replace(fine("ask"), inserted=((1, "AH"),)), overall=0.5),
            'extra "uh" as in',
            "closer",
        ),
        (utterance("the", marked("garden", ErrorType.MISSING_BREAK)), "A short pause near", "long"),
        (utterance("the", marked("garden", ErrorType.MONOTONE)), "level", "closer"),
        (utterance("the", marked("garden", ErrorType.UNSURE)), "I am not sure", "closer"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_kind_of_finding_has_its_words(score: UtteranceScore, says: str, never: str) -> None:
    summary = advise(score).summary
    assert says in summary
    assert never not in summary
    assert "you said" not in summary.lower()


def test_all_good_is_praised_and_gets_a_longer_sentence() -> None:
    feedback = advise(utterance("we", "had", "fun", fluency=0.9))
    assert feedback.summary.startswith("Well done")
    assert feedback.tips == ()
    sentence = feedback.follow_up.partition('"')[2].rstrip('"')
    assert sentence in {item.text for item in library.of_kind("sentence") if item.level == "B1"}


@pytest.mark.parametrize("code", [code for code in Code if code is not Code.FREE_SPEECH])
def test_an_unjudgeable_recording_says_what_to_do(code: Code) -> None:
    score = UtteranceScore("some text", (), cautions=(Caution(code, "why"),))
    feedback = advise(score)
    assert feedback.tips == ()
    assert feedback.summary == tables.message("caution", code.value)
    assert "record" in feedback.follow_up


def test_nothing_measured_and_no_caution_is_no_praise() -> None:
    feedback = advise(UtteranceScore("", ()))
    assert feedback.summary == tables.message("caution", "unjudged")


@pytest.mark.parametrize("code", [Code.NOISY, Code.CLIPPED, Code.TOO_QUIET, Code.TRUNCATED])
def test_a_poor_but_judged_recording_is_said_to_be_one(code: Code) -> None:
    feedback = advise(replace(SINK, cautions=(Caution(code, "why"),)))
    assert feedback.summary.endswith(tables.read("messages")["care"][code.value])
    assert feedback.tips[0].phone == "TH"


def test_a_text_that_was_mostly_not_read_is_not_corrected() -> None:
    score = utterance(THINK, omitted("of"), omitted("the"), omitted("sea"))
    assert advise(score).summary == tables.message("caution", "off_text")


def test_off_text_is_never_corrected() -> None:
    assert advise(replace(SINK, cautions=(Caution(Code.OFF_TEXT, "why"),))).tips == ()


def test_low_confidence_asks_to_repeat_and_names_no_sound() -> None:
    unsure = said("think", "TH IH NG K", 0, "S", confidence=0.2)
    feedback = advise(utterance("I", unsure, "so"))
    assert "not sure" in feedback.summary
    assert '"s"' not in feedback.summary
    assert [(tip.word, tip.phone, tip.heard) for tip in feedback.tips] == [("think", "", None)]
    assert "again" in feedback.tips[0].advice


def test_confidence_falls_back_from_phone_to_word_to_utterance() -> None:
    assert "not sure" in advise(utterance("I", replace(THINK, confidence=0.1))).summary
    assert "not sure" in advise(utterance("I", THINK, confidence=0.1)).summary
    assert "not sure" not in advise(utterance("I", replace(THINK, confidence=0.9), confidence=0.1)).summary


# --- what it picks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("error", "found"), [(ERROR_THRESHOLD, 1), (ERROR_THRESHOLD - 0.01, 0)])
def test_the_threshold_is_where_it_is_said_to_be(error: float, found: int) -> None:
    score = utterance(said("think", "TH IH NG K", 0, "S", error=error))
    assert len(gather(score, LEARNER).findings) == found


def test_raters_without_probabilities_count_by_their_score() -> None:
    rated = replace(phone("TH", 0.9, "S"), error_probability=None)
    assert gather(utterance(word("think", (rated,))), LEARNER).findings[0].probability == pytest.approx(0.9)


def test_functional_load_decides_between_equal_probabilities() -> None:
    """Brown (1988): L-R has rank 10, TH-F rank 1."""
    score = utterance(said("thin", "TH IH N", 0, "F"), said("light", "L AY T", 0, "R"))
    findings = gather(score, LEARNER).findings
    assert [f.word for f in findings] == ["light", "thin"]
    assert [f.weight for f in findings] == pytest.approx([1.0 * 0.9, 0.1 * 0.9])
    assert len(picked(gather(score, LEARNER))) == 1, "a small thing is not worth a second tip"


def test_probability_and_confidence_scale_the_weight() -> None:
    score = utterance(said("light", "L AY T", 0, "R", error=0.8, confidence=0.5))
    assert gather(score, LEARNER).findings[0].weight == pytest.approx(1.0 * 0.8 * 0.5)


def test_what_a_learner_keeps_missing_comes_first() -> None:
    score = utterance(said("sing", "S IH NG", 0, "SH"), said("van", "V AE N", 0, "B"))
    assert [f.phone for f in gather(score, LEARNER).findings] == ["S", "V"], "equal loads: text order"
    # Eight attempts at a mean of 0.1: 1 + 8 / (8 + 4) * 0.9 = 1.6 times the weight.
    learner = LearnerState(phones={"V": Mastery(0.1, 8)})
    findings = gather(score, learner).findings
    assert [f.phone for f in findings] == ["V", "S"]
    assert findings[0].weight == pytest.approx(0.7 * 0.9 * 1.6)


def test_at_most_two_tips_of_different_words() -> None:
    bad = said("light", "L AY T", 0, "R")
    both = word("really", (phone("R", 0.9, "L"), phone("IY", 0.9, "IH")))
    tips = advise(utterance(both, bad, said("pin", "P IH N", 0, "B"))).tips
    assert [tip.word for tip in tips] == ["really", "light"]


def test_ids_follow_the_rank() -> None:
    findings = gather(utterance(THINK, omitted("never"), said("light", "L AY T", 0, "R")), LEARNER).findings
    assert [f.id for f in findings] == ["f1", "f2", "f3"]
    assert all(a.weight >= b.weight for a, b in pairwise(findings))
    assert [f.kind for f in findings] == [
        FindingKind.SUBSTITUTION,
        FindingKind.OMISSION,
        FindingKind.SUBSTITUTION,
    ]


def test_praise_is_true() -> None:
    poor = fine("so", score=0.5)
    assert "You spoke at a smooth pace." in advise(utterance(THINK, poor, fluency=0.9)).summary
    assert "I heard every word." in advise(utterance(THINK, poor, fluency=0.3)).summary
    missing = utterance(THINK, poor, omitted("the"), fluency=0.3)
    assert "Thank you for recording this." in advise(missing).summary
    assert '"think" came out' not in advise(utterance(THINK, fine("think"))).summary


WELL = [said(text, "TH IH N", -1, None) for text in ("thin", "thick", "thing")]
"""Three words whose sounds were all good."""


def record(mean: float, n: int, phone: str = "TH") -> LearnerState:
    return LearnerState(phones={phone: Mastery(mean, n)}, n_attempts=n)


@pytest.mark.parametrize(
    ("mean", "n", "better"),
    [(0.2, 10, True), (0.2, 5, False), (0.6, 10, False), (0.9, 100, False), (0.2, 0, False)],
)
def test_better_than_before_is_said_where_the_record_bears_it_out(mean: float, n: int, better: bool) -> None:
    # Three good ones, where one in five was: 3/12 x 4/13 x 5/14 is less than one in twenty.
    score = utterance(*WELL)
    told = advise(score, record(mean, n))
    assert (told.claims[1].text == 'Your "th" was better than before.') is better
    assert list(contradictions(score, gather(score, record(mean, n)))) == []


def test_a_sound_that_was_missed_once_is_not_called_better() -> None:
    assert "better" not in advise(utterance(*WELL, THINK), record(0.1, 20)).summary
    # Nor one that was heard in place of another.
    heard = utterance(*WELL, said("sink", "S IH NG K", 0, "TH"))
    assert "better" not in advise(heard, record(0.1, 20)).summary
    # Of many sounds that are looked at, one is good by chance.
    many = {name: Mastery(0.2, 10) for name in ("TH", "K", "S", "IH", "NG")}
    assert "better" not in advise(utterance(*WELL), LearnerState(phones=many)).summary


def test_same_score_same_words() -> None:
    assert advise(SINK) == load_rules().advise(SINK, LEARNER)


def test_practice_sentences_change_with_the_attempts() -> None:
    said_next = {advise(SINK, LearnerState(n_attempts=n)).follow_up for n in range(4)}
    assert len(said_next) > 1


@pytest.mark.parametrize("sound", sorted(PHONES))
def test_what_follows_holds_the_sound_and_is_not_the_same_for_ever(sound: str) -> None:
    missed = said("it", f"{sound} T", 0, "P" if sound != "P" else "B")
    found = {
        advise(utterance(missed, *opening)).follow_up.split('"')[1]
        for opening in (("was",), ("is",), ("never", "rains"), ("began",), ("will", "be", "fine"), ("went",))
    }
    assert len(found) > 1
    assert all(sounds_of(sentence)[sound] for sentence in found)


def test_changing_the_evidence_changes_the_advice() -> None:
    other = utterance("I", said("think", "TH IH NG K", 0, "T"), "the", "weather")
    assert advise(other).summary != advise(SINK).summary
    assert '"t" as in "ten"' in advise(other).summary


def test_heard_as_itself_or_as_no_phone_at_all_is_unclear() -> None:
    for heard in ("TH", "SPN"):
        finding = gather(utterance(said("think", "TH IH NG K", 0, heard)), LEARNER).findings[0]
        assert (finding.kind, finding.heard) == (FindingKind.UNCLEAR, None)


# --- the user's text is data --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "clean"),
    [("Think,", "think"), ('"well"', "well"), ("don’t", "don't"), ("ice-cream.", "ice-cream")]
    + [(odd, "") for odd in ("", "...", "{word}", "<b>", "3rd", "😀", "a" * 25, "a b", "x_y", "{0}")],
)
def test_only_words_are_quoted(text: str, clean: str) -> None:
    assert plain(text).lower() == clean


@pytest.mark.parametrize("odd", ["{sound}", "<script>alert(1)</script>", "😀😀", "a" * 300])
def test_what_is_no_word_is_never_repeated(odd: str) -> None:
    score = utterance("hello", replace(THINK, text=odd), "again")
    feedback = advise(score)
    assert odd not in feedback.summary + feedback.follow_up
    assert feedback.tips == () and "clearly" not in feedback.summary.replace('"hello" came out clearly', "")
    assert feedback.follow_up == tables.message("follow_up", "again")


# --- the data -----------------------------------------------------------------------------------------


def test_every_phone_has_a_description_and_its_example_holds_it() -> None:
    assert set(tables.sounds()) == set(PHONES)
    for sound in tables.sounds().values():
        assert sound.phone in sounds_of(sound.example), sound.example


def test_labels_are_shared_by_th_only() -> None:
    counts = Counter(sound.label for sound in tables.sounds().values())
    assert {label for label, n in counts.items() if n > 1} == {"th"}


def all_hints() -> Iterator[str]:
    yield from (sound.how for sound in tables.sounds().values())
    for contrast in tables.contrasts().values():
        yield from contrast.hints.values()


@pytest.mark.parametrize("hint", sorted(set(all_hints())))
def test_hints_are_plain(hint: str) -> None:
    words = re.findall(r"[a-z']+", hint.lower())
    assert len(words) <= 20
    assert not {"not", "don't", "never", "avoid"} & set(words), "a rephrasing may drop a negation"
    assert max(map(len, words)) <= 9
    assert hint.endswith(".")


@pytest.mark.parametrize("contrast", tables.contrasts().values(), ids=lambda c: "-".join(c.phones))
def test_contrasts(contrast: tables.Contrast) -> None:
    """Minimal pairs are real words that differ in just these phones, in their order."""
    assert 0 < contrast.load <= 1
    assert set(contrast.hints) <= set(contrast.phones)
    if contrast.words is None:
        return
    first, second = (pronounce(w)[0].pronunciations for w in contrast.words)
    differences = [
        [(a, b) for a, b in zip(x, y, strict=True) if a != b]
        for x in first
        for y in second
        if len(x) == len(y)
    ]
    assert [contrast.phones] in differences


def test_minimal_pair_starts_with_the_canonical_sound() -> None:
    assert tables.minimal_pair("TH", "S") == ("think", "sink")
    assert tables.minimal_pair("S", "TH") == ("sink", "think")
    assert tables.minimal_pair("TH", None) is None
    assert tables.minimal_pair("TH", "UW") is None


@pytest.mark.parametrize(
    ("canonical", "heard", "load"),
    [
        ("L", "R", 1.0),
        ("R", "L", 1.0),
        ("IY", "IH", 0.8),
        ("TH", "UW", 0.3),
        ("TH", "", 0.7),
        ("AA", None, 0.4),
    ],
)
def test_functional_load(canonical: str, heard: str | None, load: float) -> None:
    assert tables.functional_load(canonical, heard) == pytest.approx(load)


@pytest.mark.parametrize("sentence", tables.sentence_bank(), ids=lambda s: s.text)
def test_sentences_practise_what_they_say(sentence: Exercise) -> None:
    found = sounds_of(sentence.text)
    assert sentence.focus
    assert all(found[p] >= 2 for p in sentence.focus), found
    assert sentence.level in ("A2", "B1")
    assert 3 <= len(sentence.text.split()) <= 12


def test_every_phone_has_three_sentences_with_both_levels() -> None:
    for p in PHONES:
        levels = Counter(s.level for s in tables.sentence_bank() if p in s.focus)
        assert levels.total() >= 3
        assert levels["A2"] >= 2
        assert levels["B1"] >= 1
    assert len(set(tables.sentence_bank())) == len(tables.sentence_bank())
    assert len(tables.sentence_bank("A2")) + len(tables.sentence_bank("B1")) == len(tables.sentence_bank())


def test_braces_in_values_stay_text() -> None:
    assert tables.message("praise", "word", word="{heard}") == '"{heard}" came out clearly.'


def test_a_low_score_without_a_sure_error_asks_for_the_most_doubtful_word() -> None:
    # 0.3 is below the threshold of an error and 0.2 is less doubtful; at 0.9 overall nothing is wrong.
    words = (word("think", (phone("TH", 0.2), phone("IH", 0.01))), word("vest", (phone("V", 0.3),)))
    found = gather(utterance(*words, overall=0.6), LEARNER).findings
    assert [(f.kind, f.word, f.phone) for f in found] == [(FindingKind.UNSURE, "vest", None)]
    assert "vest" in advise(utterance(*words, overall=0.6)).summary
    assert gather(utterance(*words, overall=0.9), LEARNER).findings == ()
    quiet = utterance(word("think", (phone("TH", 0.01),)), overall=0.6)
    assert gather(quiet, LEARNER).findings == ()


def test_a_tip_does_not_say_again_what_the_summary_says() -> None:
    for lang in ("en", "es", "zh"):
        feedback = advise(SINK, replace(LEARNER, explain=lang))
        ((tip, more),) = unsaid(feedback)
        assert tip.word == "think" and "sink" in more and more != tip.advice
        assert not any(claim.text in more for claim in feedback.claims)
    unclear = advise(utterance(said("work", "W ER K", 1, None), "please"))
    assert unclear.tips and unsaid(unclear) == []
