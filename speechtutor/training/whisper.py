"""Fine-tune Whisper (Radford et al., 2022) on short clips as it is served: the encoder hears the clip alone.

`speechtutor.models.whisper` lets the encoder hear a clip and a margin, and puts the states of a
ready-made silence behind them. Training does the same, for a tenth of the cost of windows of 30 s;
the states of the silence follow the encoder as it changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    GenerationMixin,
    TrainerCallback,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
)
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.whisper.modeling_whisper import WhisperAttention

from speechtutor import metrics
from speechtutor.errors import ModelError
from speechtutor.files.fingerprint import Fingerprint
from speechtutor.hub import description
from speechtutor.hub.description import Description
from speechtutor.models import convert, windows
from speechtutor.models.adapters import ADAPTER
from speechtutor.models.device import Device
from speechtutor.models.normalizer import normaliser
from speechtutor.models.phone_encoder import log_mel
from speechtutor.models.whisper import Whisper
from speechtutor.models.whisper_encoder import encode
from speechtutor.text.tokens import words_for_wer
from speechtutor.training import adapters
from speechtutor.training.augment import Augment
from speechtutor.training.clips import Batch, Clip

MATRICES = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")
"""What a LoRA changes: every matrix of the transformer layers."""
IGNORED = -100
MARGIN = round(windows.MARGIN * 100)
"""Mel frames of silence behind a clip that the encoder hears."""
DEV_BATCH = 16


def spelt(text: str) -> str:
    """What the network learns to write: the words as said, no punctuation, only I in a capital.

    >>> spelt("I'M SURE, MR LEE")
    "I'm sure mr lee"
    """
    return re.sub(r"\bi\b", "I", " ".join(words_for_wer(text)))


class CrossAttention(WhisperAttention):
    """Attention to the clip's own states and to a silence that all clips of a batch share.

    The keys and values of the silence are made once and not for every clip, which is most of what a
    decoder costs on short clips; the result is that of one long sequence of states.
    """

    def forward(  # type: ignore[override, unused-ignore]
        self,
        hidden_states: Tensor,
        key_value_states: Tensor | None = None,
        silence: Tensor | None = None,
        n_states: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """As Whisper's own; `n_states` (batch,) are those of each clip that the silence follows."""
        if silence is None or key_value_states is None or n_states is None:
            return super().forward(hidden_states, key_value_states, **others)

        def heads(matrix: nn.Module, states: Tensor) -> Tensor:
            made: Tensor = matrix(states).unflatten(-1, (self.num_heads, self.head_dim))
            return made

        query = heads(self.q_proj, hidden_states) * self.scaling
        keys, values = heads(self.k_proj, key_value_states), heads(self.v_proj, key_value_states)
        quiet_keys, quiet_values = heads(self.k_proj, silence[0]), heads(self.v_proj, silence[0])
        position = torch.arange(len(quiet_keys), device=keys.device)
        behind = (position >= n_states[:, None])[:, None, None]
        affinity = torch.einsum("bthd,bnhd->bhtn", query, keys)
        n = affinity.shape[-1]
        affinity = affinity.masked_fill(behind[..., :n], -torch.inf)
        quiet = torch.einsum("bthd,shd->bhts", query, quiet_keys).masked_fill(~behind, -torch.inf)
        weights = torch.cat([affinity, quiet], dim=-1).float().softmax(-1).to(values.dtype)
        mixed = torch.einsum("bhtn,bnhd->bthd", weights[..., :n], values)
        mixed = mixed + torch.einsum("bhts,shd->bthd", weights[..., n:], quiet_values)
        return self.out_proj(mixed.flatten(-2)), None


class CroppedWhisper(WhisperForConditionalGeneration):
    """A Whisper that is given spectrograms of any length, and how many frames of each to hear."""

    silence: Tensor | None = None
    """States of the ready-made silence, shape (1, n_states, width); None when they must be made."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__(config)
        for i, layer in enumerate(self.model.decoder.layers):
            layer.encoder_attn = CrossAttention(
                config.d_model, config.decoder_attention_heads, is_decoder=True, layer_idx=i, config=config
            )

    def forward(
        self,
        input_features: Tensor | None = None,
        n_heard: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        encoder_outputs: Any = None,
        labels: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """As Whisper's own; with `n_heard` (batch,), even, the encoder hears so many frames of each."""
        if n_heard is not None and input_features is not None:
            others |= {"silence": self.quiet(), "n_states": n_heard // 2, "use_cache": False}
            encoder_outputs = BaseModelOutput(self._states(input_features, n_heard))
            input_features = None
        return super().forward(
            input_features=input_features,
            decoder_input_ids=decoder_input_ids,
            encoder_outputs=encoder_outputs,
            labels=labels,
            **others,
        )

    def encode(self, mel: Tensor, n_heard: Tensor) -> Tensor:
        """States (batch, n_states, width) of spectrograms (batch, n_mels, n_frames), silence behind them."""
        silence = self.quiet()
        states = self._states(mel, n_heard)
        n_states = silence.shape[1]
        inside = torch.arange(n_states, device=mel.device) < n_heard[:, None] // 2
        padded = nn.functional.pad(states, (0, 0, 0, n_states - states.shape[1]))
        return torch.where(inside[..., None], padded, silence)

    def quiet(self) -> Tensor:
        """The states of the silence, made when there are none."""
        if self.silence is None:
            device = self.proj_out.weight.device
            # A cast weight that autocast keeps from here would have no gradient in what follows.
            with torch.no_grad(), torch.autocast(device.type, enabled=False):
                self.silence = self._silent(device)
        return self.silence

    def _states(self, mel: Tensor, n_heard: Tensor) -> Tensor:
        return encode(self.model.encoder, mel, n_heard)

    def _silent(self, device: torch.device) -> Tensor:
        window = 2 * self.config.max_source_positions
        voice = log_mel(torch.from_numpy(windows.voice()).to(device), self.config.num_mel_bins)[:, :window]
        padded = nn.functional.pad(voice, (0, window - voice.shape[1])).to(self.dtype)
        return self._states(padded[None], torch.tensor([window], device=device))


class Silence(TrainerCallback):
    """Makes the silence anew every so many steps; a run that goes on from `start` begins with its silence."""

    FILE = "silence.safetensors"

    def __init__(self, network: CroppedWhisper, every: int, start: Path | None = None) -> None:
        self.network, self.every, self.start = network, every, start

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Where a run goes on."""
        if self.start is not None and (self.start / self.FILE).is_file():
            device = str(self.network.proj_out.weight.device)
            self.network.silence = load_file(self.start / self.FILE, device=device)["states"]

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """At every so many steps."""
        if state.global_step % self.every == 0:
            self.network.silence = None

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """It is part of a checkpoint: a run may stop at any step."""
        if args.should_save and self.network.silence is not None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            save_file({"states": self.network.silence.contiguous()}, folder / self.FILE)


@dataclass(frozen=True, slots=True)
class Tuning:
    """Which weights learn: `method` is lora, adalora or full; `part` is both or encoder."""

    method: str = "lora"
    part: str = "both"
    rank: int = 32
    dropout: float = 0.0
    steps: int = 1000
    """Optimiser steps of the whole run; AdaLoRA plans by them."""


def network(base: str | Path, tuning: Tuning, *, seed: int = 0) -> Any:
    """The Whisper of `base`, ready to train: convolutions frozen, a LoRA in place when asked for.

    Raises:
        ModelError: when there is no such checkpoint or it is not a Whisper.
    """
    torch.manual_seed(seed)
    source = convert.whisper_checkpoint(base)
    try:
        model = CroppedWhisper.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"{source} cannot be loaded as a Whisper: {str(error).splitlines()[0]}") from error
    for name, parameter in model.named_parameters():
        frozen = name.startswith(("model.encoder.conv", "model.encoder.embed_positions"))
        if frozen or (tuning.part == "encoder" and not name.startswith("model.encoder.")):
            parameter.requires_grad_(False)
    if tuning.method == "full":
        return model
    return _with_lora(model, tuning)


def _with_lora(model: CroppedWhisper, tuning: Tuning) -> Any:
    from peft import AdaLoraConfig, LoraConfig, get_peft_model

    where = r"encoder\." if tuning.part == "encoder" else ""
    common: dict[str, Any] = {
        "target_modules": rf".*{where}layers\.\d+\..*({'|'.join(MATRICES)})",
        "lora_alpha": 2 * tuning.rank,
        "lora_dropout": tuning.dropout,
    }
    if tuning.method == "lora":
        return get_peft_model(model, LoraConfig(r=tuning.rank, **common))
    plan: dict[str, Any] = {
        "tinit": tuning.steps // 10,
        "tfinal": tuning.steps // 2,
        "deltaT": max(tuning.steps // 100, 1),
    }
    settings = AdaLoraConfig(
        init_r=tuning.rank, target_r=max(tuning.rank // 2, 1), total_step=tuning.steps, **plan, **common
    )
    return get_peft_model(model, settings)


class Listener:
    """Clips into batches, and batches into texts, as `speechtutor.models.whisper` does it."""

    def __init__(self, base: str | Path, model: Any, lang: str = "en") -> None:
        self.source = convert.whisper_checkpoint(base)
        self.tokenizer = AutoTokenizer.from_pretrained(self.source)
        self.extractor = WhisperFeatureExtractor.from_pretrained(self.source)
        whisper: Any = bare(model)
        device = Device(str(whisper.device), torch.float32)
        served = Whisper(whisper, self.extractor, self.tokenizer, device, beams=1, crop=True)
        self.prompt, self.end, self.lang = served.codes.prompt(lang), served.codes.end, lang
        self.window, self.n_mels = served.n_frames, whisper.config.num_mel_bins
        self.most = whisper.config.max_target_positions
        self.normal = normaliser(lang)

    def tokens(self, text: str) -> list[int]:
        """The tokens of a text; Whisper's begin with a space."""
        ids: list[int] = self.tokenizer(f" {spelt(text)}", add_special_tokens=False).input_ids
        return ids

    def fits(self, clip: Clip) -> bool:
        """Whether a clip can be learnt from: it fits into a window, and its text into the decoder."""
        n_tokens = len(self.prompt) + len(self.tokens(clip.text))
        return bool(clip.seconds * 100 <= self.window and n_tokens < self.most)

    def mel(self, wave: Tensor) -> Tensor:
        """Log-mel spectrogram of what fits in a window, shape (n_mels, n_frames)."""
        wave = nn.functional.pad(wave, (0, max(0, self.extractor.n_fft - len(wave))))
        return log_mel(wave, self.n_mels)[:, : self.window]

    def prepare(self, clip: Clip, augment: Augment) -> dict[str, Any]:
        """What the collator takes."""
        return {"mel": augment.mel(self.mel(augment.wave(clip.wave()))), "tokens": self.tokens(clip.text)}

    def heard(self, mels: Sequence[Tensor], *, crop: bool = True) -> Batch:
        """Spectrograms of one batch, each with its margin, or each filling a window."""
        n_heard = [min(m.shape[1] + MARGIN + m.shape[1] % 2, self.window) for m in mels]
        n_heard = n_heard if crop else [self.window] * len(mels)
        longest = max(n_heard)
        padded = [nn.functional.pad(m, (0, longest - m.shape[1])) for m in mels]
        return {"input_features": torch.stack(padded), "n_heard": torch.tensor(n_heard)}

    def collate(self, items: Sequence[dict[str, Any]]) -> Batch:
        """One batch; the loss is that of the text and its end, not of the prompt."""
        given = [torch.tensor([*self.prompt, *item["tokens"]]) for item in items]
        unasked = [IGNORED] * (len(self.prompt) - 1)
        asked = [torch.tensor([*unasked, *item["tokens"], self.end]) for item in items]
        pad = nn.utils.rnn.pad_sequence
        return {
            **self.heard([item["mel"] for item in items]),
            "decoder_input_ids": pad(given, batch_first=True, padding_value=self.end),
            "labels": pad(asked, batch_first=True, padding_value=IGNORED),
        }

    def write(self, model: Any, clips: Sequence[Clip]) -> list[str]:
        """The texts that a network writes, greedily; what repeats itself is heard again, as in serving."""
        texts, looped = self._attempt(model, clips)
        for i in (i for i, again in enumerate(looped) if again):
            (texts[i],), (again,) = self._attempt(model, clips[i : i + 1], crop=False)
            if again:
                (texts[i],), _ = self._attempt(model, clips[i : i + 1], crop=False, no_repeat_ngram_size=3)
        return texts

    @torch.no_grad()
    def _attempt(
        self, model: Any, clips: Sequence[Clip], *, crop: bool = True, **options: Any
    ) -> tuple[list[str], list[bool]]:
        """The texts, and which of them repeat themselves."""
        whisper: Any = bare(model)
        batch = self.heard([self.mel(clip.wave()) for clip in clips], crop=crop)
        states = whisper.encode(*(batch[k].to(whisper.device) for k in ("input_features", "n_heard")))
        budgets = [windows.token_budget(c.seconds, self.most - len(self.prompt) - 1) for c in clips]
        output = GenerationMixin.generate(
            whisper,
            encoder_outputs=BaseModelOutput(last_hidden_state=states),
            decoder_input_ids=torch.tensor([self.prompt] * len(clips), device=states.device),
            max_new_tokens=max(budgets),
            max_length=None,
            num_beams=1,
            do_sample=False,
            **options,
        )
        rows = [row[len(self.prompt) :][:n].tolist() for row, n in zip(output, budgets, strict=True)]
        tokens = [[token for token in row if token < self.end] for row in rows]
        texts = [str(self.tokenizer.decode(row)).strip() for row in tokens]
        full = (len(row) >= n for row, n in zip(tokens, budgets, strict=True))
        return texts, [a or windows.looped(text) for a, text in zip(full, texts, strict=True)]

    def errors(self, model: Any, clips: Sequence[Clip]) -> tuple[int, int]:
        """Word errors and words of clips, both sides through Whisper's own normaliser."""
        whisper: Any = bare(model)
        whisper.silence = None
        order = sorted(clips, key=lambda clip: clip.seconds)
        texts: list[str] = []
        for i in range(0, len(order), DEV_BATCH):
            texts += self.write(whisper, order[i : i + DEV_BATCH])
        references = [self.normal(clip.text) for clip in order]
        counted = metrics.edits(references, [self.normal(text) for text in texts])
        whisper.silence = None
        return sum(e.errors for e in counted), sum(e.length for e in counted)


def bare(model: Any) -> Any:
    """The Whisper inside what peft made of it."""
    from peft import PeftModel

    return model.get_base_model() if isinstance(model, PeftModel) else model


def ship(folder: Path, base: str, listener: Listener, mark: Fingerprint | None = None) -> None:
    """Turn what `save_model` wrote into what is shipped; `mark` says what it was made from.

    A LoRA keeps its two files, in half precision and with the name of its base; a whole network
    becomes an ordinary checkpoint with its tokenizer.
    """
    name = description.base_name(base)
    if (folder / ADAPTER).is_file():
        adapters.ship(folder, Description("whisper-lora", name, fingerprint=mark))
        return
    (folder / "training_args.bin").unlink(missing_ok=True)
    path = folder / "config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["architectures"] = ["WhisperForConditionalGeneration"]
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    listener.tokenizer.save_pretrained(folder)
    listener.extractor.save_pretrained(folder)
    description.write(folder, Description("whisper", name, fingerprint=mark))
