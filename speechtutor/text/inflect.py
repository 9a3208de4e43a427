"""Inflections: from the pronunciation of a word to that of another form of it.

Spelling says which words may be the base (`stems`), the last sound says how the ending is said.
"""

from __future__ import annotations

from collections.abc import Callable

Phones = tuple[str, ...]
"""Phones with stress digits."""

_SIBILANTS = frozenset("S Z SH ZH CH JH".split())
_VOICELESS = frozenset("P T K F TH".split())


def with_s(phones: Phones) -> Phones:
    """The plural, the third person or the possessive: cats, goes, Max's."""
    last = phones[-1]
    if last in _SIBILANTS:
        return (*phones, "IH0", "Z")
    return (*phones, "S" if last in _VOICELESS else "Z")


def _with_ed(phones: Phones) -> Phones:
    last = phones[-1]
    if last in ("T", "D"):
        return (*phones, "IH0", "D")
    return (*phones, "T" if last in _VOICELESS or last in ("S", "SH", "CH") else "D")


def _with_ing(phones: Phones) -> Phones:
    return (*phones, "IH0", "NG")


def _with_er(phones: Phones) -> Phones:
    return (*phones, "ER0")


def _with_d(phones: Phones) -> Phones:
    return (*phones, "AH0", "D") if phones[-1] in ("T", "D") else (*phones, "D")


def _with_ve(phones: Phones) -> Phones:
    return (*phones, "V") if phones[-1][-1].isdigit() else (*phones, "AH0", "V")


def _plus(more: str) -> Callable[[Phones], Phones]:
    return lambda phones: (*phones, *more.split())


def _ization(phones: Phones) -> Phones:
    return (*(phone.replace("1", "2") for phone in phones[:-2]), *"AH0 Z EY1 SH AH0 N".split())


def _in(phones: Phones) -> Phones:
    return (*phones[:-1], "N")


def stems(word: str, ending: str) -> list[str]:
    """What a word may be an inflection of: stop(p)ed, bak(e)ing, cri(y)ed."""
    stem = word[: -len(ending)]
    stems = [stem]
    if ending == "ization":
        return [stem + "ize"]
    if ending in ("in'", "in"):
        return [stem + "ing"]
    if ending in ("ed", "ing", "er", "able"):
        stems.append(stem + "e")
        if len(stem) > 2 and stem[-1] == stem[-2]:
            stems.append(stem[:-1])
    if ending in ("ed", "es", "er", "ly", "ness") and stem.endswith("i"):
        stems.append(stem[:-1] + "y")
    return stems


ENDINGS: tuple[tuple[str, Callable[[Phones], Phones]], ...] = (
    ("'s", with_s),
    ("'d", _with_d),
    ("'ve", _with_ve),
    ("'ll", _plus("AH0 L")),
    ("'re", _with_er),
    ("in'", _in),
    ("es", with_s),
    ("s", with_s),
    ("ed", _with_ed),
    ("ing", _with_ing),
    ("in", _in),
    ("er", _with_er),
    ("ly", _plus("L IY0")),
    ("ness", _plus("N AH0 S")),
    ("less", _plus("L AH0 S")),
    ("able", _plus("AH0 B AH0 L")),
    ("ization", _ization),
)
