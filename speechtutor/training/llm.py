"""Train a small adapter on a chat model: loss on the replies alone, batches of like length, resumable.

The frozen weights are kept in bfloat16 and only the replies' positions reach the output layer: on a
CPU that halves a step. Order and dropout follow from seed and step alone, so a run that was killed
and started again ends like one that was not.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from peft import (
    AdaLoraConfig,
    LoraConfig,
    PrefixTuningConfig,
    get_peft_model,
    get_peft_model_state_dict,
    set_peft_model_state_dict,
)
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from speechtutor.errors import InputError, ModelError
from speechtutor.files import jsonio
from speechtutor.models.convert import smollm_checkpoint

log = logging.getLogger(__name__)

Method = Literal["lora", "adalora", "prefix"]
IGNORED = -100
"""A label that costs nothing."""

LAST = "last.pt"


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as tokens; the last `n_reply` of them are the reply with its end mark."""

    ids: tuple[int, ...]
    n_reply: int
    task: str


@dataclass(frozen=True)
class Course:
    """Hyper-parameters of the loop; `batch_tokens` bounds a batch, padding included."""

    steps: int = 600
    batch_tokens: int = 1024
    rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.0
    clip: float = 1.0
    eval_every: int = 50
    patience: int = 4
    seed: int = 0
    bf16: bool = True


@dataclass(frozen=True)
class Adapter:
    """What is trained beside the frozen model; `rank` is the length of a prefix."""

    method: Method = "lora"
    rank: int = 16
    dropout: float = 0.05
    targets: str = "all-linear"


def chats(rows: Sequence[Mapping[str, Any]], tokenizer: Any, longest: int) -> list[Chat]:
    """Rows with `messages` as tokens; those of more than `longest` tokens are left out.

    Raises:
        InputError: when a row ends without a reply, or the template does not put the reply last.
    """
    found = []
    for row in rows:
        turns = row["messages"]
        if not turns or turns[-1]["role"] != "assistant":
            raise InputError(f"row {row.get('id')} has no reply to learn")
        asked = _encode(tokenizer, turns[:-1], answer=True)
        whole = _encode(tokenizer, turns, answer=False)
        if whole[: len(asked)] != asked:
            raise InputError("this chat template writes a reply otherwise than it asks for one")
        end = len(whole) - _after_end(tokenizer, whole)
        if end <= longest:
            found.append(Chat(tuple(whole[:end]), end - len(asked), str(row["task"])))
    return found


def _encode(tokenizer: Any, turns: Sequence[Mapping[str, str]], *, answer: bool) -> list[int]:
    encoded = tokenizer.apply_chat_template(list(turns), add_generation_prompt=answer, return_dict=True)
    return list(encoded["input_ids"])


def _after_end(tokenizer: Any, ids: Sequence[int]) -> int:
    """How many tokens follow the last end mark, such as a new line; 0 where there is no mark."""
    last = next((i for i in range(len(ids) - 1, -1, -1) if ids[i] == tokenizer.eos_token_id), len(ids) - 1)
    return len(ids) - 1 - last


def batches(items: Sequence[Chat], tokens: int, rng: random.Random) -> list[list[Chat]]:
    """All chats in batches of like length, each at most `tokens` with its padding, in random order."""
    order = sorted(items, key=lambda c: len(c.ids) + rng.random() * 4)
    groups: list[list[Chat]] = [[]]
    for chat in order:
        longest = max([len(chat.ids), *(len(c.ids) for c in groups[-1])])
        if groups[-1] and longest * (len(groups[-1]) + 1) > tokens:
            groups.append([])
        groups[-1].append(chat)
    rng.shuffle(groups)
    return [group for group in groups if group]


def collate(batch: Sequence[Chat], pad: int) -> dict[str, Tensor]:
    """Padded on the left, so that all replies end together; labels cover the longest reply's end."""
    longest = max(len(chat.ids) for chat in batch)
    keep = max(chat.n_reply for chat in batch) + 1
    ids = torch.full((len(batch), longest), pad)
    labels = torch.full((len(batch), keep), IGNORED)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for row, chat in enumerate(batch):
        ids[row, longest - len(chat.ids) :] = torch.tensor(chat.ids)
        mask[row, longest - len(chat.ids) :] = 1
        labels[row, keep - chat.n_reply :] = torch.tensor(chat.ids[-chat.n_reply :])
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def build(base: str, adapter: Adapter, course: Course) -> tuple[Any, Any]:
    """The frozen model with a fresh adapter, and the tokenizer.

    Raises:
        ModelError: when the model cannot be loaded or has no chat template.
    """
    torch.manual_seed(course.seed)
    source = smollm_checkpoint(base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        frozen = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the language model {base}: {str(error).splitlines()[0]}") from error
    if not tokenizer.chat_template:
        raise ModelError(f"{base} has no chat template: it is not an instruction-tuned model")
    model = get_peft_model(frozen, _config(adapter, course.steps))
    # The adapter names the model and not the folder it was read from, which is nobody else's business.
    model.active_peft_config.base_model_name_or_path = Path(base).name if Path(base).is_dir() else base
    for parameter in model.parameters():
        if not parameter.requires_grad and course.bf16:
            parameter.data = parameter.data.to(torch.bfloat16)
    return model, tokenizer


def begin_from(model: Any, folder: Path) -> None:
    """Put an adapter's matrices into a fresh one of the same shape.

    Raises:
        ModelError: when it is not there or of another shape.
    """
    path = folder / "adapter_model.safetensors"
    if not path.is_file():
        raise ModelError(f"{folder} holds no adapter: there is no {path.name}")
    given = {name: value.float() for name, value in load_file(path).items()}
    fresh = get_peft_model_state_dict(model, save_embedding_layers=False)
    if {name: v.shape for name, v in fresh.items()} != {name: v.shape for name, v in given.items()}:
        raise ModelError(f"{folder} is an adapter of another method, rank or network than is trained")
    set_peft_model_state_dict(model, given)


def _config(adapter: Adapter, steps: int) -> Any:
    if adapter.method == "prefix":
        return PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=adapter.rank)
    shared: dict[str, Any] = {
        "task_type": "CAUSAL_LM",
        "lora_alpha": 2 * adapter.rank,
        "lora_dropout": adapter.dropout,
        "target_modules": adapter.targets if adapter.targets == "all-linear" else adapter.targets.split(","),
    }
    if adapter.method == "lora":
        return LoraConfig(r=adapter.rank, **shared)
    return AdaLoraConfig(
        init_r=adapter.rank + adapter.rank // 2,
        target_r=adapter.rank,
        tinit=steps // 5,
        tfinal=steps // 3,
        deltaT=10,
        total_step=steps,
        **shared,
    )


class Trainer:
    """One training run: `fit` trains, keeps the best adapter and goes on where it stopped."""

    def __init__(self, model: Any, pad: int, course: Course, out: Path, device: str = "cpu") -> None:
        self.model, self.pad, self.course, self.out = model.to(device), pad, course, out
        self.device = torch.device(device)
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=course.rate, weight_decay=course.weight_decay)
        warmup = max(int(course.warmup * course.steps), 1)

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / warmup
            return 0.5 * (1 + math.cos(math.pi * min(1.0, (step - warmup) / max(course.steps - warmup, 1))))

        self.scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)
        self.step, self.best, self.worse = 0, math.inf, 0
        self.history: list[dict[str, float]] = []

    def fit(self, train: Sequence[Chat], held: Sequence[Chat]) -> list[dict[str, float]]:
        """Train to the end or until `held` stops improving; returns one row per evaluation.

        Raises:
            ModelError: when the loss is no longer finite; the last checkpoint stays.
        """
        self._resume()
        losses: list[float] = []
        for batch in self._from_here(train):
            losses.append(self._train(batch))
            last = self.step == self.course.steps
            if self.step % 10 == 0:
                log.info("step %d loss %.4f", self.step, sum(losses[-10:]) / len(losses[-10:]))
            if self.step % self.course.eval_every == 0 or last:
                self._evaluate(held, sum(losses) / len(losses))
                losses = []
                if self.course.patience and self.worse >= self.course.patience:
                    break
        return self.history

    def _from_here(self, train: Sequence[Chat]) -> Iterator[list[Chat]]:
        """The batches from the present step on, epoch after epoch."""
        done, epoch = 0, 0
        while self.step < self.course.steps:
            order = batches(train, self.course.batch_tokens, random.Random(self.course.seed * 1009 + epoch))
            for batch in order[max(self.step - done, 0) :]:
                if self.step >= self.course.steps or (
                    self.course.patience and self.worse >= self.course.patience
                ):
                    return
                yield batch
            done += len(order)
            epoch += 1

    def _train(self, batch: Sequence[Chat]) -> float:
        self.model.train()
        torch.manual_seed(self.course.seed * 1_000_003 + self.step)
        loss = self._loss(batch)
        if not torch.isfinite(loss):
            where = f"{self.out / LAST} keeps the last checkpoint"
            raise ModelError(f"the loss is {float(loss)} at step {self.step}: {where}")
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.course.clip)
        self.optimizer.step()
        self.scheduler.step()
        if hasattr(self.model.base_model, "update_and_allocate"):
            self.model.base_model.update_and_allocate(self.step)
        self.optimizer.zero_grad()
        self.step += 1
        return float(loss.detach())

    def _loss(self, batch: Sequence[Chat]) -> Tensor:
        values = {name: tensor.to(self.device) for name, tensor in collate(batch, self.pad).items()}
        with self._mixed():
            out = self.model(**values, logits_to_keep=values["labels"].shape[1], use_cache=False)
        loss: Tensor = out.loss
        return loss

    def _mixed(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16) if self.course.bf16 else nullcontext()

    @torch.no_grad()
    def measure(self, held: Sequence[Chat]) -> dict[str, float]:
        """Loss per token of the reply, for each task and for all."""
        self.model.eval()
        sums: dict[str, list[float]] = {}
        for task in sorted({chat.task for chat in held}):
            chosen = [chat for chat in held if chat.task == task]
            for batch in batches(chosen, self.course.batch_tokens, random.Random(0)):
                n = sum(chat.n_reply for chat in batch)
                total = sums.setdefault(task, [0.0, 0.0])
                total[0] += float(self._loss(batch)) * n
                total[1] += n
        found = {f"{task}_loss": total / n for task, (total, n) in sums.items()}
        return {**found, "held_loss": sum(found.values()) / max(len(found), 1)}

    def _evaluate(self, held: Sequence[Chat], loss: float) -> None:
        row = {"step": float(self.step), "loss": loss, **self.measure(held)}
        self.history.append(row)
        log.info("%s", {k: round(v, 4) for k, v in row.items()})
        better = row["held_loss"] < self.best
        self.best, self.worse = min(self.best, row["held_loss"]), 0 if better else self.worse + 1
        if better:
            export(self.model, self.out / "adapter")
        self._save()

    def _save(self) -> None:
        state = {
            # Left to itself, peft looks the base model up on the hub to see whether words were added.
            "adapter": get_peft_model_state_dict(self.model, save_embedding_layers=False),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            **{name: getattr(self, name) for name in ("step", "best", "worse", "history")},
        }
        torch.save(state, self.out / f".{LAST}")
        (self.out / f".{LAST}").replace(self.out / LAST)

    def _resume(self) -> None:
        path = self.out / LAST
        self.out.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            return
        state = torch.load(path, weights_only=True, map_location="cpu")
        set_peft_model_state_dict(self.model, state["adapter"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        for name in ("step", "best", "worse", "history"):
            setattr(self, name, state[name])
        log.info("going on after step %d of %s", self.step, path)


def export(model: Any, folder: Path) -> None:
    """Write the adapter in 16-bit floats, whole or not at all."""
    made = folder.with_name(f".{folder.name}")
    # Left to itself, peft looks the base model up on the hub to see whether words were added.
    model.save_pretrained(made, save_embedding_layers=False)
    path = made / "adapter_model.safetensors"
    save_file({k: v.half().contiguous() for k, v in load_file(path).items()}, path, metadata={"format": "pt"})
    path.chmod(0o644)
    (made / "README.md").unlink(missing_ok=True)
    if folder.exists():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()
    made.replace(folder)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of `prepare_tutor`.

    Raises:
        InputError: when the file is missing or a line is not a row.
    """
    if not path.is_file():
        raise InputError(f"{path}: No such file or directory; run recipes.prepare_tutor first")
    return list(jsonio.json_lines(path, dict[str, Any]))
