"""What other engines are told to say is what was planned, phone by phone; no engine is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from recipes import make_mistakes
from recipes.shared import espeak_voice, festival_voice
from speechtutor.text.phones import PHONES, VOWELS
from speechtutor.text.speech_plan import plan_speech


def test_every_phone_has_a_mnemonic_of_its_own() -> None:
    plain = [espeak_voice.symbol(phone, 0 if phone != "AH" else 1) for phone in PHONES]
    assert len({mnemonic.lstrip("',") for mnemonic in plain}) == len(PHONES)
    assert espeak_voice.symbol("AH", 0) == "@"
    # A mark stands before vowels only.
    assert espeak_voice.symbol("IY", 1) == "'i:"
    assert espeak_voice.symbol("TH", 1) == "T"


def test_espeak_is_told_the_phones_and_the_marks_of_the_text() -> None:
    words = plan_speech("I think so.", "AY1 | S IH1 NG K | -")
    assert espeak_voice.said(words, "I think so.") == "[['aI]] [[s|'I|N|k]] ."
    assert espeak_voice.said(plan_speech("Yes, no."), "Yes, no.") == "[[j|'E|s]], [[n|'oU]]."


@pytest.mark.parametrize("text", ["Three unusual vegetables", "I asked Amanda about the world"])
def test_syllables_have_one_vowel_each_and_all_the_phones_in_order(text: str) -> None:
    for word in plan_speech(text):
        parts = list(festival_voice.syllables(word))
        joined = [name for names, _ in parts for name in names]
        assert [name.upper() if name != "ax" else "AH" for name in joined] == list(word.phones)
        vowels = {phone.lower() for phone in VOWELS} | {"ax"}
        assert all(sum(name in vowels for name in names) == 1 for names, _ in parts)
        assert [stress for _, stress in parts] == [int(digit > 0) for digit in word.stress if digit >= 0]


def test_festival_looks_words_up_in_entries_of_our_own() -> None:
    words = plan_speech("I think so.", "AY1 | S IH1 NG K | S OW1")
    script = festival_voice.program_of(words, "I think so.", "festival-ked", 1.25, Path("x.wav"))
    assert script.startswith("(voice_ked_diphone)\n(Parameter.set 'Duration_Stretch 0.800)\n")
    assert "(((s ih ng k) 1))" in script
    assert script.count("lex.add.entry") == 3
    names = [line.split('"')[1] for line in script.splitlines() if "lex.add.entry" in line]
    assert f'"{" ".join(names)}."' in script


def test_no_voice_is_for_two_purposes() -> None:
    train, dev = set(make_mistakes.RULED), set(make_mistakes.RULED_DEV)
    assert not train & dev
    assert not set(festival_voice.VOICES) & (train | dev | set(make_mistakes.OTHER_TRAIN))
