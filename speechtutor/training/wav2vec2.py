"""Fine-tune Wav2Vec2 (Baevski et al., 2020) and its family by CTC, or train a small one from scratch.

From scratch two hours of speech are too few for CTC alone: a teacher tells in every frame what it hears
(`distillation_training`), CTC adds what should be there, and a second output, dropped in the end, learns
which phone is nearest in time.
"""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoFeatureExtractor,
    AutoModelForCTC,
    AutoTokenizer,
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
)

from speechtutor import hub, metrics
from speechtutor.core import SAMPLE_RATE
from speechtutor.errors import InputError, ModelError
from speechtutor.files.fingerprint import Fingerprint
from speechtutor.hub import description
from speechtutor.hub.description import Description
from speechtutor.models.acoustic_ctc import columns
from speechtutor.models.phone_encoder import SYMBOLS
from speechtutor.text.phones import pronounce, to_ipa
from speechtutor.text.tokens import words_for_wer
from speechtutor.training.augment import Augment
from speechtutor.training.clips import AsrTrainer, Batch, Clip
from speechtutor.training.distillation import HOP, IGNORED, distilled, matching, nearest, placed

log = logging.getLogger(__name__)

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "|")
"""Blank, marks that are never said, and what stands between words."""
SECOND = "nearest_phone"
"""Name of the output that only training has."""


def vocabulary(units: str, clips: Sequence[Clip]) -> list[str]:
    """The tokens of a new network: the 39 phones in IPA, or the letters of the texts."""
    if units == "phones":
        return [*SPECIAL, *(to_ipa(symbol) for symbol in SYMBOLS[1:])]
    letters = {letter for clip in clips for word in words_for_wer(clip.text) for letter in word}
    return [*SPECIAL, *sorted(letters)]


@dataclass(frozen=True, slots=True)
class Size:
    """How large a network from scratch is.

    Three convolutions of the usual 20 ms in all, the first a filterbank (`gabor`): the usual seven begin
    at 3.2 kHz, where most of the time of a small network would go, and have to find one first.
    """

    layers: int = 6
    width: int = 192
    heads: int = 3
    convolutions: tuple[int, ...] = (256, 192, 192)
    kernels: tuple[int, ...] = (400, 3, 3)
    strides: tuple[int, ...] = (160, 2, 1)


def compact(size: Size, n_tokens: int, masks: int) -> Wav2Vec2ForCTC:
    """A small Wav2Vec2 with a filterbank in front, else random weights, and the usual frames of 20 ms."""
    config = Wav2Vec2Config(
        vocab_size=n_tokens,
        hidden_size=size.width,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        intermediate_size=4 * size.width,
        conv_dim=size.convolutions,
        conv_kernel=size.kernels,
        conv_stride=size.strides,
        # On two hours of speech masks and changes of speed do more than dropout, and drawing it is a
        # sixth of the time; a rectifier costs a third of what a GELU costs on the many early frames.
        attention_dropout=0.0,
        activation_dropout=0.0,
        hidden_dropout=0.0,
        feat_proj_dropout=0.0,
        final_dropout=0.0,
        feat_extract_activation="relu",
        # Layer norms, unlike the default's group norm, do not see the padding of a batch.
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
        num_conv_pos_embeddings=64,
        num_conv_pos_embedding_groups=16,
        layerdrop=0.0,
        pad_token_id=0,
        **masking(masks),
    )
    model = Wav2Vec2ForCTC(config)
    first: Any = model.wav2vec2.feature_extractor.conv_layers[0].get_submodule("conv")
    with torch.no_grad():
        first.weight.copy_(gabor(*size.convolutions[:1], *size.kernels[:1])[:, None])
        first.bias.zero_()
    return model


def gabor(n_filters: int, n_samples: int) -> Tensor:
    """Filters to begin with, shape (n_filters, n_samples): Gabor wavelets on the mel scale.

    After Zeghidour et al. (2018). A rectifier cannot square, so a band is four filters, its cosine and
    sine and both upside down, and the sum of what is left of them is about its magnitude. High bands
    are raised as by a pre-emphasis of 0.97. Filters that fill no four are random.
    """
    n_bands = n_filters // 4
    low, high = (2595 * math.log10(1 + hertz / 700) for hertz in (60, 7700))
    mel = np.linspace(low, high, n_bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    middle, width = edges[1:-1, None], np.maximum((edges[2:, None] - edges[:-2, None]) / 2, 50)
    time = (np.arange(n_samples) - (n_samples - 1) / 2) / SAMPLE_RATE
    window = np.exp(-0.5 * (time * width / 0.44) ** 2) * np.hanning(n_samples)
    waves = [window * wave(2 * np.pi * middle * time) for wave in (np.cos, np.sin)]
    gain = np.abs(1 - 0.97 * np.exp(-2j * np.pi * middle / SAMPLE_RATE))
    bands = [gain * wave / np.linalg.norm(wave, axis=1, keepdims=True) for wave in waves]
    rest = 0.02 * torch.randn(n_filters - 4 * n_bands, n_samples)
    return torch.cat([*(torch.from_numpy(sign * b).float() for b in bands for sign in (1, -1)), rest])


def with_second_output(model: Wav2Vec2ForCTC) -> Wav2Vec2ForCTC:
    """The network with an output for the nearest phone, for `CtcTrainer`."""
    setattr(model, SECOND, nn.Linear(model.config.hidden_size, len(SYMBOLS)))
    return model


def masking(masks: int) -> dict[str, Any]:
    """SpecAugment (Park et al., 2019) on the features, by the network's own settings."""
    return {
        "apply_spec_augment": masks > 0,
        "mask_time_prob": 0.025 * masks,
        "mask_time_length": 5,
        "mask_feature_prob": 0.02 * masks,
        "mask_feature_length": 8,
    }


def processor(folder: Path, tokens: Sequence[str]) -> tuple[Wav2Vec2CTCTokenizer, Any]:
    """A tokenizer of the tokens, written into the folder on the way, and an extractor."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "vocab.json"
    path.write_text(json.dumps({t: i for i, t in enumerate(tokens)}, ensure_ascii=False), encoding="utf-8")
    extractor = Wav2Vec2FeatureExtractor(do_normalize=True, return_attention_mask=True)
    return Wav2Vec2CTCTokenizer(str(path)), extractor


def load(
    base: str | Path, units: str, clips: Sequence[Clip], folder: Path, masks: int
) -> tuple[Any, Any, Any]:
    """Network, tokenizer and extractor of a checkpoint; its own letters are kept, phones are new.

    Raises:
        ModelError: when there is no such checkpoint or it is none of this family.
    """
    base = hub.resolve(base, role=description.ENCODER)
    try:
        extractor = AutoFeatureExtractor.from_pretrained(base)
        config = AutoConfig.from_pretrained(base)
        tokenizer: Any = None
        if units == "letters" and (config.architectures or [""])[0].endswith("ForCTC"):
            tokenizer = AutoTokenizer.from_pretrained(base)
        if tokenizer is None:
            tokens = vocabulary(units, clips)
            tokenizer = processor(folder, tokens)[0]
            more = {"vocab_size": len(tokens), "pad_token_id": 0, "ignore_mismatched_sizes": True}
        else:
            more = {}
        model = AutoModelForCTC.from_pretrained(base, dtype=torch.float32, **more, **masking(masks))
    except (OSError, ValueError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{base} cannot be loaded as a CTC model: {reason}") from error
    return model, tokenizer, extractor


@dataclass(slots=True)
class Speller:
    """Clips into batches, and frames into texts.

    `units` is letters or phones; `teacher` maps a clip's id to what the teacher heard, shape
    (n_frames, n_symbols), log-probabilities in the order of `SYMBOLS`; `n_receptive` how many samples
    a frame of the network hears.
    """

    tokenizer: Any
    extractor: Any
    units: str
    teacher: Mapping[str, NDArray[np.float16]] | None = None
    n_receptive: int = 400

    def units_of(self, clip: Clip) -> list[list[str]]:
        """The tokens of each word.

        Raises:
            InputError: naming the clip whose text has a letter that the network cannot write.
        """
        known: dict[str, int] = self.tokenizer.get_vocab()
        if self.units == "phones":
            said = clip.phones or [word.pronunciations[0] for word in pronounce(clip.text)]
            return [[to_ipa(phone) for phone in word] for word in said]
        words = words_for_wer(clip.text)
        if "A" in known and "a" not in known:
            words = [word.upper() for word in words]
        strange = {letter for word in words for letter in word} - known.keys()
        if strange:
            raise InputError(f"{clip.id}: the network has no letter for {' '.join(sorted(strange))}")
        return [list(word) for word in words]

    def tokens(self, clip: Clip) -> list[int]:
        """What CTC is to write, words separated."""
        known = self.tokenizer.get_vocab()
        ids: list[int] = []
        for word in self.units_of(clip):
            ids += [known[self.tokenizer.word_delimiter_token]] if ids else []
            ids += [known[unit] for unit in word]
        return ids

    def normal(self, wave: Tensor) -> Tensor:
        """The input of the network, as its extractor makes it."""
        if not self.extractor.do_normalize:
            return wave
        return (wave - wave.mean()) / torch.sqrt(wave.var(correction=0) + 1e-7)

    def prepare(self, clip: Clip, augment: Augment) -> dict[str, Any]:
        """What the collator takes."""
        wave, factor, left = augment.warp(clip.wave())
        item = {"wave": self.normal(wave), "tokens": self.tokens(clip)}
        if self.teacher is not None:
            log_probs = matching(self.teacher[clip.id], len(wave), factor, left - self.n_receptive // 2)
            heard = torch.from_numpy(log_probs).exp()
            item |= {"heard": heard, "nearest": nearest(heard)}
        return item

    def collate(self, items: Sequence[dict[str, Any]]) -> Batch:
        """One batch; padding of the tokens is -100, that of the teacher is 0."""
        pad = nn.utils.rnn.pad_sequence
        batch = self.padded([item["wave"] for item in items])
        labels = [torch.tensor(item["tokens"]) for item in items]
        batch["labels"] = pad(labels, batch_first=True, padding_value=IGNORED)
        if self.teacher is not None:
            batch["heard"] = pad([item["heard"] for item in items], batch_first=True)
            near = [item["nearest"] for item in items]
            batch["nearest"] = pad(near, batch_first=True, padding_value=IGNORED)
        return batch

    def padded(self, waves: Sequence[Tensor]) -> Batch:
        """Waves of one batch with their lengths."""
        lengths = torch.tensor([len(wave) for wave in waves])
        batch = nn.utils.rnn.pad_sequence(list(waves), batch_first=True)
        return {"input_values": batch, "lengths": lengths}

    @torch.no_grad()
    def write(self, model: Any, clip: Clip) -> list[str]:
        """What a network writes, greedily: phones, or words."""
        logits = model(self.normal(clip.wave())[None].to(model.device)).logits[0]
        best = torch.unique_consecutive(logits.argmax(-1)).tolist()
        spoken = [i for i in best if i != self.tokenizer.pad_token_id]
        written = self.tokenizer.convert_ids_to_tokens(spoken)
        if self.units == "phones":
            return [token for token in written if token not in SPECIAL]
        text = "".join(" " if token == self.tokenizer.word_delimiter_token else token for token in written)
        return words_for_wer(text)

    def errors(self, model: Any, clips: Sequence[Clip]) -> tuple[int, int]:
        """Errors and units of clips: phones against the canonical ones, or words."""
        wrong = total = 0
        for clip in clips:
            flat = [unit for word in self.units_of(clip) for unit in word]
            reference = flat if self.units == "phones" else words_for_wer(clip.text)
            rate = metrics.per([reference], [self.write(model, clip)])
            wrong, total = wrong + round(rate * len(reference)), total + len(reference)
        return wrong, total

    def ship(self, folder: Path, base: str | None = None, mark: Fingerprint | None = None) -> None:
        """Make what `save_model` wrote a checkpoint that loads by itself; `mark` says what it was made of."""
        (folder / "training_args.bin").unlink(missing_ok=True)
        weights = folder / "model.safetensors"
        state = load_file(weights)
        kept = {name: value for name, value in state.items() if not name.startswith(f"{SECOND}.")}
        if len(kept) < len(state):
            _rewrite(weights, kept)
        self.tokenizer.save_pretrained(folder)
        self.extractor.save_pretrained(folder)
        name = base and description.base_name(base)
        symbols, shift = tuple(self.tokenizer.get_vocab()), HOP / SAMPLE_RATE
        what = Description("ctc", name, symbols, shift, fingerprint=mark)
        description.write(folder, what)


def _rewrite(path: Path, state: dict[str, Tensor]) -> None:
    # The tensors may be read from the very file, and a killed run must not leave half of one.
    made = path.with_name(f".{path.name}")
    save_file(state, made, metadata={"format": "pt"})
    made.replace(path)


def halve(folder: Path) -> None:
    """Keep the weights of a checkpoint in float16: half the size. A CPU still computes with float32."""
    weights, settings = folder / "model.safetensors", folder / "config.json"
    config = json.loads(settings.read_text(encoding="utf-8")) | {"dtype": "float16"}
    _rewrite(weights, {name: value.half() for name, value in load_file(weights).items()})
    settings.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


class CtcTrainer(AsrTrainer):
    """CTC on the tokens, and the teacher's frames where there is a teacher."""

    def __init__(self, *args: Any, speller: Speller, teacher_weight: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.speller, self.teacher_weight = speller, teacher_weight
        self.columns: list[list[int]] = []
        if speller.teacher is not None:
            self.columns = columns(speller.tokenizer.get_vocab(), frozenset(SPECIAL))

    def compute_loss(
        self, model: Any, inputs: Batch, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """The sum of both losses, each a mean over the batch."""
        lengths = inputs["lengths"]
        values, mask = inputs["input_values"], None
        if self.speller.extractor.return_attention_mask:
            mask = (torch.arange(values.shape[1], device=values.device) < lengths[:, None]).long()
        second = getattr(self.accelerator.unwrap_model(model), SECOND, None)
        output = model(values, attention_mask=mask, output_hidden_states=second is not None)
        log_probs = output.logits.float().log_softmax(-1)
        n_frames = self.accelerator.unwrap_model(model)._get_feat_extract_output_lengths(lengths)
        loss = ctc(log_probs, inputs["labels"], n_frames, self.speller.tokenizer.pad_token_id)
        if "heard" in inputs and self.teacher_weight:
            taught = distilled(log_probs, inputs["heard"], n_frames, self.columns)
            loss = loss + self.teacher_weight * taught
            if second is not None:
                guess = second(output.hidden_states[-1]).float()
                loss = loss + self.teacher_weight * placed(guess, inputs["nearest"], n_frames)
        return (loss, output) if return_outputs else loss


def ctc(log_probs: Tensor, labels: Tensor, n_frames: Tensor, blank: int) -> Tensor:
    """CTC loss per token, (batch, n_frames, n_tokens) against (batch, n_labels) padded with -100."""
    given = labels != IGNORED
    return nn.functional.ctc_loss(
        log_probs.transpose(0, 1),
        labels[given],
        n_frames.cpu(),
        given.sum(1).cpu(),
        blank=blank,
        zero_infinity=True,
    )
