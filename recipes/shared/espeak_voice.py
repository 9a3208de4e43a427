"""The voices of eSpeak NG (Duddington and others; GPL-3.0): formants by rule, another engine still.

It has no recordings behind it, so its timbres are many and cheap, and none is like a model voice. eSpeak NG
is no part of this package: `apt-get install espeak-ng`. A voice is named by accent and variant, as in
`espeak-en-us+f2`. Phones go in by eSpeak's own mnemonics, so that it says exactly what it is given.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from recipes.shared.flite_voice import KEPT
from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.errors import InputError
from speechtutor.text.phones import VOWELS
from speechtutor.text.speech_plan import SpokenWord, plan_speech

PREFIX = "espeak-"

VOICES = (
    "en-us+m1", "en-us+f2", "en-gb+m3", "en-us+Annie", "en-us+m7", "en-us+Alicia", "en-us+klatt2",
    "en-gb+f5", "en-us+Mike", "en-us+belinda", "en-gb-x-rp+Andy", "en-us+steph", "en-us+m5", "en-us+f3",
)  # fmt: skip
"""Accents and variants for training."""

DEV = ("en-us+linda", "en-us+Lee")
"""Those for choices and calibration."""

WORDS_A_MINUTE = 150

MNEMONICS = {
    "AA": "A:", "AE": "a", "AH": "V", "AO": "O:", "AW": "aU", "AY": "aI", "EH": "E", "ER": "3:", "EY": "eI",
    "IH": "I", "IY": "i:", "OW": "oU", "OY": "OI", "UH": "U", "UW": "u:", "CH": "tS", "DH": "D", "HH": "h",
    "JH": "dZ", "NG": "N", "SH": "S", "TH": "T", "Y": "j", "ZH": "Z", "R": "r",
}  # fmt: skip
"""Phones whose mnemonic is not their own name in lower case."""


def symbol(phone: str, digit: int) -> str:
    """A phone as eSpeak writes it: a schwa is `@`, a stress mark stands before its vowel."""
    if phone == "AH" and digit <= 0:
        return "@"
    mark = {1: "'", 2: ","}.get(digit, "") if phone in VOWELS else ""
    return mark + MNEMONICS.get(phone, phone.lower())


def said(words: Sequence[SpokenWord], text: str) -> str:
    """The words in eSpeak's mnemonics, with the marks of the text behind them; phones are parted by `|`."""
    parts = []
    for i, word in enumerate(words):
        end = words[i + 1].word.char_start if i + 1 < len(words) else len(text)
        marks = "".join(mark for mark in text[word.word.char_end : end] if mark in KEPT)
        phones = "|".join(symbol(p, digit) for p, digit in zip(word.phones, word.stress, strict=True))
        parts.append((f"[[{phones}]]" if phones else "") + marks)
    return " ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Espeak:
    """eSpeak NG behind the Synthesizer protocol."""

    program: str = "espeak-ng"

    def speak(
        self, text: str, *, rate: float = 1.0, phones: str | None = None, voice: str = "espeak-en-us"
    ) -> Recording:
        """The text as 16 kHz speech; `phones` as in `speechtutor.text.speech_plan`.

        Raises:
            TextError: when the text or `phones` cannot be pronounced.
            InputError: when eSpeak NG is not there or refuses.
        """
        line = said(plan_speech(text, phones), text)
        with tempfile.TemporaryDirectory() as folder:
            wave = Path(folder, "out.wav")
            command = [self.program, "-v", voice.removeprefix(PREFIX), "-w", str(wave)]
            command += ["-s", str(round(WORDS_A_MINUTE * rate)), line]
            try:
                subprocess.run(command, check=True, capture_output=True)
                return audio.load(wave)
            except (OSError, subprocess.CalledProcessError) as error:
                raise InputError(f"{self.program} cannot say {text!r}: {error}") from None
