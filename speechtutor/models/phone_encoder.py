"""A phone recogniser on a pretrained speech encoder: Whisper, Wav2Vec2, HuBERT, WavLM or Data2Vec.

A layer norm and a linear layer on the encoder's last layer give CTC log-probabilities of the 39
ARPAbet phones and the blank. Whisper's encoder runs on input cropped to the utterance.

Beside the CTC head stands a small rater head: it pools the encoder over each phone's frames and
predicts the raters' scores of phone, word and utterance. It is trained together with the CTC loss,
so that the encoder keeps what tells a good sound from a poor one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from speechtutor import core
from speechtutor.core.score import UTTERANCE_ASPECTS
from speechtutor.models.whisper_encoder import encode_with, n_states

SYMBOLS = (
    "<blank>", "AA", "AE", "AH", "AO", "AW", "AY", "B", "CH", "D", "DH", "EH", "ER", "EY", "F", "G",
    "HH", "IH", "IY", "JH", "K", "L", "M", "N", "NG", "OW", "OY", "P", "R", "S", "SH", "T", "TH",
    "UH", "UW", "V", "W", "Y", "Z", "ZH",
)  # fmt: skip
"""The columns of the emission; the order is part of every trained checkpoint."""

FRAME_SHIFT = 0.02
"""Seconds; two 10 ms mel frames in Whisper, 320 samples in the Wav2Vec2 family."""

N_FFT, HOP = 400, 160


@cache
def _mel_filters(n_mels: int) -> Tensor:
    from transformers import WhisperFeatureExtractor

    return torch.from_numpy(WhisperFeatureExtractor(feature_size=n_mels).mel_filters).float()


def log_mel(samples: Tensor, n_mels: int = 80) -> Tensor:
    """Whisper's log-mel spectrogram without its padding to 30 s.

    `samples` (n_samples,) at 16 kHz; returns (n_mels, n_samples // 160).
    """
    window = torch.hann_window(N_FFT, device=samples.device)
    spectrum = torch.stft(samples, N_FFT, HOP, window=window, return_complex=True)[..., :-1].abs() ** 2
    mel = _mel_filters(n_mels).to(samples.device).T @ spectrum
    log = mel.clamp(min=1e-10).log10()
    return (torch.maximum(log, log.max() - 8.0) + 4.0) / 4.0


@dataclass(frozen=True, slots=True)
class Frames:
    """What the network says of a batch.

    `log_probs` (batch, n_frames, n_symbols), `hidden` (batch, n_frames, width), `lengths` (batch,); `lower`
    as `log_probs`, of the head on a lower layer where there is one.
    """

    log_probs: Tensor
    hidden: Tensor
    lengths: Tensor
    lower: Tensor | None = None


@dataclass(frozen=True, slots=True)
class RaterOutput:
    """Predicted scores on the raters' 0-2 scale.

    `phones` (n_phones,), `words` (n_words,), `utterances` (batch, 4) as `UTTERANCE_ASPECTS`; phones
    and words of the batch stand one after another.
    """

    phones: Tensor
    words: Tensor
    utterances: Tensor


class RaterHead(nn.Module):
    """Scores from pooled encoder frames; light on purpose, so that the encoder does the work."""

    def __init__(self, width: int, n_symbols: int, hidden: int = 128) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.project = nn.Linear(width, hidden)
        self.canonical = nn.Embedding(n_symbols, hidden)
        self.dropout = nn.Dropout(0.2)
        self.phone = nn.Linear(hidden, 1)
        self.word = nn.Linear(hidden, 1)
        whole = nn.Linear(2 * width, len(UTTERANCE_ASPECTS))
        self.utterance = nn.Sequential(nn.LayerNorm(2 * width), nn.Dropout(0.2), whole)
        for layer in (self.phone, self.word, whole):
            nn.init.constant_(layer.bias, 1.6)

    def forward(
        self, frames: Frames, pools: Sequence[Tensor], phones: Sequence[Tensor], words: Sequence[Tensor]
    ) -> RaterOutput:
        """`pools[b]` (n_phones, n_frames) rows sum to 1; `words[b]` (n_phones,) word index of each phone."""
        pooled = torch.cat([p @ frames.hidden[b, : p.shape[1]] for b, p in enumerate(pools)])
        unit = nn.functional.gelu(self.project(self.norm(pooled)) + self.canonical(torch.cat(list(phones))))
        unit = self.dropout(unit)
        offset, rows = 0, []
        for word in words:
            rows.append(word + offset)
            offset += int(word.max()) + 1
        index = torch.cat(rows)
        counts = torch.zeros(offset, device=unit.device).index_add_(
            0, index, torch.ones_like(index, dtype=torch.float)
        )
        sums = torch.zeros(offset, unit.shape[1], device=unit.device).index_add_(0, index, unit.float())
        word_units = sums / counts[:, None]
        spans = [frames.hidden[b, : int(n)] for b, n in enumerate(frames.lengths)]
        moments = torch.stack([torch.cat([s.mean(0), s.std(0)]) for s in spans])
        return RaterOutput(self.phone(unit)[:, 0], self.word(word_units)[:, 0], self.utterance(moments))


class LowerHead(nn.Module):
    """CTC log-probabilities from a lower layer, which has put less of the word into each sound.

    The last layers hear what should be there: a lower one finds more of the sounds that were said wrong
    (`recipes.train_lower_head`). It looks 40 ms to each side.
    """

    def __init__(self, width: int, layer: int, hidden: int = 256, n_symbols: int = len(SYMBOLS)) -> None:
        super().__init__()
        self.layer = layer
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Conv1d(width, hidden, 5, padding=2)
        self.symbols = nn.Linear(hidden, n_symbols)

    def forward(self, states: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(batch, n_frames, width) to (batch, n_frames, n_symbols); `lengths` as in `Frames`."""
        normed = self.norm(states.float())
        if lengths is not None:
            # Behind the end it must hear the silence that a recording by itself ends in.
            inside = torch.arange(normed.shape[1], device=normed.device) < lengths[:, None]
            normed = normed * inside[..., None]
        mixed = self.mix(normed.transpose(1, 2)).transpose(1, 2)
        log_probs: Tensor = self.symbols(nn.functional.gelu(mixed)).float().log_softmax(-1)
        return log_probs


class PhoneEncoder(nn.Module):
    """Encoder, CTC head and rater head; `lower` where a checkpoint has one."""

    def __init__(self, encoder: nn.Module, n_symbols: int = len(SYMBOLS)) -> None:
        super().__init__()
        config: Any = encoder.config
        self.encoder = encoder
        self.is_whisper = hasattr(config, "num_mel_bins") and hasattr(config, "max_source_positions")
        self.n_mels = int(config.num_mel_bins) if self.is_whisper else 0
        width = int(config.d_model if self.is_whisper else config.hidden_size)
        self.norm = nn.LayerNorm(width)
        self.symbols = nn.Linear(width, n_symbols)
        self.rater = RaterHead(width, n_symbols)
        self.lower: LowerHead | None = None

    @property
    def pads(self) -> bool:
        """Whether recordings of several lengths may be heard at once; a norm over all of time forbids it."""
        config: Any = self.encoder.config
        return self.is_whisper or getattr(config, "feat_extract_norm", "group") == "layer"

    def features(self, samples: Tensor) -> Tensor:
        """Input of the encoder for one recording: log-mel for Whisper, else the normalised wave."""
        if self.is_whisper:
            return log_mel(samples, self.n_mels)
        return (samples - samples.mean()) / (samples.std() + 1e-7)

    def forward(self, features: Sequence[Tensor]) -> Frames:
        """`features` as made by `features`, one per recording, of any lengths."""
        lower = None
        if self.is_whisper:
            hidden, kept, lengths = self._whisper(features, self.lower.layer if self.lower else 0)
            lower = self.lower(kept, lengths) if self.lower else None
        else:
            hidden, lengths = self._waveform(features)
        logits = self.symbols(self.norm(hidden)).float()
        return Frames(logits.log_softmax(-1), hidden.float(), lengths, lower)

    def _whisper(self, mels: Sequence[Tensor], layer: int) -> tuple[Tensor, Tensor, Tensor]:
        n_frames = torch.tensor([m.shape[1] for m in mels], device=mels[0].device)
        batch = nn.utils.rnn.pad_sequence([m.T for m in mels], batch_first=True).transpose(1, 2)
        states, kept = encode_with(self.encoder, batch, n_frames, layer)
        return states, kept, n_states(n_frames)

    def _waveform(self, waves: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        encoder: Any = self.encoder
        n_samples = torch.tensor([len(w) for w in waves], device=waves[0].device)
        batch = nn.utils.rnn.pad_sequence(list(waves), batch_first=True)
        mask = torch.arange(batch.shape[1], device=batch.device)[None] < n_samples[:, None]
        hidden = encoder(batch, attention_mask=mask.long()).last_hidden_state
        return hidden, encoder._get_feat_extract_output_lengths(n_samples)


def pool_weights(spans: Sequence[tuple[int, int]], n_frames: int) -> Tensor:
    """Mean-pooling matrix (n_phones, n_frames) for half-open frame spans."""
    weights = torch.zeros(len(spans), n_frames)
    for i, (start, end) in enumerate(spans):
        weights[i, start:end] = 1.0 / (end - start)
    return weights


@torch.inference_mode()
def first_guesses(
    head: RaterHead, emission: core.Emission, alignment: core.Alignment, device: torch.device
) -> core.Ratings | None:
    """The rater head's opinion of an aligned emission; None where the emission has no embedding."""
    if emission.embedding is None:
        return None
    spans = [(phone.start_frame, phone.end_frame) for phone in alignment.phones]
    hidden = torch.from_numpy(emission.embedding)[None].to(device)
    n_frames = hidden.shape[1]
    frames = Frames(hidden.new_zeros(1, n_frames, 0), hidden, torch.tensor([n_frames]))
    canonical = torch.tensor([SYMBOLS.index(phone.canonical) for phone in alignment.phones])
    word = torch.tensor([phone.word for phone in alignment.phones])
    pools = [pool_weights(spans, n_frames).to(device)]
    got = head(frames, pools, [canonical.to(device)], [word.to(device)])
    # The network rates from 0 to 2, as the corpus does.
    phones, words, whole = (x.float().cpu().numpy() / 2 for x in (got.phones, got.words, got.utterances))
    return core.Ratings(phones, words, whole[0])


REACH = 5
"""Frames (100 ms) that a phone may claim of the blanks around its peak."""


def spans_of_path(path: Sequence[int], blank: int = 0) -> list[tuple[int, int]]:
    """Half-open frame spans of the phones of a CTC path.

    Blanks between two phones are shared at the middle, at most `REACH` frames to each; CTC
    posteriors are peaky, so that a phone's frames are mostly labelled blank.
    """
    peaks: list[list[int]] = []
    previous = blank
    for t, symbol in enumerate(path):
        if symbol != blank:
            if symbol == previous and peaks and peaks[-1][1] == t:
                peaks[-1][1] = t + 1
            else:
                peaks.append([t, t + 1])
        previous = symbol
    spans = []
    for i, (start, end) in enumerate(peaks):
        left = peaks[i - 1][1] if i else 0
        right = peaks[i + 1][0] if i + 1 < len(peaks) else len(path)
        first = max(start - REACH, start - (start - left) // 2 if i else left)
        last = min(end + REACH, end + (right - end + 1) // 2 if i + 1 < len(peaks) else right)
        spans.append((first, last))
    return spans
