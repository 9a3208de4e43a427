"""Letters from CTC checkpoints: Wav2Vec2 (Baevski et al., 2020), HuBERT, WavLM, Data2Vec audio.

Greedy decoding, no language model: the text is closer to what was said than Whisper's, which mends
a learner's words. Each word's confidence is the mean probability of its letters.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import Wav2Vec2CTCTokenizer

from speechtutor import hub
from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds, Transcript, Word
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.models import windows
from speechtutor.models.acoustic_ctc import PADDING, n_receptive, read_checkpoint
from speechtutor.models.device import Device, pick
from speechtutor.models.windows import Hypothesis

LONGEST: Seconds = 30.0
"""Memory grows with the square of a window; these models hear no further than this anyway."""


def load(
    checkpoint: str | Path | None = None,
    device: str | None = None,
    *,
    lang: str = "en",
) -> Wav2Vec2:
    """A Transcriber from a hub id or a directory; `lang` is the language that the checkpoint writes.

    Raises:
        ModelError: when there is no such checkpoint, or it does not write letters by CTC.
        InputError: when no checkpoint is given, or for a device that is not there.
    """
    if checkpoint is None:
        raise InputError("name a CTC checkpoint that writes letters, such as facebook/wav2vec2-base-960h")
    chosen = pick(device)
    checkpoint = hub.resolve(checkpoint, role=description.CTC)
    tokenizer, extractor, model = read_checkpoint(checkpoint, chosen.dtype)
    if not isinstance(tokenizer, Wav2Vec2CTCTokenizer):
        raise ModelError(f"{checkpoint} does not write letters: its tokenizer is {type(tokenizer).__name__}")
    if extractor.sampling_rate != SAMPLE_RATE:
        raise ModelError(f"{checkpoint} hears {extractor.sampling_rate} Hz, not {SAMPLE_RATE}")
    return Wav2Vec2(model.to(chosen.name).eval(), extractor, tokenizer, chosen, lang=lang)


class Wav2Vec2:
    """A Transcriber; see `load`."""

    def __init__(
        self, model: Any, extractor: Any, tokenizer: Wav2Vec2CTCTokenizer, device: Device, *, lang: str
    ) -> None:
        self.model, self.extractor, self.tokenizer = model, extractor, tokenizer
        self.device, self.lang = device, lang
        self.frame_shift: Seconds = math.prod(model.config.conv_stride) / SAMPLE_RATE
        self.n_receptive = n_receptive(model.config)
        self.origin: Seconds = (self.n_receptive / SAMPLE_RATE - self.frame_shift) / 2 - PADDING

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """Words with times and mean letter probability; nothing for a recording without speech.

        Raises:
            InputError: when `lang` is not the language of the checkpoint.
        """
        if lang not in (None, self.lang):
            raise InputError(f"this checkpoint writes {self.lang!r}, not {lang!r}")
        return windows.transcribe(recording, self._hear, lang=self.lang, longest=LONGEST)

    @torch.inference_mode()
    def _hear(self, recording: Recording) -> Hypothesis:
        if len(recording.samples) < self.n_receptive:
            return Hypothesis((), 0.0, lang=self.lang)
        samples = np.pad(recording.samples, round(PADDING * SAMPLE_RATE))
        inputs = self.extractor(samples, sampling_rate=SAMPLE_RATE, return_tensors="pt")
        logits = self.model(inputs.input_values.to(self.device.name, self.device.dtype)).logits[0]
        log_probs = logits.float().log_softmax(-1).cpu().numpy()
        words = tuple(
            self._inside(word, recording.duration)
            for word in read(log_probs, self.tokenizer, self.frame_shift, self.origin)
        )
        letters = log_probs.max(axis=1)[log_probs.argmax(axis=1) != self.tokenizer.pad_token_id]
        return Hypothesis(words, float(letters.mean()) if len(letters) else 0.0, lang=self.lang)

    def _inside(self, word: Word, duration: Seconds) -> Word:
        """The word without what of it lies in the padding, but no shorter than a frame."""
        start = min(max(word.start, 0.0), duration - self.frame_shift)
        return replace(word, start=start, end=min(max(word.end, start + self.frame_shift), duration))


def read(
    log_probs: Floats, tokenizer: Wav2Vec2CTCTokenizer, frame_shift: Seconds, origin: Seconds = 0.0
) -> tuple[Word, ...]:
    """The words of the best letter per frame; `log_probs` has shape (n_frames, n_letters).

    The first frame begins at `origin`.
    A word lasts from the first frame of its first letter to the last of its last; letters are
    peaky, so it ends early by a part of the last sound. A text all in capitals is put in lower case.
    """
    best = log_probs.argmax(axis=1)
    decoded: Any = tokenizer.decode(best.tolist(), output_word_offsets=True)
    shown = str.lower if decoded.text.isupper() else str
    probability = np.exp(log_probs.max(axis=1))
    silent = {tokenizer.pad_token_id, tokenizer.word_delimiter_token_id}
    words = []
    for word in decoded.word_offsets:
        first, last = word["start_offset"], word["end_offset"]
        spoken = [t for t in range(first, last) if int(best[t]) not in silent]
        confidence = float(probability[spoken].mean())
        start, end = (origin + int(frame) * frame_shift for frame in (first, last))
        words.append(Word(shown(word["word"]), start, end, confidence))
    return tuple(words)
