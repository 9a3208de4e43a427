"""The voices of Festival (Black, Taylor and Caley, 1998; a BSD-like licence), an engine to test with only.

One is statistical (HTS, Zen et al., 2007), one made of diphones; no trainer hears them, so that they show
what an engine nobody trained on brings. Festival is no part of this package: `apt-get install festival
festvox-us-slt-hts festvox-kdlpc16k`. As with Flite, words are looked up in entries of our own making.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from recipes.shared.flite_voice import KEPT, entries
from speechtutor import audio
from speechtutor.core import Recording
from speechtutor.errors import InputError
from speechtutor.text.phones import VOWELS
from speechtutor.text.speech_plan import SpokenWord, plan_speech

PREFIX = "festival-"
VOICES = {"festival-slt-hts": "cmu_us_slt_arctic_hts", "festival-ked": "ked_diphone"}


def syllables(word: SpokenWord) -> Iterator[tuple[list[str], int]]:
    """Phones and stress of each syllable: a vowel with the consonant before it; others go to its left."""
    vowels = [i for i, phone in enumerate(word.phones) if phone in VOWELS]
    starts = [0, *(max(i - 1, before + 1) for before, i in pairwise(vowels))]
    for k, start in enumerate(starts):
        end = starts[k + 1] if k + 1 < len(starts) else len(word.phones)
        names = []
        for phone, digit in zip(word.phones[start:end], word.stress[start:end], strict=True):
            names.append("ax" if phone == "AH" and digit <= 0 else phone.lower())
        yield names, int(any(digit > 0 for digit in word.stress[start:end]))


def program_of(words: Sequence[SpokenWord], text: str, voice: str, rate: float, wave: Path) -> str:
    """What Festival is to do, in its Scheme."""
    lines = [f"(voice_{VOICES[voice]})", f"(Parameter.set 'Duration_Stretch {1 / rate:.3f})"]
    said = ""
    for i, (word, (name, _)) in enumerate(zip(words, entries(words), strict=True)):
        end = words[i + 1].word.char_start if i + 1 < len(words) else len(text)
        marks = "".join(mark for mark in text[word.word.char_end : end] if mark in KEPT)
        if not name:
            continue
        said += f"{name}{marks} "
        parts = " ".join(f"(({' '.join(names)}) {stress})" for names, stress in syllables(word))
        lines.append(f'(lex.add.entry \'("{name}" nil ({parts})))')
    lines.append(f'(set! utt (utt.synth (Utterance Text "{said.strip()}")))')
    lines.append(f'(utt.save.wave utt "{wave}" \'riff)')
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class Festival:
    """Festival behind the Synthesizer protocol."""

    program: str = "festival"

    def speak(
        self, text: str, *, rate: float = 1.0, phones: str | None = None, voice: str = "festival-slt-hts"
    ) -> Recording:
        """The text as 16 kHz speech; `phones` as in `speechtutor.text.speech_plan`.

        Raises:
            TextError: when the text or `phones` cannot be pronounced.
            InputError: when Festival is not there or refuses.
        """
        words = plan_speech(text, phones)
        with tempfile.TemporaryDirectory() as folder:
            script, wave = Path(folder, "say.scm"), Path(folder, "out.wav")
            script.write_text(program_of(words, text, voice, rate, wave), encoding="utf-8")
            try:
                subprocess.run([self.program, "--batch", str(script)], check=True, capture_output=True)
                return audio.load(wave)
            except (OSError, subprocess.CalledProcessError) as error:
                raise InputError(f"{self.program} cannot say {text!r}: {error}") from None
