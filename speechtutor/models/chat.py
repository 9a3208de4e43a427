"""Chats as tokens and tokens as text, whatever engine writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from speechtutor.errors import ModelError
from speechtutor.stages import Message


def encode(tokenizer: Any, messages: Sequence[Message]) -> tuple[list[int], int]:
    """Token ids of a chat, and how many of them belong to all turns but the last."""

    def ids(turns: Sequence[Message], *, answer: bool) -> list[int]:
        chat = [{"role": turn.role, "content": turn.content} for turn in turns]
        encoded = tokenizer.apply_chat_template(chat, add_generation_prompt=answer, return_dict=True)
        return list(encoded["input_ids"])

    whole = ids(messages, answer=True)
    fixed = ids(messages[:-1], answer=False) if len(messages) > 1 else []
    # Some templates write the last turn differently; then there is no common beginning to keep.
    return whole, len(fixed) if whole[: len(fixed)] == fixed else 0


def pieces(tokenizer: Any, tokens: Iterator[int]) -> Iterator[str]:
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


def stop_ids(tokenizer: Any, configured: int | list[int] | None) -> frozenset[int]:
    """Tokens that end a reply, from the tokenizer and the model's generation settings."""
    ids = configured if isinstance(configured, list) else [configured]
    return frozenset(token for token in (*ids, tokenizer.eos_token_id) if token is not None)


def need_template(tokenizer: Any, checkpoint: str | Path) -> None:
    """Refuse a model that was not taught to answer.

    Raises:
        ModelError: when there is no chat template.
    """
    if not tokenizer.chat_template:
        raise ModelError(f"{checkpoint} has no chat template: it is not an instruction-tuned model")


def first_line(error: BaseException) -> str:
    """What went wrong, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]
