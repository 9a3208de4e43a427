"""Read Whisper weights in the CTranslate2 layout and turn them into a transformers model.

CTranslate2's `model.bin` is a flat list of named arrays. The conversion is exact: it only undoes
the stacking of the attention projections (q, k, v in `self_attention/linear_0`; k and v in
`attention/linear_1`) and drops the key bias, which Whisper does not have and CTranslate2 stores
as zeros.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import WhisperConfig, WhisperForConditionalGeneration

from speechtutor.errors import ModelError, cause

Array = NDArray[np.generic]

_DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}
"""CTranslate2's data type ids that can be read here (bfloat16, id 5, is not a numpy type)."""

_HEAD_SIZE = 64
"""Every Whisper model has attention heads of this width."""


def _string(file: BinaryIO) -> str:
    (length,) = struct.unpack("<H", file.read(2))
    return file.read(length).rstrip(b"\0").decode()


def _variables(file: BinaryIO, count: int) -> Iterator[tuple[str, Array]]:
    for _ in range(count):
        name = _string(file)
        (rank,) = struct.unpack("<B", file.read(1))
        shape = struct.unpack(f"<{rank}I", file.read(4 * rank))
        dtype_id, n_bytes = struct.unpack("<BI", file.read(5))
        if dtype_id not in _DTYPES:
            raise ModelError(
                f"{name} has CTranslate2 data type {dtype_id}; only plain floats can be converted"
            )
        yield name, np.frombuffer(file.read(n_bytes), dtype=_DTYPES[dtype_id]).reshape(shape)


def read_variables(path: Path) -> dict[str, Array]:
    """The named arrays of a CTranslate2 `model.bin`, aliases resolved.

    Raises:
        ModelError: when the file is not a CTranslate2 Whisper model.
    """
    try:
        with path.open("rb") as file:
            version = struct.unpack("<I", file.read(4))[0]
            spec = _string(file)
            _revision, count = struct.unpack("<II", file.read(8))
            if version > 6 or spec != "WhisperSpec":
                raise ModelError(f"{path} is not a CTranslate2 Whisper model (format {version}, {spec})")
            variables = dict(_variables(file, count))
            (n_aliases,) = struct.unpack("<I", file.read(4))
            for _ in range(n_aliases):
                alias = _string(file)
                variables[alias] = variables[_string(file)]
    except (struct.error, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"{path} is damaged: {cause(error)}") from error
    return variables


def _attention(variables: dict[str, Array], source: str, target: str, *, cross: bool) -> dict[str, Array]:
    if cross:
        parts = {"q_proj": ("linear_0", 0, 1), "k_proj": ("linear_1", 0, 2), "v_proj": ("linear_1", 1, 2)}
        parts["out_proj"] = ("linear_2", 0, 1)
    else:
        parts = {name: ("linear_0", i, 3) for i, name in enumerate(("q_proj", "k_proj", "v_proj"))}
        parts["out_proj"] = ("linear_1", 0, 1)
    state: dict[str, Array] = {}
    for name, (linear, index, count) in parts.items():
        state[f"{target}.{name}.weight"] = np.split(variables[f"{source}/{linear}/weight"], count)[index]
        bias = np.split(variables[f"{source}/{linear}/bias"], count)[index]
        if name != "k_proj":
            state[f"{target}.{name}.bias"] = bias
        elif np.any(bias):
            raise ModelError(f"{source} has a key bias, which Whisper does not")
    norm = f"{target}_layer_norm"
    state[f"{norm}.weight"] = variables[f"{source}/layer_norm/gamma"]
    state[f"{norm}.bias"] = variables[f"{source}/layer_norm/beta"]
    return state


def _layer(variables: dict[str, Array], source: str, target: str, *, decoder: bool) -> dict[str, Array]:
    state = _attention(variables, f"{source}/self_attention", f"{target}.self_attn", cross=False)
    if decoder:
        state |= _attention(variables, f"{source}/attention", f"{target}.encoder_attn", cross=True)
    for i, name in enumerate(("fc1", "fc2")):
        for part in ("weight", "bias"):
            state[f"{target}.{name}.{part}"] = variables[f"{source}/ffn/linear_{i}/{part}"]
    state[f"{target}.final_layer_norm.weight"] = variables[f"{source}/ffn/layer_norm/gamma"]
    state[f"{target}.final_layer_norm.bias"] = variables[f"{source}/ffn/layer_norm/beta"]
    return state


def _state(variables: dict[str, Array], n_encoder: int, n_decoder: int) -> dict[str, Array]:
    state: dict[str, Array] = {}
    for side, count in (("encoder", n_encoder), ("decoder", n_decoder)):
        for i in range(count):
            layer = _layer(
                variables, f"{side}/layer_{i}", f"model.{side}.layers.{i}", decoder=side == "decoder"
            )
            state |= layer
        state[f"model.{side}.embed_positions.weight"] = variables[f"{side}/position_encodings/encodings"]
        state[f"model.{side}.layer_norm.weight"] = variables[f"{side}/layer_norm/gamma"]
        state[f"model.{side}.layer_norm.bias"] = variables[f"{side}/layer_norm/beta"]
    for i in (1, 2):
        for part in ("weight", "bias"):
            state[f"model.encoder.conv{i}.{part}"] = variables[f"encoder/conv{i}/{part}"]
    state["model.decoder.embed_tokens.weight"] = variables["decoder/embeddings/weight"]
    return state


def whisper_from_ct2(model_bin: Path) -> WhisperForConditionalGeneration:
    """A transformers Whisper in float32 with the weights of a CTranslate2 `model.bin`.

    Raises:
        ModelError: when the file is damaged, quantised or of another architecture.
    """
    variables = read_variables(model_bin)
    n_layers = [
        len({n.split("/")[1] for n in variables if n.startswith(f"{s}/layer_")} - {"layer_norm"})
        for s in ("encoder", "decoder")
    ]
    vocab_size, width = variables["decoder/embeddings/weight"].shape
    config = WhisperConfig(
        vocab_size=vocab_size,
        num_mel_bins=variables["encoder/conv1/weight"].shape[1],
        d_model=width,
        encoder_layers=n_layers[0],
        decoder_layers=n_layers[1],
        encoder_attention_heads=width // _HEAD_SIZE,
        decoder_attention_heads=width // _HEAD_SIZE,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
    )
    model = WhisperForConditionalGeneration(config)
    state = {k: torch.from_numpy(v.astype(np.float32)) for k, v in _state(variables, *n_layers).items()}
    missing, unexpected = model.load_state_dict(state, strict=False)
    if unexpected or set(missing) - {"proj_out.weight"}:
        raise ModelError(f"{model_bin} does not fit Whisper: missing {missing}, unexpected {unexpected}")
    model.tie_weights()
    model.eval()
    return model
