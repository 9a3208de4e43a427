from __future__ import annotations

import pytest

from speechtutor.core.inventory import PHONES
from speechtutor.errors import InputError
from speechtutor.text.phone_sets import PHONE_SETS, spelled
from speechtutor.text.phones import from_ipa


def test_golden() -> None:
    """By Wells (1995): theta T, eth D, esh S, ezh Z, eng N, turned r a backslashed r."""
    words = {"TH": "T", "DH": "D", "SH": "S", "ZH": "Z", "NG": "N", "AE1": "{", "R": "r\\", "CH": "tS"}
    assert {phone: spelled(phone, "xsampa") for phone in words} == words
    assert [spelled(phone, "xsampa") for phone in ("AH0", "AH1", "ER0", "ER1", "OW")] == [
        "@",
        "V",
        "@`",
        "3`",
        "oU",
    ]
    assert spelled("TH", "ipa") == "θ" and spelled("AH0", "arpabet") == "AH0"


@pytest.mark.parametrize("phones", PHONE_SETS)
def test_no_two_phones_are_spelled_alike(phones: str) -> None:
    assert len({spelled(phone, phones) for phone in PHONES}) == len(PHONES) == 39


def test_ipa_leads_back_and_what_is_no_phone_stays() -> None:
    assert all(from_ipa(spelled(phone, "ipa")) == phone for phone in PHONES)
    assert [spelled(sign, "xsampa") for sign in ("", "?", "<unk>")] == ["", "?", "<unk>"]
    with pytest.raises(InputError, match="none of arpabet, ipa, xsampa"):
        spelled("TH", "sampa")
