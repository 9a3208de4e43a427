"""Phones as others write them: ARPAbet, IPA or X-SAMPA.

X-SAMPA after Wells (1995), "Computer-coding the IPA: a proposed extension of SAMPA". The IPA is that of
`text.phones`, from which X-SAMPA follows sign by sign, so that the two can never differ.
"""

from __future__ import annotations

from speechtutor.core.inventory import PHONES
from speechtutor.errors import InputError
from speechtutor.text.phones import to_ipa

PHONE_SETS = ("arpabet", "ipa", "xsampa")

_XSAMPA = dict(
    zip(
        "ɑ æ ʌ ɔ a ʊ ɪ b t ʃ d ð ɛ ɝ e f ɡ h i ʒ k l m n ŋ o p ɹ s θ u v w j z ə ɚ".split(),
        r"A { V O a U I b t S d D E 3` e f g h i Z k l m n N o p r\ s T u v w j z @ @`".split(),
        strict=True,
    )
)
"""Sign by sign."""


def known_set(name: str) -> str:
    """The name of a phone set.

    Raises:
        InputError: when there is none of that name.
    """
    if name not in PHONE_SETS:
        raise InputError(f"phone set {name!r} is none of {', '.join(PHONE_SETS)}")
    return name


def spelled(phone: str, phones: str) -> str:
    """A phone of ARPAbet in a phone set; "" stays "", and so does a sign that is no phone of ours (`?`).

    Raises:
        InputError: when there is no such set.
    """
    if known_set(phones) == "arpabet" or phone.rstrip("012") not in PHONES:
        return phone
    ipa = to_ipa(phone)
    return ipa if phones == "ipa" else "".join(_XSAMPA[sign] for sign in ipa)
