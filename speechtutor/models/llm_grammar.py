"""Grammar correction by a small language model that may only propose: rules first, then edits that pay.

The model writes the corrected sentence; its changes against the source are single edits, each is
checked by the guard and kept only when it makes the sentence more likely, given the source, by more
than a threshold that was tuned on learners' dialogues. What is not clearly better stays as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from speechtutor import hub
from speechtutor.core import Correction, GrammarEdit
from speechtutor.errors import ModelError
from speechtutor.grammar.corrector import rule_edits
from speechtutor.grammar.edits import apply, edits_between, is_word, joined, tokens
from speechtutor.grammar.fluency import fluent
from speechtutor.grammar.guard import edit_refusal, refusal
from speechtutor.hub import description
from speechtutor.hub.shipped import WEIGHTS
from speechtutor.models.adapters import ADAPTER, merged
from speechtutor.models.convert import smollm_checkpoint
from speechtutor.models.device import pick
from speechtutor.tutor.engine import adapter_settings, grammar_prompt

DEFAULT = "smollm2-135m-instruct"
SHIPPED = WEIGHTS / "tutor-lora"
THRESHOLD = 0.5
"""Nats that an edit must gain where nothing was tuned."""

LONGEST = 60
"""Words; a longer text is corrected sentence by sentence."""


class LlmCorrector:
    """Rules, then a model's proposals, guarded and weighed one by one."""

    def __init__(
        self,
        checkpoint: str | Path,
        device: str | None = None,
        *,
        adapter: str | Path | None = None,
        threshold: float | None = None,
        rules: bool = True,
        name: str | None = None,
    ) -> None:
        """Load a chat model of the hub or a folder, with an adapter merged in when one is given.

        Raises:
            ModelError: when it cannot be loaded or has no chat template.
        """
        where = pick(device)
        self.device, self.rules = where.name, rules
        self.threshold = (
            adapter_settings(adapter).get("threshold", THRESHOLD) if threshold is None else threshold
        )
        self.name = name or Path(checkpoint).name
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint)
            model: Any = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=where.dtype)
            if adapter is not None:
                model = merged(model, adapter, description.TUTOR_ADAPTER)
        except (OSError, ValueError, KeyError) as error:
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise ModelError(f"cannot load the language model {checkpoint}: {line}") from error
        if not self.tokenizer.chat_template:
            raise ModelError(f"{checkpoint} has no chat template: it is not an instruction-tuned model")
        self.model = model.to(self.device).eval()

    def correct(self, text: str) -> Correction:
        """The text with few, typed edits; the edits count tokens of the fluent text."""
        smooth = fluent(text)
        words = tokens(smooth)
        ruled = apply(words, rule_edits(words)) if self.rules else words
        made: list[str] = []
        reasons: list[str] = []
        gains: list[GrammarEdit] = []
        for part in _parts(ruled):
            kept, reason = self.edits(part)
            gains += [replace(e, start=e.start + len(made), end=e.end + len(made)) for e in kept]
            made += apply(part, kept)
            reasons += [reason] if reason else []
        edits = tuple(_sure(edit, gains) for edit in edits_between(words, made))
        corrected = joined(made) if edits else smooth
        return Correction(text, smooth, corrected, edits, self.name, "; ".join(reasons))

    def edits(self, words: Sequence[str]) -> tuple[list[GrammarEdit], str]:
        """The model's edits of a sentence that are worth making, and why others were turned down."""
        weighed, reason = self.weigh(words)
        kept = [edit for edit, gain in weighed if gain >= self.threshold]
        too_much = refusal(words, kept)
        return ([], too_much) if too_much else (kept, reason)

    def weigh(self, words: Sequence[str]) -> tuple[list[tuple[GrammarEdit, float]], str]:
        """The model's edits that the guard lets pass, each with what it gains in nats."""
        if sum(map(is_word, words)) < 2:
            return [], ""
        found, reasons = [], []
        for edit in edits_between(words, tokens(self.propose(joined(words)))):
            if not any(map(is_word, (*edit.before.split(), *edit.after.split()))):
                continue  # marks cannot be heard: to put one in is no proposal
            reason = edit_refusal(words, edit)
            if reason:
                reasons.append(reason)
            else:
                found.append(edit)
        if not found:
            return [], "; ".join(reasons)
        source = joined(words)
        likely = self.log_likelihoods(source, [source, *(joined(apply(words, [e])) for e in found)])
        gained = [(e, value - likely[0]) for e, value in zip(found, likely[1:], strict=True)]
        return [
            (replace(e, confidence=1 / (1 + exp(-min(g, 50.0))), source="model"), g) for e, g in gained
        ], ("; ".join(reasons))

    def propose(self, source: str) -> str:
        """The model's own correction, greedily; runs of the source are copied several tokens at a time."""
        ids = self._prompt(source)
        limit = int(1.5 * len(self.tokenizer(source)["input_ids"])) + 8
        with torch.inference_mode():
            out = self.model.generate(
                torch.tensor([ids], device=self.device),
                attention_mask=torch.ones((1, len(ids)), dtype=torch.long, device=self.device),
                max_new_tokens=limit,
                do_sample=False,
                prompt_lookup_num_tokens=12,
                pad_token_id=self._pad(),
            )
        text: str = self.tokenizer.decode(out[0][len(ids) :], skip_special_tokens=True)
        return (text.strip().splitlines() or [source])[0]

    def log_likelihoods(self, source: str, targets: Sequence[str]) -> list[float]:
        """Log-probability of each text as the correction of the source, its end included; nats."""
        prompt = self._prompt(source)
        replies = [self.tokenizer(t, add_special_tokens=False)["input_ids"] for t in targets]
        replies = [[*reply, self.tokenizer.eos_token_id] for reply in replies]
        longest = max(map(len, replies))
        rows = [prompt + reply + [self._pad()] * (longest - len(reply)) for reply in replies]
        with torch.inference_mode():
            # Padding stands on the right, where no token before it can see it.
            logits = self.model(torch.tensor(rows, device=self.device), logits_to_keep=longest + 1).logits
        log_probs = logits[:, :-1].float().log_softmax(-1)
        return [float(log_probs[i, range(len(reply)), reply].sum().cpu()) for i, reply in enumerate(replies)]

    def _prompt(self, source: str) -> list[int]:
        chat = [{"role": turn.role, "content": turn.content} for turn in grammar_prompt(source)]
        encoded = self.tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=True)
        return list(encoded["input_ids"])

    def _pad(self) -> int:
        pad = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id if pad is None else pad)


def _parts(words: Sequence[str]) -> list[list[str]]:
    """Whole texts up to `LONGEST` tokens; longer ones by sentence."""
    if len(words) <= LONGEST:
        return [list(words)]
    parts: list[list[str]] = [[]]
    for word in words:
        parts[-1].append(word)
        if word in (".", "!", "?") or len(parts[-1]) >= LONGEST:
            parts.append([])
    return [part for part in parts if part]


def _sure(edit: GrammarEdit, gains: Sequence[GrammarEdit]) -> GrammarEdit:
    """The edit with the confidence of the model's edit that made it, else that of a rule."""
    for gained in gains:
        if gained.after == edit.after and gained.before == edit.before:
            return replace(edit, confidence=gained.confidence, source=gained.source)
    return replace(edit, confidence=0.9, source="rule")


def load(
    checkpoint: str | None = None,
    device: str | None = None,
    *,
    adapter: str | Path | None = None,
    threshold: float | None = None,
    rules: bool = True,
) -> LlmCorrector:
    """A corrector on a model of the store, the hub or a folder; by default with the shipped adapter.

    Raises:
        ModelError: when the model or the adapter is not there.
    """
    source = checkpoint or DEFAULT
    if adapter is None and source == DEFAULT:
        if not SHIPPED.is_dir():
            raise ModelError("no adapter for grammar is installed: name one with adapter=, or use the rules")
        adapter = SHIPPED
    adapter = (
        None if adapter is None else hub.resolve(adapter, member=ADAPTER, role=description.TUTOR_ADAPTER)
    )
    name = Path(source).name if adapter is None else f"{Path(source).name}+{Path(adapter).name}"
    return LlmCorrector(
        smollm_checkpoint(source), device, adapter=adapter, threshold=threshold, rules=rules, name=name
    )
