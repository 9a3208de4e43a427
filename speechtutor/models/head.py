"""The scoring head: a small transformer over the phones of an utterance.

After GOPT (Gong et al., 2022): the canonical phone, its features and its place go in, the scores of
phones, words and the utterance come out. New here: pooled encoder frames beside the likelihood
ratios, a direct path from the utterance's moments to its scores, lexical stress, and an error
logit beside the regression. Several heads of different seeds are averaged.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from speechtutor.core.score import UTTERANCE_ASPECTS, WORD_ASPECTS
from speechtutor.scoring.features import EDGES, Features
from speechtutor.text.phones import PHONES

MAX_PHONES = 512


@dataclass(frozen=True)
class Shape:
    """Sizes of a head; one with `n_dims` 0 does without the encoder's frames."""

    n_phone_numbers: int
    n_dims: int
    n_utterance_numbers: int
    width: int = 64
    layers: int = 3
    heads: int = 2
    dropout: float = 0.1
    embedding_dropout: float = 0.3
    bottleneck: int = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded features; `valid` (batch, n_phones) marks the real phones."""

    phones: Tensor
    embedding: Tensor
    canonical: Tensor
    edge: Tensor
    stress: Tensor
    word: Tensor
    utterance: Tensor
    moments: Tensor
    valid: Tensor

    @classmethod
    def of(cls, features: Sequence[Features]) -> Batch:
        """Stack utterances of different lengths."""

        def pad(name: str) -> Tensor:
            arrays = [torch.from_numpy(np.ascontiguousarray(getattr(f, name))) for f in features]
            return nn.utils.rnn.pad_sequence(arrays, batch_first=True)

        names = ("phones", "embedding", "canonical", "edge", "stress", "word")
        lengths = torch.tensor([len(f.canonical) for f in features])
        valid = torch.arange(int(lengths.max()))[None] < lengths[:, None]
        whole = {
            name: torch.from_numpy(np.stack([getattr(f, name) for f in features]))
            for name in ("utterance", "moments")
        }
        return cls(**{name: pad(name) for name in names}, **whole, valid=valid)

    def __getitem__(self, rows: Tensor) -> Batch:
        """Some of the utterances, cut to the longest of them."""
        longest = int(self.valid[rows].sum(1).max())
        cut = {
            n: getattr(self, n)[rows][:, :longest]
            for n in ("phones", "embedding", "canonical", "edge", "stress", "word", "valid")
        }
        return Batch(**cut, utterance=self.utterance[rows], moments=self.moments[rows])


@dataclass(frozen=True, slots=True)
class Scores:
    """On the raters' 0-2 scale: `phones` (batch, n_phones), `words` (.., n_words, 3), `utterances` (.., 4).

    `errors` (batch, n_phones) are logits of "rated wrong".
    """

    phones: Tensor
    errors: Tensor
    words: Tensor
    utterances: Tensor


class Head(nn.Module):
    """One head; `normalise` must be given the training features first."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        for name, size in (
            ("phones", shape.n_phone_numbers),
            ("embedding", shape.n_dims),
            ("utterance", shape.n_utterance_numbers),
            ("moments", 2 * shape.n_dims),
        ):
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_scale", torch.ones(size))
        self.numbers = nn.Linear(shape.n_phone_numbers, width)
        self.embedding = nn.Sequential(nn.Dropout(shape.embedding_dropout), _linear(shape.n_dims, width))
        self.canonical = nn.Embedding(len(PHONES), width)
        self.edge = nn.Embedding(len(EDGES), width)
        self.stress = nn.Embedding(4, width)
        self.position = nn.Parameter(torch.zeros(MAX_PHONES, width))
        self.tokens = nn.Parameter(torch.zeros(len(UTTERANCE_ASPECTS), width))
        layer = nn.TransformerEncoderLayer(
            width, shape.heads, 2 * width, shape.dropout, "gelu", batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, shape.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.phone = nn.Linear(width, 1)
        self.error = nn.Linear(width, 1)
        self.word = nn.Linear(2 * width, len(WORD_ASPECTS))
        self.narrow = nn.Sequential(nn.Dropout(0.5), _linear(2 * shape.n_dims, shape.bottleneck), nn.GELU())
        self.utterance = nn.Linear(width, 1)
        self.direct = nn.Sequential(
            nn.Linear(shape.n_utterance_numbers + shape.bottleneck, 32),
            nn.GELU(),
            nn.Dropout(shape.dropout),
            nn.Linear(32, len(UTTERANCE_ASPECTS)),
        )
        for bias in (self.phone.bias, self.word.bias):
            nn.init.constant_(bias, 1.7)
        nn.init.constant_(self.utterance.bias, 1.4)
        nn.init.normal_(self.tokens, std=0.02)

    def fit_scales(self, batch: Batch) -> None:
        """Take means and deviations of the inputs from the training data."""
        real = batch.valid
        columns = {
            "phones": batch.phones[real],
            "embedding": batch.embedding[real],
            "utterance": batch.utterance,
            "moments": batch.moments,
        }
        for name, values in columns.items():
            if not values.shape[-1]:
                continue
            getattr(self, f"{name}_mean").copy_(values.mean(0))
            getattr(self, f"{name}_scale").copy_(values.std(0).clamp(min=1e-3))

    def _scaled(self, batch: Batch, name: str) -> Tensor:
        value: Tensor = (getattr(batch, name) - getattr(self, f"{name}_mean")) / getattr(
            self, f"{name}_scale"
        )
        return value.clamp(-6, 6)

    def forward(self, batch: Batch) -> Scores:
        """Scores of a padded batch; padding does not matter."""
        n = batch.canonical.shape[1]
        x = self.numbers(self._scaled(batch, "phones")) + self.embedding(self._scaled(batch, "embedding"))
        x = (
            x
            + self.canonical(batch.canonical)
            + self.edge(batch.edge)
            + self.stress(batch.stress)
            + self.position[:n]
        )
        n_tokens = len(self.tokens)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], dim=1)
        hidden_away = torch.cat([batch.valid.new_zeros(len(x), n_tokens), ~batch.valid], dim=1)
        x = self.norm(self.layers(x, src_key_padding_mask=hidden_away))
        tokens, units = x[:, :n_tokens], x[:, n_tokens:]
        direct = torch.cat(
            [self._scaled(batch, "utterance"), self.narrow(self._scaled(batch, "moments"))], dim=1
        )
        return Scores(
            phones=self.phone(units)[..., 0],
            errors=self.error(units)[..., 0],
            words=self.word(_by_word(units, batch.word, batch.valid)),
            utterances=self.utterance(tokens)[..., 0] + self.direct(direct),
        )


def _linear(n_in: int, n_out: int) -> nn.Linear:
    with warnings.catch_warnings():
        # Without the encoder's frames there is no weight to draw.
        warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
        return nn.Linear(n_in, n_out)


def _by_word(units: Tensor, word: Tensor, valid: Tensor) -> Tensor:
    """Mean and minimum over the phones of each word: (batch, n_words, 2 * width)."""
    n_words = int(word.max()) + 1
    member = (word[:, None] == torch.arange(n_words)[None, :, None]) & valid[:, None]
    mean = member.float() @ units / member.sum(-1, keepdim=True).clamp(min=1)
    low = units[:, None].masked_fill(~member[..., None], 1e4).amin(2)
    return torch.cat([mean, low.masked_fill(low > 1e3, 0.0)], dim=-1)


class Ensemble(nn.Module):
    """The mean of several heads."""

    def __init__(self, shape: Shape, n_heads: int) -> None:
        super().__init__()
        self.shape = shape
        self.members = nn.ModuleList(Head(shape) for _ in range(n_heads))

    def forward(self, batch: Batch) -> Scores:
        """Averaged scores and error logits."""
        every = [member(batch) for member in self.members]
        return Scores(
            *(
                torch.stack([getattr(s, name) for s in every]).mean(0)
                for name in ("phones", "errors", "words", "utterances")
            )
        )


def load_ensemble(settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> Ensemble:
    """An ensemble from its saved shape and weights."""
    ensemble = Ensemble(Shape(**settings["shape"]), settings["n_heads"])
    ensemble.load_state_dict({k: v.float() for k, v in weights.items()})
    return ensemble.eval()
