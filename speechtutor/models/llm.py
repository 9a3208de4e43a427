"""A language model on this machine that words the tutor's advice.

Any causal language model with a chat template, from the store, the hub or a directory, through
transformers with an optional LoRA adapter; the project's own small model through CTranslate2 in
int8 where there is no GPU, about three times as quick there.
"""

from __future__ import annotations

import copy
import importlib.util
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import Cache

from speechtutor import engines, hub
from speechtutor.errors import ModelError, require
from speechtutor.hub import description
from speechtutor.models.adapters import ADAPTER, merged
from speechtutor.models.convert import smollm_checkpoint
from speechtutor.models.device import pick
from speechtutor.stages import Message
from speechtutor.tutor.engine import adapter_settings
from speechtutor.tutor.phrasing import LlmTutor

DEFAULT = "smollm2-135m-instruct"
CT2_LAYOUT = "ctranslate2-int8-1"
PREFIXES = 8
"""Prompt beginnings whose keys and values are kept, one for each kind of finding."""

Engine = Literal["auto", "transformers", "ctranslate2"]


class TransformersEngine:
    """Greedy writing with any causal model of transformers."""

    def __init__(
        self,
        checkpoint: str | Path,
        device: str | None = None,
        *,
        adapter: str | Path | None = None,
        name: str | None = None,
    ) -> None:
        """Load a hub name or directory, with a LoRA adapter merged in when one is given.

        Raises:
            ModelError: when it cannot be loaded or has no chat template.
        """
        self.name = name or Path(checkpoint).name
        # Writing one token at a time, bfloat16 gains a CPU little (measured: a seventh), so it stays exact.
        where = pick(device)
        self.device = where.name
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(checkpoint)
            model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=where.dtype)
            if adapter is not None:
                model = merged(model, adapter, description.TUTOR_ADAPTER)
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"cannot load the language model {checkpoint}: {_first_line(error)}") from error
        _need_template(self.tokenizer, checkpoint)
        self.model = model.to(self.device).eval()
        self._stops = _stop_ids(self.tokenizer, self.model.generation_config.eos_token_id)
        self._prefixes: OrderedDict[tuple[int, ...], Cache] = OrderedDict()
        self._lock = Lock()

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, one per token; closing the iterator stops the writing."""
        ids, n_fixed = _encode(self.tokenizer, messages)
        return _pieces(self.tokenizer, self._greedy(ids, n_fixed, max_tokens))

    def _greedy(self, ids: list[int], n_fixed: int, max_tokens: int) -> Iterator[int]:
        # transformers' own generate() cannot be stopped from outside nor start from a kept prefix.
        cache = self._prefix(tuple(ids[:n_fixed]))
        fresh = torch.tensor([ids[n_fixed:]], device=self.device)
        for _ in range(max_tokens):
            with torch.inference_mode():
                out = self.model(input_ids=fresh, past_key_values=cache, use_cache=True, logits_to_keep=1)
            cache, token = out.past_key_values, int(out.logits[0, -1].argmax())
            if token in self._stops:
                return
            yield token
            fresh = torch.tensor([[token]], device=self.device)

    def _prefix(self, ids: tuple[int, ...]) -> Cache | None:
        """Keys and values of the beginning that all prompts of a kind share, computed once."""
        if not ids:
            return None
        with self._lock:
            if ids not in self._prefixes:
                with torch.inference_mode():
                    tensor = torch.tensor([ids], device=self.device)
                    out = self.model(input_ids=tensor, use_cache=True, logits_to_keep=1)
                self._prefixes[ids] = out.past_key_values
                if len(self._prefixes) > PREFIXES:
                    self._prefixes.popitem(last=False)
            self._prefixes.move_to_end(ids)
            # The model appends to the cache it is given.
            return copy.deepcopy(self._prefixes[ids])


class CTranslate2Engine:
    """Greedy writing with a model converted to CTranslate2's layout, in int8."""

    def __init__(self, folder: str | Path, device: str | None = None, *, name: str | None = None) -> None:
        """Load a directory that holds `model.bin` and the tokenizer.

        Raises:
            ModelError: when it cannot be loaded.
            MissingExtraError: when ctranslate2 is not installed.
        """
        ctranslate2 = require("ctranslate2", extra="whisper")
        self.name = name or Path(folder).name
        self.device = pick(device).kind
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(folder)
            self.generator = ctranslate2.Generator(
                str(folder),
                device=self.device,
                compute_type="int8",
                intra_threads=engines.threads(),
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(f"cannot load the language model {folder}: {_first_line(error)}") from error
        _need_template(self.tokenizer, folder)
        self._stops = _stop_ids(self.tokenizer, None)

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, one per token; closing the iterator stops the writing."""
        ids, n_fixed = _encode(self.tokenizer, messages)
        return _pieces(self.tokenizer, self._greedy(ids, n_fixed, max_tokens))

    def _greedy(self, ids: list[int], n_fixed: int, max_tokens: int) -> Iterator[int]:
        tokens = self.tokenizer.convert_ids_to_tokens(ids)
        steps = self.generator.generate_tokens(
            tokens[n_fixed:],
            static_prompt=tokens[:n_fixed] or None,
            cache_static_prompt=True,
            max_length=max_tokens,
            sampling_topk=1,
            end_token=sorted(self._stops),
        )
        try:
            for step in steps:
                if step.token_id in self._stops:
                    return
                yield step.token_id
        finally:
            steps.close()


def load(
    checkpoint: str | None = None,
    device: str | None = None,
    *,
    adapter: str | Path | None = None,
    engine: Engine = "auto",
) -> LlmTutor:
    """A tutor whose words come from a model of the store, the hub or a directory.

    `engine="auto"` takes CTranslate2 for a directory in its layout and, on a CPU and without an
    adapter, for the store's model; everything else goes through transformers.

    Raises:
        ModelError: when the model cannot be found or loaded.
    """
    source = checkpoint or DEFAULT
    adapter = (
        None if adapter is None else hub.resolve(adapter, member=ADAPTER, role=description.TUTOR_ADAPTER)
    )
    if engine == "auto":
        engine = _best_engine(source, pick(device).kind, adapter)
    name = Path(source).name if adapter is None else f"{Path(source).name}+{Path(adapter).name}"
    if engine == "transformers":
        written = TransformersEngine(smollm_checkpoint(source), device, adapter=adapter, name=name)
        return LlmTutor(written, shots=bool(adapter_settings(adapter).get("shots", True)))
    if adapter is not None:
        raise ModelError("CTranslate2 reads no adapter: merge it into the model first, or use transformers")
    return LlmTutor(CTranslate2Engine(_ct2_folder(source), device, name=name))


def _best_engine(source: str, device: str, adapter: str | Path | None) -> Engine:
    if adapter is not None:
        return "transformers"
    if source not in hub.checkpoints() and (Path(source) / "model.bin").is_file():
        return "ctranslate2"
    installed = importlib.util.find_spec("ctranslate2") is not None
    return "ctranslate2" if installed and device == "cpu" and source in hub.checkpoints() else "transformers"


def _ct2_folder(source: str) -> Path:
    """A directory in CTranslate2's layout; the store's model is converted once."""
    if source not in hub.checkpoints():
        return Path(hub.resolve(source, hub=False, role=description.CHAT))
    folder = Path(smollm_checkpoint(source))
    return hub.derived(source, CT2_LAYOUT, partial(_convert_ct2, folder), size=150_000_000)


def _convert_ct2(source: Path, target: Path) -> None:
    """Write int8 weights and the tokenizer into `target`."""
    converters = require("ctranslate2.converters", extra="whisper")
    converters.TransformersConverter(str(source)).convert(str(target), quantization="int8", force=True)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)


def _encode(tokenizer: Any, messages: Sequence[Message]) -> tuple[list[int], int]:
    """Token ids of a chat, and how many of them belong to all turns but the last."""

    def ids(turns: Sequence[Message], *, answer: bool) -> list[int]:
        chat = [{"role": turn.role, "content": turn.content} for turn in turns]
        encoded = tokenizer.apply_chat_template(chat, add_generation_prompt=answer, return_dict=True)
        return list(encoded["input_ids"])

    whole = ids(messages, answer=True)
    fixed = ids(messages[:-1], answer=False) if len(messages) > 1 else []
    # Some templates write the last turn differently; then there is no common beginning to keep.
    return whole, len(fixed) if whole[: len(fixed)] == fixed else 0


def _pieces(tokenizer: Any, tokens: Iterator[int]) -> Iterator[str]:
    """Text as tokens complete it; a character may need several tokens."""
    ids: list[int] = []
    sent = ""
    decode: Callable[..., str] = tokenizer.decode
    for token in tokens:
        ids.append(token)
        text = decode(ids, skip_special_tokens=True)
        if not text.endswith("\ufffd") and len(text) > len(sent):
            yield text[len(sent) :]
            sent = text


def _stop_ids(tokenizer: Any, configured: int | list[int] | None) -> frozenset[int]:
    """Tokens that end a reply, from the tokenizer and the model's generation settings."""
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*ids, tokenizer.eos_token_id) if token is not None)


def _need_template(tokenizer: Any, checkpoint: str | Path) -> None:
    if not tokenizer.chat_template:
        raise ModelError(f"{checkpoint} has no chat template: it is not an instruction-tuned model")


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
