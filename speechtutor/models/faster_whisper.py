"""Whisper through faster-whisper (CTranslate2): the quick path on a CPU, int8 there and float16 on CUDA.

The library's `transcribe` pads every clip to 30 s, and with word times it goes on after the last
word and invents more (measured: word error rate 0.60 instead of 0.42). So its parts are driven here
one window at a time, and on a CPU the encoder hears only the clip, as `speechtutor.models.whisper`
explains.
"""

from __future__ import annotations

from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np

from speechtutor import engines, hub
from speechtutor.core import Floats, Recording, Transcript, Word
from speechtutor.errors import InputError, ModelError, require
from speechtutor.hub import description
from speechtutor.models import windows
from speechtutor.models.device import pick
from speechtutor.models.windows import Hypothesis

CHECKPOINT = "whisper-base"
FRAMES_PER_SECOND, FRAMES_PER_STATE = 100, 2
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"
"""Punctuation that belongs to the word after it, and before it."""


def load(
    checkpoint: str | Path | None = None,
    device: str | None = None,
    *,
    beams: int = 5,
    cpu_threads: int | None = None,
    crop: bool = True,
    compute: str | None = None,
) -> FasterWhisper:
    """A Transcriber from a name of the model store, a CTranslate2 directory or hub id.

    `cpu_threads` is `engines.threads()` unless given. `crop=False` pads
    every window to 30 s. `compute` is what CTranslate2 computes with, int8 on a CPU and float16 on CUDA
    unless given; a name that this processor does not have is a ModelError.

    Raises:
        MissingExtraError: when faster-whisper is not installed.
        ModelError: when there is no such checkpoint or it is damaged.
        InputError: for a device that is not there, or a number below 1.
    """
    for name, number in (("beams", beams), ("cpu_threads", cpu_threads)):
        if number is not None and number < 1:
            raise InputError(f"{name} must be 1 or more, not {number}")
    library = require("faster_whisper", extra="whisper")
    chosen = pick(device)
    if chosen.kind == "mps":
        raise InputError("faster-whisper does not compute on 'mps': use cpu")
    source = str(hub.resolve(checkpoint or CHECKPOINT, role=description.WHISPER_CT2))
    index = chosen.name.partition(":")[2]
    try:
        model = library.WhisperModel(
            source,
            device=chosen.kind,
            device_index=int(index or 0),
            compute_type=compute or ("float16" if chosen.kind == "cuda" else "int8"),
            cpu_threads=cpu_threads or engines.threads(),
        )
    except Exception as error:  # the errors of its tokenizer share no base class
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{source} cannot be loaded by faster-whisper: {reason}") from error
    return FasterWhisper(model, beams=beams, crop=crop and chosen.kind == "cpu")


class FasterWhisper:
    """A Transcriber; see `load`."""

    def __init__(self, model: Any, *, beams: int, crop: bool) -> None:
        self.model, self.beams, self.crop = model, beams, crop
        self.window = int(windows.LONGEST * FRAMES_PER_SECOND)

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """Words with times and mean token probability; nothing for a recording without speech.

        Raises:
            InputError: for a language that this Whisper does not know.
        """
        self._check(lang)
        return windows.transcribe(recording, lambda piece: self._hear(piece, lang), lang=lang or "en")

    def draft(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """What was said so far: the first hypothesis of one beam, never heard again with real padding.

        Raises:
            InputError: for a language that this Whisper does not know.
        """
        self._check(lang)

        def hear(piece: Recording) -> Hypothesis:
            return windows.glance(partial(self._attempt, piece, lang, beam_size=1), crop=self.crop)

        return windows.transcribe(recording, hear, lang=lang or "en")

    def _check(self, lang: str | None) -> None:
        known = self.model.supported_languages
        if lang is not None and lang not in known:
            hears = f"one of its {len(known)} languages" if len(known) > 1 else "English only"
            raise InputError(f"this Whisper does not know the language {lang!r}: it hears {hears}")

    def _hear(self, recording: Recording, lang: str | None) -> Hypothesis:
        return windows.settle(partial(self._attempt, recording, lang), crop=self.crop)

    def _attempt(self, recording: Recording, lang: str | None, *, crop: bool, **options: Any) -> Hypothesis:
        mel = self._mel(recording.samples)
        states = self._encode(mel, crop=crop)
        tokenizer = self._tokenizer(lang or self._language(states))
        prompt = self.model.get_prompt(tokenizer, [], without_timestamps=True)
        budget = windows.token_budget(recording.duration, self.model.max_length // 2 - len(prompt))
        result = self.model.model.generate(
            states,
            [prompt],
            max_length=len(prompt) + budget,
            return_scores=True,
            return_no_speech_prob=True,
            **{"beam_size": self.beams, **options},
        )[0]
        text = result.sequences_ids[0]
        # The score is the mean over the text; the end of the text has a probability too.
        logprob = result.scores[0] * len(text) / (len(text) + 1)
        words = self._words(tokenizer, text, states, mel.shape[1])
        looped = len(text) >= budget or windows.looped(tokenizer.decode(text))
        no_speech = 0.0 if crop else result.no_speech_prob
        return Hypothesis(words, logprob, no_speech, tokenizer.language_code, looped)

    def _encode(self, mel: Floats, *, crop: bool) -> Any:
        """Encoder states of one window as CTranslate2 keeps them."""
        n_heard = mel.shape[1] + round(windows.MARGIN * FRAMES_PER_SECOND) if crop else self.window
        n_heard = min(n_heard + n_heard % FRAMES_PER_STATE, self.window)
        heard = np.pad(mel, ((0, 0), (0, n_heard - mel.shape[1])))
        states = self.model.encode(heard)
        if n_heard == self.window:
            return states
        rest = self._silence[:, n_heard // FRAMES_PER_STATE :]
        return _storage(np.concatenate([np.array(states), rest], axis=1))

    def _mel(self, samples: Floats) -> Floats:
        """Log-mel spectrogram of what fits in a window, shape (n_mels, n_frames)."""
        mel: Floats = self.model.feature_extractor(samples)[:, :-1]
        return mel[:, : self.window]

    @cached_property
    def _silence(self) -> Floats:
        """States of a window with the artificial voice in front."""
        return np.array(self._encode(self._mel(windows.voice()), crop=False))

    def _language(self, states: Any) -> str:
        if not self.model.model.is_multilingual:
            return "en"
        token: str = self.model.model.detect_language(states)[0][0][0]
        return token[2:-2]

    def _tokenizer(self, lang: str) -> Any:
        tokenizer = require("faster_whisper.tokenizer", extra="whisper").Tokenizer
        multilingual = self.model.model.is_multilingual
        return tokenizer(self.model.hf_tokenizer, multilingual, task="transcribe", language=lang)

    def _words(self, tokenizer: Any, text: list[int], states: Any, n_frames: int) -> tuple[Word, ...]:
        if not text:
            return ()
        found = self.model.find_alignment(tokenizer, [text], states, n_frames)[0]
        require("faster_whisper.transcribe", extra="whisper").merge_punctuations(found, PREPENDED, APPENDED)
        return tuple(
            Word(word["word"].strip(), float(word["start"]), float(word["end"]), float(word["probability"]))
            for word in found
            if any(c.isalnum() for c in word["word"])
        )


def _storage(states: Floats) -> Any:
    return require("ctranslate2", extra="whisper").StorageView.from_array(np.ascontiguousarray(states))
