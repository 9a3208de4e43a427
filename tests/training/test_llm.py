"""Training an adapter: loss on the reply only, batches, resuming, what stops it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch

from recipes.shared import synthetic
from speechtutor.errors import InputError, ModelError
from speechtutor.training import llm as training
from speechtutor.training.llm import Adapter, Chat, Recipe, Trainer, batches, build, chats, collate

ROWS = [
    {
        "id": f"r{i}",
        "task": ("grammar", "feedback")[i % 2],
        "messages": [
            {"role": "user", "content": f"fix {'no' * i}"},
            {"role": "assistant", "content": "yes" + "!" * (i % 3)},
        ],
    }
    for i in range(8)
]
RECIPE = Recipe(steps=4, batch_tokens=300, eval_every=2, bf16=False, rate=0.05)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.tiny_chat(tmp_path_factory.mktemp("chat"))


def made(tiny: Path, method: str = "lora") -> tuple[Any, list[Chat]]:
    model, tokenizer = build(str(tiny), Adapter(method, rank=2), RECIPE)  # type: ignore[arg-type]
    return model, chats(ROWS, tokenizer, 500)


def test_the_reply_and_its_end_mark_are_the_last_tokens(tiny: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny)
    chat = chats(ROWS[2:3], tokenizer, 500)[0]
    assert tokenizer.decode(chat.ids[-chat.n_reply :]) == "yes!!<|im_end|>"
    assert chats(ROWS, tokenizer, 5) == []
    with pytest.raises(InputError, match="row x has no reply"):
        chats([{"id": "x", "task": "grammar", "messages": ROWS[0]["messages"][:1]}], tokenizer, 500)


def test_batches_hold_every_chat_once_within_the_bound() -> None:
    items = [Chat(tuple(range(n)), 1, "grammar") for n in (3, 50, 4, 30, 31, 5, 200)]
    found = batches(items, 64, random.Random(0))
    assert sorted(len(c.ids) for group in found for c in group) == [3, 4, 5, 30, 31, 50, 200]
    assert all(len(g) == 1 or max(len(c.ids) for c in g) * len(g) <= 64 for g in found)


def test_labels_cover_the_replies_alone() -> None:
    first, second = Chat((5, 6, 7, 8), 2, "grammar"), Chat((9, 10, 11), 1, "grammar")
    batch = collate([first, second], 0)
    assert batch["input_ids"].tolist() == [[5, 6, 7, 8], [0, 9, 10, 11]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [0, 1, 1, 1]]
    assert batch["labels"].tolist() == [[-100, 7, 8], [-100, -100, 11]]


def test_the_loss_is_that_of_the_reply_by_hand(tiny: Path) -> None:
    model, items = made(tiny)
    model.eval()
    trainer = Trainer(model, 0, RECIPE, tiny / "unused")
    total, n = 0.0, 0
    for chat in items[:3]:
        with torch.no_grad():
            log_probs = model(input_ids=torch.tensor([chat.ids])).logits[0].log_softmax(-1)
        for place in range(len(chat.ids) - chat.n_reply, len(chat.ids)):
            total -= float(log_probs[place - 1, chat.ids[place]])
            n += 1
    assert float(trainer.batch_loss(items[:3])) == pytest.approx(total / n, abs=1e-4)


@pytest.mark.parametrize("method", ["lora", "adalora", "prefix"])
def test_training_lowers_the_loss_and_leaves_a_small_adapter(tiny: Path, tmp_path: Path, method: str) -> None:
    from safetensors.torch import load_file

    model, items = made(tiny, method)
    history = Trainer(model, 0, RECIPE, tmp_path).fit(items, items)
    assert [row["step"] for row in history] == [2.0, 4.0]
    # log(258) = 5.55 is chance; AdaLoRA's loss has a penalty on top.
    assert (
        history[-1]["held_loss"] < (6.5 if method == "adalora" else 5.55)
        and {"grammar_loss", "feedback_loss"} <= history[0].keys()
    )
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert weights and all(tensor.dtype == torch.float16 for tensor in weights.values())
    text = (tmp_path / "adapter" / "adapter_config.json").read_text(encoding="utf-8")
    assert tiny.name in text and str(tiny.parent) not in text


def test_a_killed_run_ends_like_one_that_was_not(tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    model, items = made(tiny)
    whole = Trainer(model, 0, RECIPE, tmp_path / "whole").fit(items, items)
    model, _ = made(tiny)
    broken = Trainer(model, 0, RECIPE, tmp_path / "broken")
    loss = Trainer.batch_loss

    def until_three(self: Trainer, batch: Any) -> torch.Tensor:
        if self.state.global_step == 3:
            raise KeyboardInterrupt
        return loss(self, batch)

    monkeypatch.setattr(Trainer, "batch_loss", until_three)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(items, items)
    monkeypatch.undo()
    model, _ = made(tiny)
    again = Trainer(model, 0, RECIPE, tmp_path / "broken").fit(items, items)
    assert [row["held_loss"] for row in again] == pytest.approx([row["held_loss"] for row in whole], abs=1e-6)


def test_it_stops_early_and_on_a_loss_that_is_no_number(tiny: Path, tmp_path: Path, monkeypatch: Any) -> None:
    model, items = made(tiny)
    recipe = Recipe(steps=40, batch_tokens=300, eval_every=1, patience=2, bf16=False, rate=1e-12)
    monkeypatch.setattr(Trainer, "figures", lambda self: {"held_loss": 1.0})
    rows = Trainer(model, 0, recipe, tmp_path / "early").fit(items, items)
    assert len(rows) == 3
    # Started once more it does not go on where it had stopped for good.
    monkeypatch.setattr(Trainer, "batch_loss", lambda self, batch: pytest.fail("a step too many"))
    assert Trainer(model, 0, recipe, tmp_path / "early").fit(items, items) == rows
    monkeypatch.undo()
    monkeypatch.setattr(Trainer, "batch_loss", lambda self, batch: torch.tensor(float("nan")))
    with pytest.raises(ModelError, match="the loss is nan at step 0"):
        Trainer(model, 0, RECIPE, tmp_path / "nan").fit(items, items)


def test_rows_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run recipes\.prepare_tutor first"):
        training.read_rows(tmp_path / "train.jsonl")
    (tmp_path / "train.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="row 1: not JSON"):
        training.read_rows(tmp_path / "train.jsonl")
