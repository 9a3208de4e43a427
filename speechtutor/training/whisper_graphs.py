"""Whisper as three networks that ONNX can hold: encoder, the keys of what was heard, one decoder step.

Written out layer by layer, because the library's own decoder hides its memory in Python objects. The
decoder takes any number of tokens and what it remembers of those before them, so the same network
writes a text token by token and reads a finished one at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from speechtutor.models.whisper_encoder import encode


class EncoderGraph(nn.Module):
    """Log-mel spectrogram (1, n_mels, n_frames) to states (1, n_frames // 2, width), any length."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.encoder = model.model.encoder

    def forward(self, mel: Tensor) -> Tensor:
        """The encoder without its check for 30 s."""
        return encode(self.encoder, mel)


def _heads(hidden: Tensor, n_heads: int, size: int) -> Tensor:
    """(1, n, n_heads * size) to (1, n_heads, n, size)."""
    return hidden.view(1, -1, n_heads, size).transpose(1, 2)


class KeysGraph(nn.Module):
    """States to the keys and values that every decoder layer looks up, (n_layers, 1, n_heads, n, size)."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.layers = model.model.decoder.layers
        n_heads: int = model.config.decoder_attention_heads
        self.shape = n_heads, model.config.d_model // n_heads

    def forward(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Computed once a window."""
        looks = [layer.encoder_attn for layer in self.layers]
        keys = torch.stack([_heads(look.k_proj(states), *self.shape) for look in looks])
        return keys, torch.stack([_heads(look.v_proj(states), *self.shape) for look in looks])


class DecoderGraph(nn.Module):
    """Tokens and memory to logits, attention and memory; `heads` are the (layer, head) that place words."""

    def __init__(self, model: Any, heads: Sequence[Sequence[int]]) -> None:
        super().__init__()
        self.decoder = model.model.decoder
        n_heads: int = model.config.decoder_attention_heads
        self.shape = n_heads, model.config.d_model // n_heads
        self.heads = [(int(layer), int(head)) for layer, head in heads]

    def forward(
        self, ids: Tensor, keys: Tensor, values: Tensor, heard_keys: Tensor, heard_values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """`ids` (1, n); `keys`, `values` of the m tokens before, (n_layers, 1, n_heads, m, size).

        Returns logits (1, n, n_symbols), attention of the chosen heads (n_chosen, n, n_states), and
        keys and values of all m + n tokens.
        """
        decoder = self.decoder
        before = keys.shape[3]
        every = torch.arange(before + ids.shape[1])
        places = decoder.embed_positions.weight[before : before + ids.shape[1]]
        hidden = decoder.embed_tokens(ids) + places
        allowed = every[None, :] <= every[before:, None]
        own_keys, own_values, attention = [], [], []
        for i, layer in enumerate(decoder.layers):
            normed = layer.self_attn_layer_norm(hidden)
            own = layer.self_attn
            own_keys.append(torch.cat([keys[i], _heads(own.k_proj(normed), *self.shape)], dim=2))
            own_values.append(torch.cat([values[i], _heads(own.v_proj(normed), *self.shape)], dim=2))
            queries = _heads(own.q_proj(normed), *self.shape)
            mixed, _ = self._attend(queries, own_keys[i], own_values[i], allowed)
            hidden = hidden + own.out_proj(mixed)
            look = layer.encoder_attn
            queries = _heads(look.q_proj(layer.encoder_attn_layer_norm(hidden)), *self.shape)
            mixed, weights = self._attend(queries, heard_keys[i], heard_values[i], None)
            attention += [weights[0, head] for at, head in self.heads if at == i]
            hidden = hidden + look.out_proj(mixed)
            inner = nn.functional.gelu(layer.fc1(layer.final_layer_norm(hidden)))
            hidden = hidden + layer.fc2(inner)
        logits = nn.functional.linear(decoder.layer_norm(hidden), decoder.embed_tokens.weight)
        return logits, torch.stack(attention), torch.stack(own_keys), torch.stack(own_values)

    def _attend(
        self, queries: Tensor, keys: Tensor, values: Tensor, allowed: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Attention written out, since its weights are wanted; (1, n, width) and (1, n_heads, n, m)."""
        scores = queries @ keys.transpose(2, 3) * self.shape[1] ** -0.5
        if allowed is not None:
            scores = scores.masked_fill(~allowed, float("-inf"))
        weights = scores.softmax(-1)
        mixed = (weights @ values).transpose(1, 2)
        return mixed.reshape(1, -1, self.shape[0] * self.shape[1]), weights
