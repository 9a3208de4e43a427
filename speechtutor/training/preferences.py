"""Train a chat model on pairs: a reply that holds against one to the same note that does not.

Direct preference optimisation (Rafailov et al., 2023): the trained model is to find the better reply likelier
than the worse one by more than the model it began as does. The usual loss on the better reply is kept beside
it, since alone the loss on pairs lets both become less likely (Pang et al., 2024).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, logsigmoid

from speechtutor.errors import InputError
from speechtutor.training.llm import IGNORED, Chat, Trainer, batches, chats, collate

BETA = 0.1
"""How strongly a difference to the model it began as counts (Rafailov et al., 2023, used 0.1)."""

KEEP = 0.2
"""Weight of the usual loss on the better reply (ours)."""


def pairs(rows: Sequence[Mapping[str, Any]], tokenizer: Any, longest: int) -> list[Chat]:
    """Rows with `refused`, a worse reply, beside `messages`; those with a chat too long are left out.

    Raises:
        InputError: when a row has no refused reply, or as `llm.chats` does.
    """
    found = []
    for row in rows:
        if not row.get("refused"):
            raise InputError(f"row {row.get('id')} has no refused reply")
        worse = [*row["messages"][:-1], {"role": "assistant", "content": row["refused"]}]
        both = chats([row, {**row, "messages": worse}], tokenizer, longest)
        if len(both) == 2:
            found.append(replace(both[0], rival=both[1]))
    return found


class PreferenceTrainer(Trainer):
    """As `llm.Trainer`, on chats with a rival."""

    def fit(self, train: Sequence[Chat], held: Sequence[Chat]) -> list[dict[str, float]]:  # type: ignore[override]
        """Look first how much likelier the model as it begins finds each better reply, then train."""
        return super().fit(self.led(train), self.led(held))

    @torch.no_grad()
    def led(self, rows: Sequence[Chat]) -> list[Chat]:
        """The chats with the lead, in nats, that each has over its rival now."""
        self.peft.eval()
        found = []
        for batch in batches(rows, self.recipe.batch_tokens, random.Random(0)):
            found += [
                replace(chat, lead=float(lead))
                for chat, lead in zip(batch, self._leads(batch)[0], strict=True)
            ]
        return found

    def _leads(self, batch: Sequence[Chat]) -> tuple[Tensor, Tensor]:
        """How much likelier replies are than their rivals (nats), and the mean loss a token."""
        rivals = [chat.rival for chat in batch if chat.rival is not None]
        values = {
            name: tensor.to(self.device) for name, tensor in collate([*batch, *rivals], self.pad).items()
        }
        labels = values.pop("labels")
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            out = self.peft(**values, logits_to_keep=labels.shape[1], use_cache=False)
        # A position's logits are about the token after it.
        losses = cross_entropy(
            out.logits[:, :-1].float().transpose(1, 2), labels[:, 1:], ignore_index=IGNORED, reduction="none"
        )
        total = losses.sum(1)
        n = len(batch)
        mean = total[:n].sum() / (labels[:n, 1:] != IGNORED).sum()
        return total[n:] - total[:n], mean

    def batch_loss(self, batch: Sequence[Chat]) -> Tensor:
        """The loss on the pairs, and that on the better replies."""
        leads, usual = self._leads(batch)
        return -logsigmoid(BETA * (leads - self._before(batch))).mean() + KEEP * usual

    def _before(self, batch: Sequence[Chat]) -> Tensor:
        return torch.tensor([chat.lead for chat in batch], device=self.device)

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Loss on held-out pairs, and the share whose lead has grown."""
        self.peft.eval()
        losses, grown = list[float](), list[bool]()
        for batch in batches(self.held, self.recipe.batch_tokens, random.Random(0)):
            gained = self._leads(batch)[0] - self._before(batch)
            losses += (-logsigmoid(BETA * gained)).tolist()
            grown += (gained > 0).tolist()
        n = max(len(losses), 1)
        return {"held_loss": sum(losses) / n, "grown": sum(grown) / n}
