"""The voices of Flite (Black and Lenzo, 2001; a BSD-like licence): another engine that says given phones.

A second engine keeps a recogniser from learning what one engine sounds like. Flite is no part of this
package: `apt-get install flite`, or any build of it. Its words are looked up in a lexicon of our own
making, one entry a word, so that it says exactly the phones that it is given.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.errors import InputError
from speechtutor.text.phones import VOWELS
from speechtutor.text.speech_plan import SpokenWord, plan_speech

PREFIX = "flite-"
VOICES = ("flite-rms", "flite-awb", "flite-kal16", "flite-slt")
SYLLABLES = "ba be bi bo bu da de di do du".split()
KEPT = frozenset(".,;:?!")


def symbol(phone: str, digit: int) -> str:
    """A phone as Flite writes it: a schwa is `ax`, a stressed vowel ends in 1."""
    if phone not in VOWELS:
        return phone.lower()
    if phone == "AH" and digit <= 0:
        return "ax0"
    return f"{phone.lower()}{int(digit > 0)}"


def entries(words: Sequence[SpokenWord]) -> list[tuple[str, str]]:
    """A made-up name and the phones of each word that is said."""
    made = []
    for i, word in enumerate(words):
        phones = " ".join(symbol(p, digit) for p, digit in zip(word.phones, word.stress, strict=True))
        # A name that does not look like a word would be spelled out.
        name = "zo" + "".join(SYLLABLES[int(digit)] for digit in str(i))
        made.append((name if phones else "", phones))
    return made


@dataclass(frozen=True, slots=True)
class Flite:
    """Flite behind the Synthesizer protocol."""

    program: str = "flite"

    def speak(
        self, text: str, *, rate: float = 1.0, phones: str | None = None, voice: str = "flite-slt"
    ) -> Recording:
        """The text as 16 kHz speech; `phones` as in `speechtutor.text.speech_plan`.

        Raises:
            TextError: when the text or `phones` cannot be pronounced.
            InputError: when Flite is not there or refuses.
        """
        words = plan_speech(text, phones)
        made = entries(words)
        said = ""
        for i, (word, (name, _)) in enumerate(zip(words, made, strict=True)):
            end = words[i + 1].word.char_start if i + 1 < len(words) else len(text)
            marks = "".join(mark for mark in text[word.word.char_end : end] if mark in KEPT)
            said += f"{name}{marks} " if name else ""
        with tempfile.TemporaryDirectory() as folder:
            lexicon, wave = Path(folder, "lexicon.txt"), Path(folder, "out.wav")
            lexicon.write_text("".join(f"{name} nil : {p}\n" for name, p in made if name), encoding="utf-8")
            command = [self.program, "-voice", voice.removeprefix(PREFIX), "-add_lex", str(lexicon)]
            command += ["--setf", f"duration_stretch={1 / rate:.3f}", "-t", said, "-o", str(wave)]
            try:
                subprocess.run(command, check=True, capture_output=True)
                return audio.load(wave)
            except (OSError, subprocess.CalledProcessError) as error:
                raise InputError(f"{self.program} cannot say {text!r}: {error}") from None
