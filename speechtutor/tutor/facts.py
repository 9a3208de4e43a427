"""What the evidence allows a text to name and to claim, and what in a sentence goes beyond it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from speechtutor.content.tables import minimal_pair, read, sounds, vocabulary, word_set
from speechtutor.text.written import APOSTROPHES
from speechtutor.tutor.evidence import Evidence
from speechtutor.tutor.findings import Finding
from speechtutor.tutor.rules import NO_FINDING, how_line, picked

WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
QUOTED = re.compile(r'"([^"]*)"')

_SLASHED = re.compile(r"/([^/\s]{1,4})/")
_AFTER = re.compile(r"(?:After that|And then|Then),? ")
_TIMES = re.compile(r"\b(?:next|last|this|one more) time\b")
"""Where "time" is no mention of a text that has the word."""
_CLAUSE = re.compile(r'[,;:]\s|[.!?]"?\s+|\s(?:but|however|and)\s')
_PLACE = re.compile(r"\b(?:at|in|near|from) the (start|beginning|middle|end)\b")
_ORDINAL = re.compile(r"\b(first|last|final|middle) (?:sound|letter|part|consonant|vowel)\b")
_HEARD_CUE = r"closer to|sounded like|more like|came out as|(?<!not )heard|became|turned into"
_TARGET_CUE = r"instead of|rather than|than to|than|aim for|say|make|use|practise|practice|try|need"


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a text is refused: a code for counting and the words at fault."""

    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What a text may name, in lower case.

    `flagged` is the word of the finding ("" when all was well), `praised` the best word; `target`
    and `heard` are the respellings of the two sounds; `names` are all words that may be quoted,
    `others` the words of the text that may not be brought up, `hint` the words of our own hint; `improved`
    is the respelling of a sound that came out better than before.
    """

    finding: Finding | None
    flagged: str
    praised: frozenset[str]
    strengths: frozenset[str]
    target: str
    heard: str
    names: frozenset[str]
    others: frozenset[str]
    hint: frozenset[str]
    improved: str = ""

    @property
    def sounds(self) -> frozenset[str]:
        """The respellings that may be named."""
        return frozenset({self.target, self.heard} - {""})

    @property
    def kind(self) -> str:
        """The kind of the finding, "" when there is none."""
        return self.finding.kind.value if self.finding else ""


def facts(evidence: Evidence, place: int = 0) -> Facts:
    """What the evidence allows a text to name about its first finding, or about the one at a `place`."""
    finding = next(iter(picked(evidence)[place:]), None)
    target = sounds()[finding.phone] if finding and finding.phone else None
    heard = sounds()[finding.heard] if finding and finding.heard else None
    pair = minimal_pair(finding.phone, finding.heard) if finding and finding.phone else None
    praised = {one.word.lower() for one in evidence.strengths if one.word and one.kind != "better"}
    improved = next((one.word.lower() for one in evidence.strengths if one.kind == "better"), "")
    flagged = finding.word.lower() if finding else ""
    names = {flagged, improved, *praised, *(pair or ()), *(s.example for s in (target, heard) if s)} - {""}
    return Facts(
        finding=finding,
        flagged=flagged,
        praised=frozenset(praised),
        strengths=frozenset(strength.kind for strength in evidence.strengths),
        target=target.label if target else "",
        heard=heard.label if heard else "",
        names=frozenset(names),
        others=frozenset(words_of(evidence.text.translate(APOSTROPHES))) - names,
        hint=frozenset(words_of(how_line(finding)) if finding else ()),
        improved=improved,
    )


def comes_after(sentence: str) -> bool:
    """Whether a sentence begins as one that tells a second finding after the first."""
    return _AFTER.match(sentence) is not None


def facts_of(sentence: str, evidence: Evidence) -> Facts:
    """What a sentence may name: of the second finding where it begins as what comes after, else of the first.

    It must then name the second finding's word: nothing else comes after.
    """
    if len(picked(evidence)) > 1 and comes_after(sentence) and not asks(sentence):
        second = facts(evidence, 1)
        if {*words_of(second.flagged)} <= {*words_of(sentence)}:
            return second
    return facts(evidence)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return WORD.findall(text.lower())


def asks(sentence: str) -> bool:
    """Whether it is a question."""
    return sentence.rstrip('"').endswith("?")


def check(sentence: str, found: Facts) -> Iterator[Violation]:
    """Everything in one sentence that the evidence does not bear out."""
    yield from _unkind(sentence)
    yield from _numbers(sentence, found)
    yield from _vocabulary(sentence, found)
    yield from _mentions(sentence, found)
    yield from _direction(sentence, found)
    yield from _claims(sentence, found)
    yield from _praise_claims(sentence, found)
    yield from _valence(sentence, found)
    yield from _making(sentence, found)


def bears_out(sentence: str, evidence: Evidence) -> str:
    """The id of the finding or strength that a sentence which holds rests on."""
    found = facts_of(sentence, evidence)
    words = set(words_of(sentence))
    quoted = {name.lower() for name in QUOTED.findall(sentence)}
    best = evidence.strengths[0]
    if best.kind == "better" and quoted == {best.word.lower()}:
        return best.id
    if found.finding is None:
        return best.id if words & found.praised else NO_FINDING
    named = {*words_of(found.flagged)} <= words or quoted & found.sounds
    if named or _is_hint(sentence, found) or words & (word_set("correction") | _refused("articulators")):
        return found.finding.id
    for strength in evidence.strengths:
        if strength.word and strength.word.lower() in words:
            return strength.id
    return evidence.strengths[0].id


def _refused(name: str) -> frozenset[str]:
    return word_set(name, group="refused")


def _unkind(sentence: str) -> Iterator[Violation]:
    words = words_of(sentence)
    text = " ".join(words)
    for pattern in read("words")["refused"]["patterns"]:
        if match := re.search(pattern, text):
            yield Violation("unkind", match[0])
    # A text word such as "bad" may be practised, in quotes; an insult stays one in quotes.
    free = set(words_of(QUOTED.sub(" ", sentence)))
    for word in (free & _refused("words")) | (set(words) & _refused("insults")):
        yield Violation("unkind", word)


def _numbers(sentence: str, found: Facts) -> Iterator[Violation]:
    for digits in re.findall(r"\d+", sentence):
        yield Violation("number", digits)
    for word in set(words_of(sentence)) & _refused("numbers") - found.names - found.hint:
        yield Violation("number", word)


def _vocabulary(sentence: str, found: Facts) -> Iterator[Violation]:
    allowed = vocabulary() | found.names | found.sounds
    for word in words_of(sentence):
        if word not in allowed and word.removesuffix("'s") not in allowed:
            yield Violation("unknown_word", word)


def _mentions(sentence: str, found: Facts) -> Iterator[Violation]:
    """Words and sounds that are named, in quotes or not, must be those of the evidence."""
    for quoted in QUOTED.findall(sentence):
        name = quoted.lower().strip(" .,!?;:'")
        if name not in found.names | found.sounds:
            yield Violation("mention", quoted)
    for sound in _SLASHED.findall(sentence.lower()):
        if sound not in found.sounds:
            yield Violation("sound", sound)
    free = _TIMES.sub(" ", QUOTED.sub(" ", sentence.lower()))
    for word in set(words_of(free)) & found.others - word_set("function") - found.hint:
        yield Violation("mention", word)
    # "the word the." names a word that is otherwise grammar; "the word is" does not.
    for match in re.finditer(r"\bwords? ([a-z']+)(\s*[.!?,;:]|\s*$)", free):
        if match[1] in found.others:
            yield Violation("mention", match[1])


def _direction(sentence: str, found: Facts) -> Iterator[Violation]:
    """The sound that was heard and the one to aim for must not change places."""
    if not found.heard or found.heard == found.target:
        return
    label = "|".join(sorted(map(re.escape, found.sounds), key=len, reverse=True))
    sound = rf'["/]({label})["/]|\b({label})(?=[- ]sound)'
    cues = rf"\b(?:(?P<heard>{_HEARD_CUE})|(?P<target>{_TARGET_CUE}))(?=\W)"
    expected = found.target
    # Left to right: a sound belongs to the cue before it, the first one of a sentence to none.
    for match in re.finditer(rf"{cues}|{sound}", sentence.lower()):
        named = match[3] or match[4]
        if named is None:
            expected = found.heard if match["heard"] else found.target
        elif named != expected:
            yield Violation("direction", f"{named!r} where {expected!r} belongs")
        else:
            expected = found.target


def _claims(sentence: str, found: Facts) -> Iterator[Violation]:
    """The kind and place of an error must be those of the finding."""
    text = " ".join(words_of(sentence))
    if _is_hint(sentence, found):
        return
    for cue, kinds in read("words")["claims"].items():
        if found.kind not in kinds and re.search(rf"\b{cue}\b", text):
            yield Violation("claim", cue)
    if found.finding is None:
        # "Not" may be the word that is praised; in quotes stand names alone (`_mentions`).
        for word in set(words_of(QUOTED.sub(" ", sentence))) & word_set("correction"):
            yield Violation("claim", word)
        return
    places = {"beginning": "start", "first": "start", "last": "end", "final": "end"}
    for place in [*_PLACE.findall(text), *_ORDINAL.findall(text)]:
        if places.get(place, place) != found.finding.position:
            yield Violation("claim", f"the {place}")


def _praise_claims(sentence: str, found: Facts) -> Iterator[Violation]:
    """Praise for the pace, for completeness or for everything must be earned."""
    if asks(sentence) or _is_hint(sentence, found):
        return
    # "Better" may be a word that is practised; in quotes stand names alone (`_mentions`).
    text = " ".join(words_of(QUOTED.sub(" ", sentence)))
    strengths = found.strengths | ({"all"} if found.finding is None else set())
    for strength, cues in read("words")["praise_claims"].items():
        for cue in cues:
            if strength not in strengths and re.search(rf"\b{cue}\b", text):
                yield Violation("claim", cue)
    # What is better than before is the sound that the record bears out, and nothing else.
    compared = any(re.search(rf"\b{cue}\b", text) for cue in read("words")["praise_claims"]["better"])
    if compared and {name.lower() for name in QUOTED.findall(sentence)} != {found.improved}:
        yield Violation("claim", "better")


def _valence(sentence: str, found: Facts) -> Iterator[Violation]:
    """Praise must not fall on the flagged word, nor a correction on any other."""
    plain = re.sub(r'\bas in "[^"]*"', "", sentence)
    for part in (plain, *_CLAUSE.split(plain)):
        words = set(words_of(part))
        named = words - vocabulary() | {quoted.lower() for quoted in QUOTED.findall(part)}
        flagged, others = found.flagged in named, sorted(named & found.names - {found.flagged})
        good = words & word_set("praise") - found.names and not words & _refused("negations")
        bad = set(words_of(QUOTED.sub(" ", part))) & word_set("correction")
        if flagged and good and not bad and not asks(sentence):
            yield Violation("praise", f"praises {found.flagged!r}")
        if others and not flagged and found.flagged and bad:
            yield Violation("praise", f"corrects {others[0]!r}")
        again = asks(sentence) or words & word_set("again")
        # "You" may be praised, and is no mention of the word in "can you say it again".
        told = named | (words - word_set("function"))
        if again and not flagged and found.flagged and told & found.praised:
            yield Violation("praise", "asks to repeat what was well said")


def _is_hint(sentence: str, found: Facts) -> bool:
    """Whether the sentence is our own hint, nearly word for word."""
    words = words_of(sentence)
    return '"' not in sentence and bool(words) and sum(w in found.hint for w in words) >= 0.8 * len(words)


def _making(sentence: str, found: Facts) -> Iterator[Violation]:
    """How to move tongue, lips and voice is told in the words of our hint."""
    words = words_of(QUOTED.sub(" ", sentence))
    if not set(words) & _refused("articulators"):
        return
    for word in words:
        if word not in found.hint and word not in word_set("filler"):
            yield Violation("how", word)
