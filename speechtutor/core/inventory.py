"""The inventory of phones and how they are made: what tells how alike two phones are."""

from __future__ import annotations

VOWEL_FEATURES: dict[str, tuple[float, float, float, int]] = {
    # height (0 open, 1 close), backness (0 front, 1 back), rounding or r-colour,
    # glide (0 none, 1 to i, 2 to u)
    "AA": (0.0, 0.9, 0.0, 0),
    "AE": (0.15, 0.1, 0.0, 0),
    "AH": (0.35, 0.6, 0.0, 0),
    "AO": (0.3, 1.0, 0.6, 0),
    "AW": (0.05, 0.5, 0.0, 2),
    "AY": (0.05, 0.5, 0.0, 1),
    "EH": (0.4, 0.1, 0.0, 0),
    "ER": (0.45, 0.5, 1.0, 0),
    "EY": (0.6, 0.05, 0.0, 1),
    "IH": (0.8, 0.15, 0.0, 0),
    "IY": (1.0, 0.0, 0.0, 0),
    "OW": (0.55, 0.95, 0.8, 2),
    "OY": (0.35, 0.95, 0.6, 1),
    "UH": (0.8, 0.85, 0.5, 0),
    "UW": (1.0, 0.9, 0.8, 0),
}
"""After the vowel charts of Ladefoged and Johnson (2014, chapters 4 and 9), General American."""

CONSONANT_FEATURES: dict[str, tuple[str, str, bool]] = {
    "B": ("bilabial", "stop", True),
    "CH": ("postalveolar", "affricate", False),
    "D": ("alveolar", "stop", True),
    "DH": ("dental", "fricative", True),
    "F": ("labiodental", "fricative", False),
    "G": ("velar", "stop", True),
    "HH": ("glottal", "fricative", False),
    "JH": ("postalveolar", "affricate", True),
    "K": ("velar", "stop", False),
    "L": ("alveolar", "lateral", True),
    "M": ("bilabial", "nasal", True),
    "N": ("alveolar", "nasal", True),
    "NG": ("velar", "nasal", True),
    "P": ("bilabial", "stop", False),
    "R": ("postalveolar", "approximant", True),
    "S": ("alveolar", "fricative", False),
    "SH": ("postalveolar", "fricative", False),
    "T": ("alveolar", "stop", False),
    "TH": ("dental", "fricative", False),
    "V": ("labiodental", "fricative", True),
    "W": ("bilabial", "approximant", True),
    "Y": ("palatal", "approximant", True),
    "Z": ("alveolar", "fricative", True),
    "ZH": ("postalveolar", "fricative", True),
}
"""Place, manner, voiced."""

PHONES: tuple[str, ...] = tuple(sorted((*VOWEL_FEATURES, *CONSONANT_FEATURES)))
"""The inventory in alphabetical order. The order is a contract: weights know phones by number."""

VOWELS = frozenset(VOWEL_FEATURES)

_PLACES = ("bilabial", "labiodental", "dental", "alveolar", "postalveolar", "palatal", "velar", "glottal")
_MANNERS = {
    frozenset(("stop", "affricate")): 0.5,
    frozenset(("fricative", "affricate")): 0.4,
    frozenset(("stop", "fricative")): 0.6,
    frozenset(("lateral", "approximant")): 0.4,
    frozenset(("nasal", "stop")): 0.7,
    frozenset(("nasal", "lateral")): 0.6,
    frozenset(("fricative", "approximant")): 0.6,
}
_OTHER_MANNER = 0.8
# L and R, V and W differ in the shape of tongue and lips rather than in place; learners swap them.
_SPECIAL = {
    frozenset("LR"): 0.25,
    frozenset("VW"): 0.25,
    frozenset(("W", "UW")): 0.5,
    frozenset(("Y", "IY")): 0.5,
    frozenset(("R", "ER")): 0.5,
}
UNLIKE = 2.0
"""The distance of a vowel from a consonant."""


def strip_stress(phone: str) -> str:
    """The phone without its stress digit."""
    return phone.rstrip("012")


def distance(a: str, b: str) -> float:
    """How unlike two phones are: 0 the same, up to about 0.35 easily confused, at most `UNLIKE`.

    A sum of differences in place, manner and voicing, or in height, backness, rounding and glide;
    the weights are judgement, not fitted to data.
    """
    a, b = strip_stress(a), strip_stress(b)
    if a == b:
        return 0.0
    if (special := _SPECIAL.get(frozenset((a, b)))) is not None:
        return special
    if a in VOWELS and b in VOWELS:
        (h1, b1, r1, g1), (h2, b2, r2, g2) = VOWEL_FEATURES[a], VOWEL_FEATURES[b]
        return 0.6 * abs(h1 - h2) + 0.5 * abs(b1 - b2) + 0.25 * abs(r1 - r2) + 0.2 * (g1 != g2)
    if a in VOWELS or b in VOWELS:
        return UNLIKE
    (p1, m1, v1), (p2, m2, v2) = CONSONANT_FEATURES[a], CONSONANT_FEATURES[b]
    manner = 0.0 if m1 == m2 else _MANNERS.get(frozenset((m1, m2)), _OTHER_MANNER)
    return 0.12 * abs(_PLACES.index(p1) - _PLACES.index(p2)) + 0.6 * manner + 0.25 * (v1 != v2)
