"""A language model on this machine that words the tutor's advice.

Any causal language model with a chat template, from the store, the hub or a directory, through
transformers with an optional LoRA adapter; the project's own small model through CTranslate2 in
int8 where there is no GPU, about three times as quick there.
"""

from __future__ import annotations

import copy
import importlib.util
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.cache_utils import Cache

from speechtutor import hub
from speechtutor.errors import ModelError
from speechtutor.hub import description
from speechtutor.hub.shipped import WEIGHTS
from speechtutor.models.adapters import ADAPTER, merged
from speechtutor.models.chat import encode, first_line, need_template, pieces, stop_ids
from speechtutor.models.convert import smollm_checkpoint
from speechtutor.models.device import pick
from speechtutor.models.llm_ct2 import CTranslate2Engine, folder_of
from speechtutor.stages import Message
from speechtutor.tutor.engine import adapter_settings
from speechtutor.tutor.phrasing import LIVE, LlmTutor

DEFAULT = "smollm2-135m-instruct"
SHIPPED = WEIGHTS / "feedback-lora"
TRAINED = "smollm2-135m-tutor"
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
            raise ModelError(f"cannot load the language model {checkpoint}: {first_line(error)}") from error
        need_template(self.tokenizer, checkpoint)
        self.model = model.to(self.device).eval()
        self._stops = stop_ids(self.tokenizer, self.model.generation_config.eos_token_id)
        self._prefixes: OrderedDict[tuple[int, ...], Cache] = OrderedDict()
        self._lock = Lock()

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        """The reply in pieces, one per token; closing the iterator stops the writing."""
        ids, n_fixed = encode(self.tokenizer, messages)
        return pieces(self.tokenizer, self._greedy(ids, n_fixed, max_tokens))

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


def load(
    checkpoint: str | None = None,
    device: str | None = None,
    *,
    adapter: str | Path | None = None,
    engine: Engine = "auto",
    name: str | None = None,
) -> LlmTutor:
    """A tutor whose words come from a model of the store, the hub or a directory.

    `engine="auto"` takes CTranslate2 for a directory in its layout and, on a CPU, for the store's model,
    into which an adapter is merged once; everything else goes through transformers. `name` is what the
    feedback calls the model.

    Raises:
        ModelError: when the model cannot be found or loaded.
    """
    source = checkpoint or DEFAULT
    if adapter is not None:
        adapter = hub.resolve(adapter, member=ADAPTER, role=description.TUTOR_ADAPTER)
    if engine == "auto":
        engine = _best_engine(source, pick(device).kind)
    if name is None:
        name = Path(source).name if adapter is None else f"{Path(source).name}+{Path(adapter).name}"
    known = adapter_settings(adapter)
    how: dict[str, Any] = {
        "shots": bool(known.get("shots", True)),
        "starts": bool(known.get("starts", False)),
    }
    if engine == "transformers":
        written = TransformersEngine(smollm_checkpoint(source), device, adapter=adapter, name=name)
        return LlmTutor(written, **how)
    return LlmTutor(CTranslate2Engine(folder_of(source, adapter), device, name=name), **how)


def load_trained(checkpoint: str | None = None, device: str | None = None) -> LlmTutor:
    """The tutor that speaks where nobody names one: our model with the adapter that ships, quick or silent.

    It says nothing of a reply that did not hold or came late; the rules have spoken in its place.

    Raises:
        ModelError: when the model cannot be found or loaded.
    """
    tutor = load(checkpoint, device, adapter=SHIPPED, name=TRAINED)
    tutor.first, tutor.timeout = LIVE
    tutor.quiet = True
    return tutor


def _best_engine(source: str, device: str) -> Engine:
    if source not in hub.checkpoints():
        return "ctranslate2" if (Path(source) / "model.bin").is_file() else "transformers"
    installed = importlib.util.find_spec("ctranslate2") is not None
    return "ctranslate2" if installed and device == "cpu" else "transformers"
