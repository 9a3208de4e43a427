"""The model voice: Kokoro-82M (hexgrad, 2025), int8 ONNX, spoken from our own lexicon.

`speechtutor.text.speech_plan` decides which phones are said; here they become Kokoro's symbols and sound.
No espeak and no other text-to-phone tool takes part.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import audio, hub
from speechtutor.core import Floats, Recording
from speechtutor.errors import InputError, ModelError, TextError
from speechtutor.hub import description
from speechtutor.models.device import onnx_session
from speechtutor.text.speech_plan import SpokenWord, plan_speech

MODEL_RATE = 24_000
# Beyond about 400 tokens the voice begins to hurry; beyond the hard limit it fails.
MAX_TOKENS, HARD_LIMIT = 400, 510
PAUSE = 0.3
RATES = (0.5, 2.0)

CONSONANTS = {
    "B": "b", "CH": "ʧ", "D": "d", "DH": "ð", "F": "f", "G": "ɡ", "HH": "h", "JH": "ʤ", "K": "k", "L": "l",
    "M": "m", "N": "n", "NG": "ŋ", "P": "p", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v",
    "W": "w", "Y": "j", "Z": "z", "ZH": "ʒ",
}  # fmt: skip
VOWELS = {
    "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "W", "AY": "I", "EH": "ɛ", "ER": "ɜɹ", "EY": "A",
    "IH": "ɪ", "IY": "i", "OW": "O", "OY": "Y", "UH": "ʊ", "UW": "u",
}  # fmt: skip
# Schwas have symbols of their own; capital letters are the model's diphthongs.
UNSTRESSED = VOWELS | {"AH": "ə", "ER": "əɹ"}
MARKS = {0: "", 1: "ˈ", 2: "ˌ"}

PROSODY = {"–": "—", "-": "", "'": "", "‘": "", "’": "", "«": "“", "»": "”", "[": "(", "]": ")", "\n": " "}
KEPT = frozenset(';:,.!?—…"()“” ')


def symbols(phone_list: Sequence[str], stress: Sequence[int]) -> str:
    """ARPAbet phones as Kokoro's own IPA-like symbols, e.g. `S AH1 N` as `sˈʌn`."""
    out = []
    for phone, digit in zip(phone_list, stress, strict=True):
        if phone in CONSONANTS:
            out.append(CONSONANTS[phone])
        else:
            out.append(MARKS[digit] + (VOWELS if digit else UNSTRESSED)[phone])
    return "".join(out)


def _between(gap: str) -> str:
    """The punctuation between two words as far as the voice reacts to it."""
    marks = "".join(PROSODY.get(mark, mark) for mark in gap.replace(" - ", " — "))
    return re.sub(" +", " ", "".join(mark for mark in marks if mark in KEPT))


def _pieces(text: str, spoken: Sequence[SpokenWord]) -> list[str]:
    """Per word its symbols and the punctuation up to the next word; a left-out word is empty."""
    pieces = []
    for i, said in enumerate(spoken):
        end = spoken[i + 1].word.char_start if i + 1 < len(spoken) else len(text)
        gap = _between(text[said.word.char_end : end])
        if i + 1 < len(spoken) and not gap.endswith((" ", "(", "“", '"')):
            gap += " "
        pieces.append(symbols(said.phones, said.stress) + gap if said.phones else "")
    return pieces


def _chunks(pieces: Sequence[str], limit: int) -> list[tuple[int, int]]:
    """Word ranges [first, last) within the limit, cut after a sentence, else a comma, else a word."""
    ranges, first = [], 0
    while first < len(pieces):
        last, size = first, 0
        while last < len(pieces) and (last == first or size + len(pieces[last]) <= limit):
            size += len(pieces[last])
            last += 1
        if last < len(pieces):
            for marks in (".!?…", ",;:—"):
                cuts = [i + 1 for i in range(first, last) if any(mark in pieces[i] for mark in marks)]
                if cuts:
                    last = cuts[-1]
                    break
        ranges.append((first, last))
        first = last
    return ranges


def _trim(samples: Floats, threshold: float = 0.01, margin: float = 0.05) -> Floats:
    """Without the silence that the model puts around each chunk."""
    loud = np.flatnonzero(np.abs(samples) > threshold)
    if not len(loud):
        return samples
    edge = round(margin * MODEL_RATE)
    return samples[max(loud[0] - edge, 0) : loud[-1] + edge]


@dataclass(frozen=True)
class Kokoro:
    """Kokoro-82M behind the Synthesizer protocol; the same call always gives the same samples."""

    session: Any
    vocab: dict[str, int]
    voices: dict[str, Path]
    voice: str = "af_heart"

    def speak(
        self, text: str, *, rate: float = 1.0, phones: str | None = None, voice: str | None = None
    ) -> Recording:
        """The text as 16 kHz speech, at `rate` times the normal speed (0.5 to 2).

        `phones` makes it say something else than the lexicon (see `speechtutor.text.speech_plan`). The
        style is that of the text as it should be read, so that a wrong sound does not change the rest
        of the sentence more than it must.

        Raises:
            TextError: when the text or `phones` cannot be pronounced.
            InputError: when the rate is out of range or the voice is unknown.
        """
        if not RATES[0] <= rate <= RATES[1]:
            raise InputError(f"rate {rate:g} is outside {RATES[0]:g} to {RATES[1]:g}")
        styles = self.styles(voice or self.voice)
        usual = _pieces(text, plan_speech(text))
        wanted = usual if phones is None else _pieces(text, plan_speech(text, phones))
        pause = np.zeros(round(PAUSE / rate * MODEL_RATE), dtype=np.float32)
        parts: list[Floats] = []
        for first, last in _chunks(usual, MAX_TOKENS):
            said = "".join(wanted[first:last]).strip()
            if not said:
                continue
            row = min(len("".join(usual[first:last]).strip()), len(styles) - 1)
            spoken = self._run(said, styles[row], rate)
            parts += [pause, _trim(spoken)] if parts else [spoken]
        return audio.from_array(np.concatenate(parts), MODEL_RATE, name="model voice")

    def styles(self, voice: str) -> Floats:
        """Style vectors by number of tokens, shape (510, 256)."""
        if voice not in self.voices:
            raise InputError(f"there is no voice {voice!r}; known: {', '.join(sorted(self.voices))}")
        return np.fromfile(self.voices[voice], dtype=np.float32).reshape(-1, 256)

    def _run(self, said: str, style: Floats, rate: float) -> Floats:
        """Samples at `MODEL_RATE` of a string of symbols."""
        if len(said) > HARD_LIMIT:
            raise TextError(
                f"{len(said)} symbols without a break between words, more than {HARD_LIMIT}: add spaces"
            )
        tokens = [0, *(self.vocab[symbol] for symbol in said), 0]
        inputs = {
            "tokens": np.array([tokens], dtype=np.int64),
            "style": style[None],
            "speed": np.array([rate], dtype=np.float32),
        }
        samples: Floats = self.session.run(None, inputs)[0].reshape(-1)
        return samples


CHECKPOINT = "kokoro-82m"


def load(
    checkpoint: str | Path | None = None,
    device: str | None = None,
    voice: str = "af_heart",
    threads: int | None = None,
) -> Kokoro:
    """The model voice, by its name in the model store or a folder with the same files.

    It runs on the CPU whatever the device of the other stages, faster than speech: real-time factor
    0.49 on one thread and 0.29 on two. `threads` is by default `engines.threads()`.

    Raises:
        ModelError: when a file is missing or is not a model.
        InputError: when there is no such voice.
    """
    del device
    folder = Path(hub.resolve(checkpoint or CHECKPOINT, hub=False, role=description.VOICE))
    try:
        vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))["vocab"]
        session = onnx_session(folder / "model.onnx", threads)
    except (OSError, ValueError, KeyError, TypeError, ModelError) as error:
        raise ModelError(f"{folder} holds no usable Kokoro model: {str(error).splitlines()[0]}") from error
    voices = {path.stem: path for path in sorted((folder / "voices").glob("*.bin"))}
    model = Kokoro(session, vocab, voices, voice)
    model.styles(voice)
    return model
