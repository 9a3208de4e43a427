"""Train a small adapter on a chat model: loss on the replies alone, batches of like length, resumable.

The frozen weights are kept in bfloat16 and only the replies' positions reach the output layer: on a
CPU that halves a step. Order and dropout follow from seed and step alone, so a run that was killed
and started again ends like one that was not.
"""

from __future__ import annotations

import itertools
import random
import shutil
from collections.abc import Mapping, Sequence
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
from safetensors.torch import load_file
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer

from speechtutor.errors import InputError, ModelError
from speechtutor.files import jsonio
from speechtutor.files.fingerprint import Fingerprint
from speechtutor.hub import description
from speechtutor.hub.description import Description
from speechtutor.models.convert import smollm_checkpoint
from speechtutor.training import adapters
from speechtutor.training.loop import Adapt
from speechtutor.training.planned import Plan, PlannedLoop
from speechtutor.training.recipe import LoopRecipe, cosine

Method = Literal["lora", "adalora", "prefix"]
IGNORED = -100
"""A label that costs nothing."""

ADAPTER_FOLDER = "adapter"
"""Where a run keeps its best adapter."""


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat as tokens; the last `n_reply` of them are the reply with its end mark.

    `rival` is the same chat with a worse reply, `lead` how much likelier the reply was than that one's before
    training, in nats (`training.preferences`).
    """

    ids: tuple[int, ...]
    n_reply: int
    task: str
    rival: Chat | None = None
    lead: float = 0.0


@dataclass(frozen=True)
class Recipe(LoopRecipe):
    """Hyper-parameters; `batch_tokens` bounds a batch, padding included, `warmup` is a share of the steps."""

    steps: int = 600
    batch_tokens: int = 1024
    rate: float = 1e-3
    warmup: float = 0.05
    weight_decay: float = 0.0
    eval_every: int = 50
    patience: int = 4


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


def build(base: str, adapter: Adapter, recipe: Recipe) -> tuple[Any, Any]:
    """The frozen model with a fresh adapter, and the tokenizer.

    Raises:
        ModelError: when the model cannot be loaded or has no chat template.
    """
    torch.manual_seed(recipe.seed)
    source = smollm_checkpoint(base)
    try:
        tokenizer = AutoTokenizer.from_pretrained(source)
        frozen = AutoModelForCausalLM.from_pretrained(source, dtype=torch.float32)
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot load the language model {base}: {str(error).splitlines()[0]}") from error
    if not tokenizer.chat_template:
        raise ModelError(f"{base} has no chat template: it is not an instruction-tuned model")
    model = get_peft_model(frozen, _config(adapter, recipe.steps))
    # The adapter names the model and not the folder it was read from, which is nobody else's business.
    model.active_peft_config.base_model_name_or_path = description.base_name(base)
    for parameter in model.parameters():
        if not parameter.requires_grad and recipe.bf16:
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


class Trainer(PlannedLoop[Chat]):
    """One training run: `fit` trains, keeps the best adapter and goes on where it stopped."""

    def __init__(
        self,
        model: Any,
        pad: int,
        recipe: Recipe,
        out: Path,
        device: str = "cpu",
        *,
        mark: Fingerprint | None = None,
    ) -> None:
        super().__init__(model, recipe, out, device, metric="held_loss", rate=recipe.rate)
        self.peft, self.pad, self.recipe, self.mark = model, pad, recipe, mark
        self.held: Sequence[Chat] = ()
        trained = [p for p in model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(trained, lr=recipe.rate, weight_decay=recipe.weight_decay)
        factor = cosine(max(int(recipe.warmup * recipe.steps), 1), recipe.steps)
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(self.optimizer, factor)
        if isinstance(model.active_peft_config, AdaLoraConfig):
            self.add_callback(Adapt())

    def fit(  # type: ignore[override]
        self, train: Sequence[Chat], held: Sequence[Chat]
    ) -> list[dict[str, float]]:
        """Train to the end or until `held` stops improving; returns one row per evaluation.

        Raises:
            ModelError: when the loss is no longer finite; the last checkpoint stays.
            KeyboardInterrupt: after the checkpoint of a run that was asked to stop.
        """
        self.held, self.plan = held, self.lay_out(train)
        return super().fit()

    def lay_out(self, train: Sequence[Chat]) -> Plan[Chat]:
        """The batches of all steps, epoch after epoch; measured at every so many, and after the last."""
        steps, made = self.recipe.steps, list[list[Chat]]()
        for epoch in itertools.count():
            if len(made) >= steps:
                break
            made += batches(train, self.recipe.batch_tokens, random.Random(self.recipe.seed * 1009 + epoch))
        ends = (*range(self.recipe.eval_every, steps, self.recipe.eval_every), steps)
        return Plan(tuple(made[:steps]), ends)

    def begin_step(self, step: int) -> None:
        """Dropout follows from seed and step."""
        torch.manual_seed(self.recipe.seed * 1_000_003 + step)

    def batch_loss(self, batch: Sequence[Chat]) -> Tensor:
        """Mean over the tokens of the replies."""
        values = {name: tensor.to(self.device) for name, tensor in collate(batch, self.pad).items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bf16):
            out = self.peft(**values, logits_to_keep=values["labels"].shape[1], use_cache=False)
        loss: Tensor = out.loss
        return loss

    @torch.no_grad()
    def figures(self) -> dict[str, float]:
        """Loss per token of the reply, for each task and for all."""
        self.peft.eval()
        sums: dict[str, list[float]] = {}
        for task in sorted({chat.task for chat in self.held}):
            chosen = [chat for chat in self.held if chat.task == task]
            for batch in batches(chosen, self.recipe.batch_tokens, random.Random(0)):
                n = sum(chat.n_reply for chat in batch)
                total = sums.setdefault(task, [0.0, 0.0])
                total[0] += float(self.batch_loss(batch)) * n
                total[1] += n
        found = {f"{task}_loss": total / n for task, (total, n) in sums.items()}
        return {**found, "held_loss": sum(found.values()) / max(len(found), 1)}

    def keep_best(self) -> None:
        """See `export`."""
        export(self.peft, self.out / ADAPTER_FOLDER, self.mark)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        # Left to itself, peft looks the base model up on the hub to see whether words were added.
        self.peft.save_pretrained(str(output_dir), state_dict=state_dict, save_embedding_layers=False)

    def rows(self) -> list[dict[str, float]]:
        """One row per evaluation."""
        found = [{k: v for k, v in row.items() if k not in ("step", "epoch")} for row in super().rows()]
        steps = [row["step"] for row in super().rows()]
        return [{"step": float(step), **row} for step, row in zip(steps, found, strict=True)]


def export(model: Any, folder: Path, mark: Fingerprint | None = None) -> None:
    """Write the adapter in 16-bit floats, whole or not at all; `mark` says what it was made from."""
    made = folder.with_name(f".{folder.name}")
    # Left to itself, peft looks the base model up on the hub to see whether words were added.
    model.save_pretrained(made, save_embedding_layers=False)
    base = model.active_peft_config.base_model_name_or_path
    adapters.ship(made, Description("tutor-adapter", base, fingerprint=mark))
    shutil.rmtree(folder, ignore_errors=True)
    made.replace(folder)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a file of `prepare_tutor`.

    Raises:
        InputError: when the file is missing or a line is not a row.
    """
    if not path.is_file():
        raise InputError(f"{path}: No such file or directory; run recipes.prepare_tutor first")
    return list(jsonio.json_lines(path, dict[str, Any]))
