"""Learning from pairs: what a lead is, that it grows, what cannot be learnt from."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from recipes.shared import synthetic
from speechtutor.errors import InputError
from speechtutor.training.llm import Adapter, Chat, Recipe, build
from speechtutor.training.preferences import BETA, KEEP, PreferenceTrainer, pairs

ROWS = [
    {
        "id": f"r{i}",
        "task": "feedback",
        "messages": [{"role": "user", "content": "say" + "!" * i}, {"role": "assistant", "content": "yes"}],
        "refused": "no no",
    }
    for i in range(6)
]
RECIPE = Recipe(steps=6, batch_tokens=300, eval_every=3, bf16=False, rate=0.05)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.tiny_chat(tmp_path_factory.mktemp("chat"))


def made(tiny: Path, out: Path) -> tuple[PreferenceTrainer, list[Chat]]:
    model, tokenizer = build(str(tiny), Adapter(rank=2, dropout=0.0), RECIPE)
    return PreferenceTrainer(model, tokenizer.pad_token_id, RECIPE, out), pairs(ROWS, tokenizer, 500)


def log_likelihood(model: Any, chat: Chat) -> float:
    """Of the reply, token by token."""
    with torch.no_grad():
        scores = model(torch.tensor([chat.ids])).logits[0].log_softmax(-1)
    first = len(chat.ids) - chat.n_reply
    return sum(float(scores[i - 1, chat.ids[i]]) for i in range(first, len(chat.ids)))


def test_leads_and_loss_by_hand(tiny: Path, tmp_path: Path) -> None:
    trainer, found = made(tiny, tmp_path)
    led = {chat.ids: chat for chat in trainer.led(found)}
    assert len(led) == len(ROWS)
    for chat in found:
        assert chat.rival is not None
        lead = log_likelihood(trainer.peft, chat) - log_likelihood(trainer.peft, chat.rival)
        assert led[chat.ids].lead == pytest.approx(lead, abs=1e-3)
    # Before the first step nothing was gained: the loss on pairs is that of a coin.
    one = led[found[0].ids]
    usual = -log_likelihood(trainer.peft, one) / one.n_reply
    assert trainer.batch_loss([one]).item() == pytest.approx(math.log(2) + KEEP * usual, abs=1e-3)
    behind = Chat(one.ids, one.n_reply, one.task, one.rival, one.lead - 1 / BETA)
    pair = math.log(1 + math.exp(-1))
    assert trainer.batch_loss([behind]).item() == pytest.approx(pair + KEEP * usual, abs=1e-3)


def test_training_makes_the_better_reply_likelier_than_the_worse(tiny: Path, tmp_path: Path) -> None:
    trainer, found = made(tiny, tmp_path)
    history = trainer.fit(found[:4], found[4:])
    assert history[-1]["held_loss"] < math.log(2) and history[-1]["grown"] == 1.0
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


def test_rows_without_a_refused_reply_are_refused(tiny: Path) -> None:
    _, tokenizer = build(str(tiny), Adapter(rank=2), RECIPE)
    with pytest.raises(InputError, match="row r0 has no refused reply"):
        pairs([{**ROWS[0], "refused": ""}], tokenizer, 500)
    assert pairs(ROWS, tokenizer, 5) == []
