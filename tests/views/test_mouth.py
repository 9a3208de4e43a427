"""The drawings of the mouth: one for each sound, told apart, with a description in words."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from speechtutor.content.tables import languages
from speechtutor.core.inventory import CONSONANT_FEATURES, PHONES, VOWELS
from speechtutor.views.mouth import mouth_svg, mouths


def test_every_sound_has_a_mouth() -> None:
    assert set(mouths()) == set(PHONES)


@pytest.mark.parametrize("lang", list(languages()))
def test_each_drawing_is_whole_and_described(lang: str) -> None:
    for phone in PHONES:
        svg = ElementTree.fromstring(mouth_svg(phone, f"<{phone}>", lang))
        assert svg.get("role") == "img" and f"<{phone}>" in str(svg.get("aria-label"))
        assert svg.find("title") is not None


def test_what_is_drawn_follows_how_the_sound_is_made() -> None:
    """Voice and nose by the table of features, movement for the vowels that move."""
    for phone in PHONES:
        svg = mouth_svg(phone, phone)
        voiced = phone in VOWELS or CONSONANT_FEATURES[phone][2]
        assert ('class="voice"' in svg) == voiced, phone
        assert ("through the nose" in svg) == (phone in ("M", "N", "NG")), phone
        assert ('class="goes"' in svg) == (phone in ("AW", "AY", "EY", "OW", "OY")), phone


def test_sounds_of_other_places_look_different() -> None:
    shapes = {phone: mouth_svg(phone, "x") for phone in PHONES}
    for a, b in (("TH", "S"), ("R", "L"), ("IH", "IY"), ("V", "W"), ("AE", "EH"), ("N", "NG"), ("S", "SH")):
        assert shapes[a] != shapes[b]
    assert shapes["P"] == shapes["P"] and shapes["S"] != shapes["Z"], "the voice is on"


def test_lips_that_close_are_drawn_closed() -> None:
    assert mouths()["P"].lips == mouths()["B"].lips == mouths()["M"].lips == "closed"
    assert mouths()["F"].lips == mouths()["V"].lips == "teeth"
    assert mouths()["TH"].tip == mouths()["DH"].tip == "between"
