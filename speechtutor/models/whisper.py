"""Whisper (Radford et al., 2022) through transformers, from any checkpoint, with or without a LoRA adapter.

Whisper was trained on windows of 30 s, and its encoder spends most of its time on the silence that
pads a short clip. Plain cropping makes the decoder loop, because it misses that silence. Here the
encoder hears the clip and `MARGIN` seconds more; behind them stand the states of the silence after
an artificial voice, computed once. The decoder sees 30 s as it was trained to. A window of which the
model is not sure is heard again with real padding.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    GenerationMixin,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput

from speechtutor.core import SAMPLE_RATE, Floats, Recording, Seconds, Transcript, Word
from speechtutor.errors import InputError, ModelError
from speechtutor.hub import description
from speechtutor.hub.shipped import WEIGHTS
from speechtutor.models import convert, windows
from speechtutor.models.adapters import merged
from speechtutor.models.device import Device, pick
from speechtutor.models.whisper_encoder import encode
from speechtutor.models.windows import Hypothesis

CHECKPOINT = "whisper-base"
LEARNERS = WEIGHTS / "whisper-base-learners"
MEDIAN_WIDTH = 7
"""Frames over which attention is smoothed before words are placed, as in Whisper's own code."""
ENGLISH_END = 50_256
"""<|endoftext|> of the English-only models."""


def load(
    checkpoint: str | Path | None = None,
    device: str | None = None,
    *,
    adapter: str | Path | None = None,
    beams: int = 1,
    crop: bool = True,
) -> Whisper:
    """A Transcriber from a name of the model store, a hub id or a directory.

    `adapter` is a LoRA adapter of peft, merged into the weights. `crop=False` pads every window to
    30 s as Whisper's own code does.

    Raises:
        ModelError: when there is no such checkpoint or adapter, or it is not a Whisper.
        InputError: for a device that is not there or a number of beams below 1.
    """
    if beams < 1:
        raise InputError(f"beams must be 1 or more, not {beams}")
    chosen = pick(device)
    source = convert.whisper_checkpoint(checkpoint or CHECKPOINT)
    try:
        # Only this implementation of attention gives its weights, from which words get their times.
        model: Any = WhisperForConditionalGeneration.from_pretrained(
            source, dtype=chosen.dtype, attn_implementation="eager"
        )
        extractor = WhisperFeatureExtractor.from_pretrained(source)
        tokenizer = AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{source} cannot be loaded as a Whisper: {_line(error)}") from error
    if model.config.model_type != "whisper":
        raise ModelError(f"{source} is a {model.config.model_type} checkpoint, not a Whisper")
    if adapter is not None:
        model = _adapted(model, adapter)
    return Whisper(model.to(chosen.name).eval(), extractor, tokenizer, chosen, beams=beams, crop=crop)


def load_learners(checkpoint: str | Path | None = None, device: str | None = None, **options: Any) -> Whisper:
    """Whisper base with this project's adapter for learners' English; it writes no punctuation."""
    return load(checkpoint, device, **({"adapter": LEARNERS} | options))


def _adapted(model: Any, adapter: str | Path) -> Any:
    try:
        return merged(model, adapter, description.WHISPER_ADAPTER)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        raise ModelError(f"{adapter} is no adapter for this Whisper: {_line(error)}") from error


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


@dataclass(frozen=True, slots=True)
class _Codes:
    """Ids of the special tokens; `languages` is empty in an English-only model."""

    start: int
    end: int
    no_timestamps: int
    no_speech: int
    transcribe: int
    languages: dict[str, int]

    def prompt(self, lang: str) -> list[int]:
        """What the decoder is given before the text."""
        said = [self.languages[lang], self.transcribe] if self.languages else []
        return [self.start, *said, self.no_timestamps]


def _codes(tokenizer: Any, generation: Any) -> _Codes:
    """From the tokenizer, because fine-tuned checkpoints often lack the generation settings."""
    ids: dict[str, int] = tokenizer.get_vocab()
    needed = ("<|startoftranscript|>", "<|endoftext|>", "<|notimestamps|>", "<|transcribe|>")
    for token in needed:
        if token not in ids:
            raise ModelError(f"the tokenizer of this Whisper lacks {token}")
    start, end, no_timestamps, task = (ids[token] for token in needed)
    multilingual = getattr(generation, "is_multilingual", None)
    if multilingual is None:
        multilingual = end != ENGLISH_END
    first_task = min(task, ids.get("<|translate|>", task))
    languages = {t[2:-2]: i for t, i in ids.items() if start < i < first_task} if multilingual else {}
    # The token before <|notimestamps|> is <|nospeech|>, called <|nocaptions|> in older tokenizers.
    return _Codes(start, end, no_timestamps, no_timestamps - 1, task, languages)


class Whisper:
    """A Transcriber; see `load`."""

    def __init__(
        self, model: Any, extractor: Any, tokenizer: Any, device: Device, *, beams: int, crop: bool
    ) -> None:
        self.model, self.extractor, self.tokenizer, self.device = model, extractor, tokenizer, device
        self.beams, self.crop = beams, crop
        self.codes = _codes(tokenizer, model.generation_config)
        self.n_states: int = model.config.max_source_positions
        self.n_frames = 2 * self.n_states
        self.frame: Seconds = 2 * extractor.hop_length / SAMPLE_RATE
        heads = getattr(model.generation_config, "alignment_heads", None)
        # Without known alignment heads all heads of the upper half are used, as in Whisper's own code.
        layers, width = model.config.decoder_layers, model.config.decoder_attention_heads
        self.heads = heads or [(i, j) for i in range(layers // 2, layers) for j in range(width)]

    def transcribe(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """Words with times and mean token probability; nothing for a recording without speech.

        Raises:
            InputError: for a language that this Whisper does not know.
        """
        return self._windows(recording, lang, self._hear)

    def draft(self, recording: Recording, *, lang: str | None = None) -> Transcript:
        """What was said so far: the first hypothesis, never heard again with real padding.

        Raises:
            InputError: for a language that this Whisper does not know.
        """
        return self._windows(recording, lang, self._glance)

    def _windows(
        self, recording: Recording, lang: str | None, hear: Callable[[Recording, str | None], Hypothesis]
    ) -> Transcript:
        self._check(lang)
        longest = min(windows.LONGEST, self.n_states * self.frame)
        return windows.transcribe(
            recording, lambda piece: hear(piece, lang), lang=lang or "en", longest=longest
        )

    def _check(self, lang: str | None) -> None:
        if lang is None or lang in self.codes.languages or (lang == "en" and not self.codes.languages):
            return
        known = (
            f"one of its {len(self.codes.languages)} languages" if self.codes.languages else "English only"
        )
        raise InputError(f"this Whisper does not know the language {lang!r}: it hears {known}")

    @torch.inference_mode()
    def _hear(self, recording: Recording, lang: str | None) -> Hypothesis:
        return windows.settle(partial(self._attempt, recording, lang), crop=self.crop)

    @torch.inference_mode()
    def _glance(self, recording: Recording, lang: str | None) -> Hypothesis:
        return windows.glance(partial(self._attempt, recording, lang, num_beams=1), crop=self.crop)

    def _attempt(self, recording: Recording, lang: str | None, *, crop: bool, **options: Any) -> Hypothesis:
        states = self._encode(recording.samples, crop=crop)
        lang = lang or self._language(states)
        prompt = self.codes.prompt(lang)
        budget = windows.token_budget(
            recording.duration, self.model.config.max_target_positions - len(prompt) - 1
        )
        text = self._write(states, prompt, budget, **options)
        n_frames = min(self.n_states, round(recording.duration / self.frame))
        probabilities, no_speech, starts = self._check_back(states, prompt, text, max(n_frames, 1))
        words = self._words(text, probabilities, starts * self.frame, lang)
        looped = len(text) >= budget or windows.looped(self.tokenizer.decode(text))
        return Hypothesis(
            words, float(np.log(probabilities).mean()), 0.0 if crop else no_speech, lang, looped
        )

    def _encode(self, samples: Floats, *, crop: bool) -> Tensor:
        """Encoder states of one window, shape (1, n_states, width)."""
        heard = self._mel(samples)
        n_heard = heard.shape[-1] + round(windows.MARGIN / self.frame) * 2 if crop else self.n_frames
        n_heard = min(n_heard + n_heard % 2, self.n_frames)
        states = self._encoder(nn.functional.pad(heard, (0, n_heard - heard.shape[-1])))
        if states.shape[1] == self.n_states:
            return states
        return torch.cat([states, self._silence[:, states.shape[1] :]], dim=1)

    def _encoder(self, mel: Tensor) -> Tensor:
        return encode(self.model.model.encoder, mel)

    def _mel(self, samples: Floats) -> Tensor:
        """Log-mel spectrogram of what fits in a window, shape (1, n_mels, n_frames)."""
        # It mirrors half a frame at both ends, so there must be one.
        samples = np.pad(samples, (0, max(0, self.extractor.n_fft - len(samples))))
        mel = self.extractor(samples, sampling_rate=SAMPLE_RATE, padding="do_not_pad", return_tensors="pt")
        inside: Tensor = mel.input_features.to(self.device.name, self.device.dtype)[..., : self.n_frames]
        return inside

    @cached_property
    def _silence(self) -> Tensor:
        """States of a window with the artificial voice in front."""
        return self._encode(windows.voice(), crop=False)

    def _language(self, states: Tensor) -> str:
        if not self.codes.languages:
            return "en"
        logits = self._read(states, [self.codes.start])[0][-1]
        names, ids = zip(*self.codes.languages.items(), strict=True)
        name: str = names[int(logits[list(ids)].argmax())]
        return name

    def _write(self, states: Tensor, prompt: list[int], budget: int, **options: Any) -> list[int]:
        """The text's tokens, greedy or by beam search; Whisper's own `generate` would pad to 30 s."""
        output = GenerationMixin.generate(
            self.model,
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            decoder_input_ids=torch.tensor([prompt], device=states.device),
            max_new_tokens=budget,
            max_length=None,
            do_sample=False,
            **{"num_beams": self.beams, **options},
        )
        return [token for token in output[0, len(prompt) :].tolist() if token < self.codes.end]

    def _check_back(
        self, states: Tensor, prompt: list[int], text: list[int], n_frames: int
    ) -> tuple[Floats, float, Floats]:
        """Read the finished text once more: probabilities, chance of no speech, first frames.

        Returns the probability of each token and of the end, shape (n_tokens + 1,), that nobody
        spoke, and the frame at which each token and the end begin, shape (n_tokens + 1,).
        """
        logits, attention = self._read(states, [*prompt, *text])
        chances = logits.float().softmax(-1)
        following = torch.tensor([*text, self.codes.end], device=states.device)
        probabilities = chances[len(prompt) - 1 :].gather(1, following[:, None])[:, 0]
        weights = attention[:, :, :n_frames].float().cpu().numpy()
        starts = windows.monotone_path(smoothed(weights)[len(prompt) - 1 :])
        no_speech = float(chances[0, self.codes.no_speech])
        return probabilities.clamp(min=1e-10).cpu().numpy(), no_speech, starts.astype(np.float32)

    def _read(self, states: Tensor, tokens: list[int]) -> tuple[Tensor, Tensor]:
        """Logits (n_tokens, n_symbols), and what the heads attend to (n_heads, n_tokens, n_states)."""
        ids = torch.tensor([tokens], device=states.device)
        output = self.model(encoder_outputs=(states,), decoder_input_ids=ids, output_attentions=True)
        return output.logits[0], torch.stack([output.cross_attentions[i][0, j] for i, j in self.heads])

    def _words(self, text: list[int], probabilities: Floats, times: Floats, lang: str) -> tuple[Word, ...]:
        pieces, ends = self._pieces(text)
        bounds = [0, *ends]
        words = []
        for first, last in windows.group(pieces, spaced=lang not in windows.UNSPACED):
            i, j = bounds[first], bounds[last]
            spelt = "".join(pieces[first:last]).strip()
            words.append(Word(spelt, float(times[i]), float(times[j]), float(probabilities[i:j].mean())))
        return tuple(words)

    def _pieces(self, text: list[int]) -> tuple[list[str], list[int]]:
        """The text of each token and where it ends; tokens that share a character make one piece."""
        pieces, ends, first = [], [], 0
        for last in range(1, len(text) + 1):
            piece = self.tokenizer.decode(text[first:last])
            if "\ufffd" not in piece or last == len(text):
                pieces.append(piece)
                ends.append(last)
                first = last
        return pieces, ends


def smoothed(weights: Floats) -> Floats:
    """Attention made comparable between heads, shape (n_heads, n_tokens, n_frames) to (n_tokens, n_frames).

    Standardised over the tokens, median-filtered over time, averaged over the heads, as in
    Whisper's own code.
    """
    spread = weights.std(axis=1, keepdims=True)
    unit = (weights - weights.mean(axis=1, keepdims=True)) / np.maximum(spread, 1e-8)
    half = MEDIAN_WIDTH // 2
    mode: Literal["reflect", "edge"] = "reflect" if unit.shape[2] > half else "edge"
    padded = np.pad(unit, ((0, 0), (0, 0), (half, half)), mode=mode)
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, MEDIAN_WIDTH, axis=2), axis=-1)
    return np.asarray(smooth.mean(axis=0), dtype=np.float32)
