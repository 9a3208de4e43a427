"""Wrong sounds put into a text on purpose, so that what was said is known phone by phone.

A slip is one substitution, deletion or insertion. It must be one that can be heard and that is wrong:
a word that comes out as another accepted pronunciation of itself is right, two equal sounds in a row
are one long sound, and which of the weak vowels an unstressed syllable has is a matter of variety.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from speechtutor.core import CanonicalWord, Edit, PhoneScore, WordScore
from speechtutor.text.phones import PHONES, VOWELS, confusable
from speechtutor.text.speech_plan import SpokenWord

USUAL = {
    "TH": ("S", "T", "F"),
    "DH": ("Z", "D"),
    "V": ("W", "F", "B"),
    "W": ("V",),
    "R": ("L", "W"),
    "L": ("R", "N"),
    "IH": ("IY", "EH"),
    "IY": ("IH",),
    "AE": ("EH", "AA", "AH"),
    "EH": ("AE", "IH"),
    "NG": ("N",),
    "N": ("NG", "L"),
    "Z": ("S", "JH"),
    "S": ("SH", "TH"),
    "SH": ("S", "CH"),
    "CH": ("SH", "T"),
    "JH": ("Z", "CH"),
    "UH": ("UW",),
    "UW": ("UH",),
    "AH": ("AA", "EH"),
    "AA": ("OW", "AH"),
    "AO": ("OW", "AW"),
    "OW": ("AO",),
    "EY": ("EH",),
    "AY": ("AE", "EY"),
    "AW": ("OW", "AA"),
    "ER": ("AO", "EH"),
    "D": ("T",),
    "T": ("D", "CH"),
    "G": ("K",),
    "K": ("G",),
    "B": ("P",),
    "P": ("B", "F"),
    "F": ("P", "HH"),
    "HH": ("F",),
    "M": ("N",),
    "Y": ("JH",),
    "ZH": ("SH", "JH"),
}
"""Usual substitutions of learners of English with many first languages (Swan and Smith, 2001)."""

WEAK = frozenset({"AH", "IH", "UH", "ER", "EH"})
"""Vowels whose differences nobody minds in an unstressed syllable."""

SAME = (frozenset({"AA", "AO"}),)
"""Sounds that are one in many accents."""


@dataclass(frozen=True, slots=True)
class Slip:
    """What becomes of phone `at` of word `word`; an insertion stands before that phone."""

    word: int
    at: int
    edit: Edit
    said: str = ""


def applied(phones: Sequence[str], slips: Sequence[Slip]) -> tuple[str, ...]:
    """The phones of one word with its slips in them."""
    said: list[str] = []
    for at in range(len(phones) + 1):
        here = [slip for slip in slips if slip.at == at]
        said += [slip.said for slip in here if slip.edit is Edit.INSERTION]
        changed = [slip for slip in here if slip.edit is not Edit.INSERTION]
        if at < len(phones):
            said += [slip.said for slip in changed if slip.said] if changed else [phones[at]]
    return tuple(said)


def alike(phone: str, said: str, stress: int) -> bool:
    """Whether a listener takes one sound for a variety of the other (`stress` -1 for consonants)."""
    if frozenset({phone, said}) in SAME:
        return True
    return stress == 0 and phone in WEAK and said in WEAK


def fits(words: Sequence[SpokenWord], slip: Slip) -> bool:
    """Whether the slip can be heard and is wrong; see the module."""
    word = words[slip.word]
    said = applied(word.phones, [slip])
    if not said or said in word.word.pronunciations:
        return False
    if slip.edit is Edit.SUBSTITUTION and alike(word.phones[slip.at], slip.said, word.stress[slip.at]):
        return False
    before = words[slip.word - 1].phones[-1:] if slip.word else ()
    after = words[slip.word + 1].phones[:1] if slip.word + 1 < len(words) else ()
    place = len(before) + slip.at
    line = (*before, *said, *after)
    near = line[max(place - 1, 0) : place + 2]
    return all(a != b for a, b in pairwise(near))


def substitutions(phone: str, usual: bool) -> Sequence[str]:
    """What may be said for a phone: what learners say, or any other phone at all."""
    if not usual:
        return tuple(other for other in PHONES if other != phone)
    return USUAL.get(phone) or confusable(phone)[:3]


def propose(words: Sequence[SpokenWord], w: int, i: int, kind: str, rng: random.Random) -> Slip:
    """A slip at phone `i` of word `w`, of the kind usual, any, deletion or insertion."""
    phones = words[w].phones
    if kind == "deletion":
        return Slip(w, i, Edit.DELETION)
    if kind == "insertion":
        # Half of them a vowel that breaks up or follows consonants, as many learners say.
        vowel = phones[i] not in VOWELS and rng.random() < 0.5
        at = i + rng.randint(0, 1)
        return Slip(w, at, Edit.INSERTION, rng.choice(("AH", "IH")) if vowel else rng.choice(PHONES))
    return Slip(w, i, Edit.SUBSTITUTION, rng.choice(list(substitutions(phones[i], kind == "usual"))))


def choose(words: Sequence[SpokenWord], kind: str, n: int, rng: random.Random, apart: int = 3) -> list[Slip]:
    """At most `n` slips of a kind, at least `apart` phones from one another, in the order of the text."""
    places = [(w, i) for w, word in enumerate(words) for i in range(len(word.phones))]
    order = list(range(len(places)))
    rng.shuffle(order)
    taken: list[int] = []
    slips: list[Slip] = []
    for place in order:
        if len(slips) == n:
            break
        if any(abs(place - other) < apart for other in taken):
            continue
        slip = propose(words, *places[place], kind, rng)
        if fits(words, slip):
            taken.append(place)
            slips.append(slip)
    return sorted(slips, key=lambda slip: (slip.word, slip.at))


def override(words: Sequence[SpokenWord], slips: Sequence[Slip]) -> str:
    """The words with their slips as the model voice takes them (`speechtutor.text.speech_plan`)."""
    return " | ".join(
        " ".join(spelled(word, [s for s in slips if s.word == w])) for w, word in enumerate(words)
    )


def spelled(word: SpokenWord, slips: Sequence[Slip]) -> Iterator[str]:
    """The phones of a word with stress digits; a vowel in place of another keeps its stress."""
    for at in range(len(word.phones) + 1):
        here = [slip for slip in slips if slip.at == at]
        yield from (_stressed(s.said, 0) for s in here if s.edit is Edit.INSERTION)
        if at == len(word.phones):
            return
        changed = [slip for slip in here if slip.edit is not Edit.INSERTION]
        phone = changed[0].said if changed else word.phones[at]
        if phone:
            yield _stressed(phone, max(word.stress[at], 0))


def _stressed(phone: str, digit: int) -> str:
    return f"{phone}{digit}" if phone in VOWELS else phone


def annotated(words: Sequence[SpokenWord], slips: Sequence[Slip]) -> tuple[WordScore, ...]:
    """What should have been said with what was said instead, as a manifest keeps it."""
    return tuple(
        _word(word.word, word.phones, [slip for slip in slips if slip.word == w])
        for w, word in enumerate(words)
    )


def _word(word: CanonicalWord, phones: Sequence[str], slips: Sequence[Slip]) -> WordScore:
    judged = [PhoneScore(phone, None, error_probability=0.0) for phone in phones]
    inserted = []
    for slip in slips:
        if slip.edit is Edit.INSERTION:
            inserted.append((slip.at, slip.said))
        else:
            judged[slip.at] = replace(judged[slip.at], edit=slip.edit, heard=slip.said, error_probability=1.0)
    return WordScore(word.text, None, phones=tuple(judged), inserted=tuple(inserted))
