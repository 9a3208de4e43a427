"""Smaller and quicker copies of trained networks: merged, pruned, as CTranslate2 or ONNX, in 8 bits.

Nothing here judges what is lost; `recipes.export_model` measures before and after, and refuses.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from speechtutor import hub
from speechtutor.errors import InputError, ModelError, require
from speechtutor.hub import description
from speechtutor.hub.description import Description, Kind
from speechtutor.models import acoustic_onnx, whisper, whisper_onnx
from speechtutor.models.phone_encoder import FRAME_SHIFT, SYMBOLS, PhoneEncoder
from speechtutor.models.whisper_encoder import encode
from speechtutor.training.whisper_graphs import DecoderGraph, EncoderGraph, KeysGraph

CT2_TYPES = ("int8", "int8_float16", "float16", "float32")
OPSET = 18


def merged_whisper(checkpoint: str | Path, adapter: str | Path | None, out: Path, prune: float = 0.0) -> Path:
    """A Whisper with its adapter merged in, as a checkpoint of transformers that needs neither.

    `prune` is the share of feed-forward units that go, see `prune_feed_forward`.

    Raises:
        ModelError: when there is no such checkpoint or adapter.
    """
    loaded = whisper.load(checkpoint, "cpu", adapter=adapter)
    model = loaded.model.float()
    if prune:
        for side in (model.model.encoder, model.model.decoder):
            prune_feed_forward(side, prune)
        model.config.encoder_ffn_dim = model.model.encoder.layers[0].fc1.out_features
        model.config.decoder_ffn_dim = model.model.decoder.layers[0].fc1.out_features
    out.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(out)
    loaded.tokenizer.save_pretrained(out)
    loaded.extractor.save_pretrained(out)
    parts = {"checkpoint": checkpoint, "adapter": adapter, "prune": prune}
    made = {k: hub.content(v) if isinstance(v, str | Path) else v for k, v in parts.items()}
    description.write(out, Description("whisper", description.base_name(checkpoint), fingerprint=made))
    return out


def _like(checkpoint: Path, kind: Kind) -> Description:
    """The description of what is made of a checkpoint."""
    before = description.own(checkpoint) or Description("whisper", checkpoint.name)
    return replace(before, kind=kind)


def _feed_forward(network: nn.Module) -> Iterator[tuple[nn.Module, nn.Linear, nn.Linear]]:
    for module in network.modules():
        first, second = getattr(module, "fc1", None), getattr(module, "fc2", None)
        if isinstance(first, nn.Linear) and isinstance(second, nn.Linear):
            yield module, first, second


@torch.no_grad()
def prune_feed_forward(network: nn.Module, share: float) -> int:
    """Take the weakest units out of every feed-forward layer, in place; returns how many weights went.

    A unit's strength is the product of the norms of what it reads and what it writes (magnitude
    pruning, Han et al., 2015, of whole units: so that matrices shrink and any runtime gains).

    Raises:
        InputError: for a share that leaves nothing, or a network without feed-forward layers.
    """
    if not 0 <= share < 1:
        raise InputError(f"the share to prune must be at least 0 and below 1, not {share}")
    gone, layers = 0, list(_feed_forward(network))
    if not layers:
        raise InputError("this network has no feed-forward layers (fc1, fc2) to prune")
    for module, first, second in layers:
        strength = first.weight.norm(dim=1) * second.weight.norm(dim=0)
        n_kept = max(1, round(first.out_features * (1 - share)))
        kept = strength.topk(n_kept).indices.sort().values
        gone += first.weight.numel() + second.weight.numel()
        module.fc1 = _linear(first.weight[kept], None if first.bias is None else first.bias[kept])
        module.fc2 = _linear(second.weight[:, kept], second.bias)
        gone -= module.fc1.weight.numel() + module.fc2.weight.numel()
    return gone


def _linear(weight: Tensor, bias: Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight = nn.Parameter(weight.clone())
    if bias is not None:
        layer.bias = nn.Parameter(bias.clone())
    return layer


def whisper_to_ct2(checkpoint: Path, out: Path, quantization: str) -> Path:
    """A folder for faster-whisper from a checkpoint that `merged_whisper` wrote.

    On a CPU faster-whisper computes in 8 bits whatever the file holds, on a GPU in float16.

    Raises:
        InputError: for a quantisation that is none of `CT2_TYPES`.
        MissingExtraError: when CTranslate2 is not installed.
        ModelError: when it refuses the checkpoint.
    """
    if quantization not in CT2_TYPES:
        raise InputError(f"quantisation {quantization!r} is none of {', '.join(CT2_TYPES)}")
    converters = require("ctranslate2.converters", extra="whisper")
    files = [name for name in ("tokenizer.json", "preprocessor_config.json") if (checkpoint / name).is_file()]
    try:
        converter = converters.TransformersConverter(str(checkpoint), copy_files=files)
        converter.convert(str(out), quantization=quantization, force=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(f"{checkpoint} cannot be converted by CTranslate2: {reason}") from error
    description.write(out, _like(checkpoint, "whisper-ct2"))
    return out


class _Phones(nn.Module):
    """The network of one recording: no padding, no mask, so that its length stays free."""

    def __init__(self, network: PhoneEncoder) -> None:
        super().__init__()
        self.network = network

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        """`mel` (1, n_mels, n_frames); log-probabilities and last layer, (1, n_frames // 2, ...)."""
        hidden = encode(self.network.encoder, mel)
        return self.network.symbols(self.network.norm(hidden)).log_softmax(-1), hidden


def phones_to_onnx(
    network: PhoneEncoder, out: Path, *, rates: bool = False, int8: bool = False, source: str = ""
) -> Path:
    """A folder for `speechtutor.models.acoustic_onnx`; with `int8` its matrices are 8-bit integers.

    Raises:
        InputError: for a network that does not stand on Whisper's encoder.
        MissingExtraError: when the onnx package is not installed.
    """
    if not network.is_whisper:
        raise InputError("only a phone recogniser on Whisper's encoder can be exported to ONNX")
    out.mkdir(parents=True, exist_ok=True)
    target = out / acoustic_onnx.FILE
    mel = torch.zeros(1, network.n_mels, 300)
    free = {"mel": {2: "frames"}, "log_probs": {1: "states"}, "hidden": {1: "states"}}
    _to_onnx(_Phones(network), {"mel": mel}, ["log_probs", "hidden"], free, target)
    if int8:
        quantise(target)
    if rates:
        rater = {name: value.contiguous() for name, value in network.rater.state_dict().items()}
        save_file(rater, out / "rater.safetensors")
    settings = {
        "format": acoustic_onnx.FORMAT, "source": source, "symbols": SYMBOLS, "n_mels": network.n_mels,
        "width": network.symbols.in_features, "rated": rates, "int8": int8,
    }  # fmt: skip
    (out / "config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    made = {"source": hub.content(source) if source else None, "int8": int8}
    base, aspects = source and description.base_name(source), description.ALL_RATED if rates else ()
    description.write(out, Description("phones-onnx", base or None, SYMBOLS, FRAME_SHIFT, aspects, made))
    return out


@torch.no_grad()
def _to_onnx(
    network: nn.Module,
    inputs: dict[str, Tensor],
    outputs: Sequence[str],
    free: dict[str, dict[int, str]],
    to: Path,
) -> None:
    """Trace a network; `free` are the axes of inputs and outputs that may have any length."""
    require("onnx", extra="export")
    with warnings.catch_warnings():
        # The tracing exporter needs one package less than its successor; torch is pinned below its end.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            tuple(inputs.values()),
            str(to),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=free,
            opset_version=OPSET,
            dynamo=False,
        )


def whisper_to_onnx(checkpoint: Path, out: Path, *, int8: bool = False) -> Path:
    """A folder for `speechtutor.models.whisper_onnx` from a checkpoint that `merged_whisper` wrote.

    Raises:
        MissingExtraError: when the onnx package is not installed.
    """
    loaded = whisper.load(checkpoint, "cpu")
    model, config = loaded.model.float(), loaded.model.config
    out.mkdir(parents=True, exist_ok=True)
    mel, states = torch.zeros(1, config.num_mel_bins, 200), torch.zeros(1, 100, config.d_model)
    layers, heads = config.decoder_layers, config.decoder_attention_heads
    empty = torch.zeros(layers, 1, heads, 3, config.d_model // heads)
    heard = torch.zeros(layers, 1, heads, 100, config.d_model // heads)
    decoder = {"ids": torch.tensor([[1, 2]]), "keys": empty, "values": empty.clone()}
    decoder |= {"heard_keys": heard, "heard_values": heard.clone()}
    _to_onnx(
        EncoderGraph(model), {"mel": mel}, ["states"], {"mel": {2: "frames"}, "states": {1: "states"}},
        out / whisper_onnx.ENCODER,
    )  # fmt: skip
    kept = {name: {3: "states"} for name in ("heard_keys", "heard_values")}
    _to_onnx(
        KeysGraph(model),
        {"states": states},
        list(kept),
        {"states": {1: "states"}} | kept,
        out / whisper_onnx.KEYS,
    )
    free = {"ids": {1: "new"}, "keys": {3: "before"}, "values": {3: "before"}, "logits": {1: "new"}}
    free |= {"attention": {1: "new", 2: "states"}, "all_keys": {3: "every"}, "all_values": {3: "every"}}
    outputs = ["logits", "attention", "all_keys", "all_values"]
    _to_onnx(DecoderGraph(model, loaded.heads), decoder, outputs, free | kept, out / whisper_onnx.DECODER)
    if int8:
        for name in (whisper_onnx.ENCODER, whisper_onnx.KEYS, whisper_onnx.DECODER):
            quantise(out / name)
    config.save_pretrained(out)
    model.generation_config.save_pretrained(out)
    loaded.tokenizer.save_pretrained(out)
    loaded.extractor.save_pretrained(out)
    description.write(out, _like(checkpoint, "whisper-onnx"))
    return out


def quantise(path: Path) -> None:
    """Matrices of an ONNX file as 8-bit integers, one scale a column, in place; what comes in is scaled live.

    Raises:
        MissingExtraError: when the onnx package is not installed.
    """
    require("onnx", extra="export")
    from onnxruntime.quantization import QuantType, quantize_dynamic

    small = path.with_suffix(".int8")
    quantize_dynamic(
        path, small, op_types_to_quantize=["MatMul", "Gather"], per_channel=True, weight_type=QuantType.QInt8
    )
    small.replace(path)


def scorer_with(acoustic: Path, scorer: Path, out: Path) -> Path:
    """A scorer folder with the head of another one and an exported recogniser inside."""
    settings = json.loads((scorer / "config.json").read_text(encoding="utf-8"))
    out.mkdir(parents=True, exist_ok=True)
    if acoustic != out / "acoustic":
        shutil.copytree(acoustic, out / "acoustic", dirs_exist_ok=True)
    shutil.copy2(scorer / "head.safetensors", out / "head.safetensors")
    settings["acoustic"] = "acoustic"
    before = description.own(scorer) or Description("scorer", rates=description.ALL_RATED)
    description.write(out, replace(before, base="acoustic"))
    (out / "config.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    return out
