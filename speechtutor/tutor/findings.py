"""What went wrong in an utterance, as findings that can be told: from a score alone, best first.

What is certain comes before what is doubtful and a sound before a pause; among equals, how likely it is
that raters hear the sound as wrong (`doubt`: what they would mark, what was said, how good the reading is) x
how often this learner has missed it before; a tenth of it goes by what its mix-up costs understanding
(functional load, Brown 1988). A sound is told where that is likely enough (`TOLD`), or where another one was
said beyond doubt (`SURELY_OTHER`). Of the rest the word is asked for once more. A score without a diagnosis
goes by functional load x the raters' error probability x confidence, from `least_told` on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from speechtutor.content.tables import functional_load, sounds
from speechtutor.core import ErrorType, LearnerState, PhoneScore, UtteranceScore, WordScore
from speechtutor.core.score import ERROR_THRESHOLD, LEAST_CONFIDENCE
from speechtutor.tutor.labels import (
    Label,
    diagnosed,
    error_probability,
    heard_as,
    is_wrong,
    plain,
    word_label,
    wrong_probability,
)

SURE = LEAST_CONFIDENCE
"""Confidence below which the tutor asks to repeat instead of correcting; unmeasured passes."""

WEAK, GOOD = 0.65, 0.75
"""Overall scores up to which, and from which, a reading is weak or good."""

TOLD_IF_GOOD = 0.5
"""Error probability that a sound of a good reading needs to be named: more likely wrong than not. Of a weak
reading it is `ERROR_THRESHOLD`; in good ones most of what lies between is fine (chosen on dev speakers with
`recipes.evaluate_tips`)."""

SURELY_OTHER = 0.9
"""Probability that another sound was said from which it is named even where raters would hardly mark it."""

TOLD = 0.45
"""Probability (`doubt`) that raters hear a sound as wrong from which it is told."""

_MARK, _OTHER, _READING, _OFFSET = 0.68, 0.21, -3.54, 2.61
"""Logistic regression of "rated under 1 of 2" on the log-odds of both probabilities and the overall score, on
9,693 sounds of 25 dev speakers; fitted on three quarters of them each weight moves by at most 0.5."""
_LEAST_ODDS = 1e-3

_BY_LOAD = 0.1
"""Share of a sound's weight that goes by what its mix-up costs understanding."""

ALL_GOOD = GOOD
"""Overall score below which something is to be worked on, even where no single sound is surely wrong."""

REPETITION_PRIOR = 4
"""Attempts at a phone after which a learner's record weighs half."""


class FindingKind(StrEnum):
    """What a finding is about."""

    SUBSTITUTION = "substitution"
    DELETION = "deletion"
    UNCLEAR = "unclear"
    OMISSION = "omission"
    INSERTION = "insertion"
    EXTRA_SPEECH = "extra_speech"
    EXTRA_SOUND = "extra_sound"
    REPETITION = "repetition"
    SAID_TWICE = "said_twice"
    BREAK = "break"
    MISSING_BREAK = "missing_break"
    MONOTONE = "monotone"
    UNSURE = "unsure"


OF_WORD = {
    ErrorType.OMISSION: FindingKind.OMISSION,
    ErrorType.INSERTION: FindingKind.INSERTION,
    ErrorType.REPETITION: FindingKind.REPETITION,
    ErrorType.UNEXPECTED_BREAK: FindingKind.BREAK,
    ErrorType.MISSING_BREAK: FindingKind.MISSING_BREAK,
    ErrorType.MONOTONE: FindingKind.MONOTONE,
    ErrorType.UNSURE: FindingKind.UNSURE,
}
_BESIDE = {
    FindingKind.INSERTION: FindingKind.EXTRA_SPEECH,
    FindingKind.REPETITION: FindingKind.SAID_TWICE,
}
"""What is said of words beyond the text that have no spelling: where they were."""

_TIERS = (
    {FindingKind.SUBSTITUTION, FindingKind.DELETION, FindingKind.UNCLEAR, FindingKind.OMISSION},
    {*_BESIDE, *_BESIDE.values(), FindingKind.EXTRA_SOUND},
    {FindingKind.BREAK, FindingKind.MISSING_BREAK, FindingKind.MONOTONE},
    {FindingKind.UNSURE},
)
# Ours, on the scale of the functional loads: a lost content word outweighs most single sounds.
_LOADS = {"omission": 0.8, "unsure": 0.5, "break": 0.3, "monotone": 0.3}
_OTHER_LOAD = 0.2
_SMALL_WORD_SHARE = 0.5
LONGEST_NUMBER = 6
"""Digits of a number that is spoken of; a longer one may be somebody's."""
_NUMBER = re.compile(r"[-+#$£€¥₹]?\d[\d.,:]*(?:[-–/][\d.,:]+)?(?:st|nd|rd|th|s|%|[kKmM]|am|pm|€)?")
_ABBREVIATION = re.compile(r"(?:[^\W\d_]{1,4}\.)+[^\W\d_]{0,4}")
SMALL_WORDS = frozenset({"a", "an", "the", "of", "to", "in", "on", "at", "is", "are", "and", "it"})


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that went wrong.

    `word` is "" where the word may not be quoted; `called` then says what it is: number, abbreviation, or
    word for the neighbour of extra speech. `phone` and `heard` are None for findings about a whole word;
    `heard` is "" for a sound that was left out; an extra sound has no `phone`. `position` is start, middle
    or end of the word, or before or after it for extra speech. `weight` ranks findings of a tier, in [0, 2].
    """

    id: str
    kind: FindingKind
    word: str
    index: int
    phone: str | None = None
    heard: str | None = None
    position: str = ""
    probability: float = 1.0
    confidence: float | None = None
    weight: float = 0.0
    called: str = ""

    @property
    def sure(self) -> bool:
        """Whether to correct, or else to ask for another try."""
        return self.kind is not FindingKind.UNSURE and (self.confidence is None or self.confidence >= SURE)

    @property
    def tier(self) -> int:
        """What comes first whatever the weights: sounds and lost words, extra ones, pauses, doubts."""
        kind = self.kind if self.sure else FindingKind.UNSURE
        return next(i for i, kinds in enumerate(_TIERS) if kind in kinds)


def findings(score: UtteranceScore, learner: LearnerState) -> tuple[Finding, ...]:
    """All that went wrong, best to tell first."""
    found = [f for i, word in enumerate(score.words) for f in _of_word(i, word, score, learner)]
    if not found and score.overall is not None and score.overall < ALL_GOOD:
        found = list(_weakest(score))
    # The order of the text breaks ties, so equal scores always give equal advice.
    found.sort(key=lambda finding: (finding.tier, -finding.weight, finding.index))
    return tuple(replace(finding, id=f"f{n}") for n, finding in enumerate(found, 1))


def least_told(overall: float | None) -> float:
    """The error probability from which a sound of a reading with this overall score may be named.

    An unmeasured overall score tells nothing against the sound.
    """
    if overall is None:
        return ERROR_THRESHOLD
    return float(np.interp(overall, (WEAK, GOOD), (ERROR_THRESHOLD, TOLD_IF_GOOD)))


def doubt(phone: PhoneScore, overall: float | None) -> float:
    """How likely raters are to hear a sound as wrong, in [0, 1], from all that is known of it.

    Both questions count: what raters would mark, and what was said; and how good the reading (`overall`) is,
    since in a good one most of what looks doubtful is fine. Without a diagnosis or an overall score it is
    the raters' error probability.
    """
    marked, other = error_probability(phone) or 0.0, wrong_probability(phone)
    if phone.said_probability is None or other is None or overall is None:
        return marked
    odds = _MARK * _log_odds(marked) + _OTHER * _log_odds(other) + _READING * overall + _OFFSET
    return 1 / (1 + math.exp(-odds))


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _LEAST_ODDS), 1 - _LEAST_ODDS)
    return math.log(kept / (1 - kept))


def _of_word(index: int, word: WordScore, score: UtteranceScore, learner: LearnerState) -> Iterator[Finding]:
    sureness = word.confidence if word.confidence is not None else score.confidence
    base = Finding(
        "", FindingKind.UNSURE, plain(word.text), index, confidence=sureness, called=called(word.text)
    )
    kind = OF_WORD.get(word.error_type)
    if not base.word and not base.called and kind not in _BESIDE:
        return
    if (
        kind is FindingKind.UNSURE
        and diagnosed(word)
        and base.confidence is not None
        and base.confidence >= SURE
    ):
        kind = None  # heard well, and only raters would mark it: said of the sound below
    if kind in _BESIDE and not base.word:
        yield _beside(replace(base, kind=_BESIDE[kind]), score)
        return
    if kind is not None:
        yield _weighed(replace(base, kind=kind))
    if kind in (FindingKind.OMISSION, FindingKind.UNSURE, *_BESIDE):
        return
    told = [
        *_extra_sounds(base, word, score),
        *(_sound(base, word, place, learner, score.overall) for place in _wrong(word, score.overall)),
    ]
    yield from told
    marked = (ErrorType.MISPRONUNCIATION, ErrorType.UNSURE)
    named = any(_named(phone) for phone in word.phones)
    doubtful = named or _marked(word) or word.inserted or word.error_type in marked
    if doubtful and not told:
        yield _weighed(base)


def called(text: str) -> str:
    """What a token is that may not be quoted: a number, an abbreviation, or "", which nothing is said of.

    Long numbers and whatever else is no word may be someone's data, or an insult.
    """
    if _NUMBER.fullmatch(text.strip('.,;:!?()"')) and sum(map(str.isdigit, text)) <= LONGEST_NUMBER:
        return "number"
    return "abbreviation" if _ABBREVIATION.fullmatch(text.strip(',;:!?()"')) else ""


def _weighed(finding: Finding) -> Finding:
    share = _SMALL_WORD_SHARE if finding.word.lower() in SMALL_WORDS else 1.0
    load = share * _LOADS.get(finding.kind.value, _OTHER_LOAD)
    return replace(finding, weight=load * _trust(finding.confidence))


def _beside(finding: Finding, score: UtteranceScore) -> Finding:
    """Extra speech by the word of the text that follows it, or that it follows."""
    extra = (ErrorType.INSERTION, ErrorType.REPETITION)
    words = [(i, word.text) for i, word in enumerate(score.words) if word.error_type not in extra]
    after = [row for row in words if row[0] > finding.index]
    side, near = ("before", after[:1]) if after else ("after", words[-1:])
    text = near[0][1] if near else ""
    return _weighed(replace(finding, word=plain(text), called=called(text) or "word", position=side))


def _extra_sounds(base: Finding, word: WordScore, score: UtteranceScore) -> Iterator[Finding]:
    """Sounds put into a word; without a diagnosis told of weak readings only."""
    if score.overall is not None and score.overall > WEAK and not diagnosed(word):
        return
    for at, extra in word.inserted:
        if extra in sounds():
            kind, place = FindingKind.EXTRA_SOUND, _position(at, len(word.phones) + 1)
            yield _weighed(replace(base, kind=kind, heard=extra, position=place))


def _wrong(word: WordScore, overall: float | None) -> list[int]:
    """Places of the sounds that may be named in a reading with this overall score."""
    return [i for i, phone in enumerate(word.phones) if phone.canonical in sounds() and _told(phone, overall)]


def _marked(word: WordScore) -> bool:
    """Whether raters would mark one of its sounds."""
    rated = [p for p in word.phones if p.canonical in sounds()]
    return any((error_probability(phone) or 0.0) >= ERROR_THRESHOLD for phone in rated)


def _told(phone: PhoneScore, overall: float | None) -> bool:
    """Whether a sound may be named: raters would hear it as wrong, both say so, or it surely was another.

    What the diagnosis alone names is told where it is beyond doubt only: of the rest raters found two
    in three fine, though it is shown.
    """
    if phone.said_probability is None or overall is None:
        return (error_probability(phone) or 0.0) >= least_told(overall)
    both = _named(phone) and (error_probability(phone) or 0.0) >= ERROR_THRESHOLD
    return both or _surely_other(phone) or doubt(phone, overall) >= TOLD


def _surely_other(phone: PhoneScore) -> bool:
    return _named(phone) and (wrong_probability(phone) or 0.0) >= SURELY_OTHER


def _named(phone: PhoneScore) -> bool:
    return phone.said_probability is not None and is_wrong(phone)


def _sound(
    base: Finding, word: WordScore, place: int, learner: LearnerState, overall: float | None
) -> Finding:
    phone = word.phones[place]
    heard = heard_as(phone)
    found = replace(
        base,
        kind=_sound_kind(heard),
        phone=phone.canonical,
        heard=heard,
        position=_position(place, len(word.phones)),
        probability=(wrong_probability(phone) if _named(phone) else error_probability(phone)) or 0.0,
        confidence=phone.confidence if phone.confidence is not None else base.confidence,
    )
    return replace(found, weight=_worth(found, phone, overall) * _habit(phone, learner))


def _worth(found: Finding, phone: PhoneScore, overall: float | None) -> float:
    """What telling of a sound is worth before the learner's record.

    Confidence is low where a sound is wrong: it counts only where nothing else tells how sure the finding is.
    """
    load = functional_load(phone.canonical, found.heard)
    if phone.said_probability is None or overall is None:
        return load * found.probability * _trust(found.confidence)
    return doubt(phone, overall) * (1 - _BY_LOAD + _BY_LOAD * load)


def _sound_kind(heard: str | None) -> FindingKind:
    if heard is None:
        return FindingKind.UNCLEAR
    return FindingKind.SUBSTITUTION if heard else FindingKind.DELETION


def _weakest(score: UtteranceScore) -> Iterator[Finding]:
    """The word of the most doubtful sound, where nothing is surely wrong and yet not all is good."""
    doubts = [
        (max(error_probability(phone) or 0.0 for phone in word.phones), -i)
        for i, word in enumerate(score.words)
        if word_label(word) is Label.UNCLEAR and word.phones and (plain(word.text) or called(word.text))
    ]
    if doubts:
        index = -max(doubts)[1]
        word = score.words[index]
        sureness = word.confidence if word.confidence is not None else score.confidence
        text = word.text
        yield _weighed(
            Finding("", FindingKind.UNSURE, plain(text), index, confidence=sureness, called=called(text))
        )


def _position(place: int, n_phones: int) -> str:
    if place == 0:
        return "start"
    return "end" if place == n_phones - 1 else "middle"


def _trust(confidence: float | None) -> float:
    """Weight of a confidence; an unmeasured one costs nothing."""
    return 1.0 if confidence is None else confidence


def _habit(phone: PhoneScore, learner: LearnerState) -> float:
    """1 for a sound without history, up to 2 for one this learner keeps missing."""
    mastery = learner.phones.get(phone.canonical)
    if mastery is None:
        return 1.0
    seen = mastery.n_attempts / (mastery.n_attempts + REPETITION_PRIOR)
    return 1.0 + seen * (1.0 - mastery.mean)
