"""The loop over batches that are laid out before the run, such as those bounded by seconds or by tokens.

All batches of all epochs stand in one row, in the order that they are learnt in: how many an epoch has
may change from one to the next, and a run goes on at any step.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback, TrainerState

from speechtutor.errors import InputError
from speechtutor.files.disk import write_text
from speechtutor.training.loop import Loop, arguments
from speechtutor.training.recipe import LoopRecipe

log = logging.getLogger(__name__)
Item = TypeVar("Item")

MEMORY = "memory.json"
"""What a checkpoint keeps beside what the library keeps."""
TELL_EVERY = 20
"""Steps between lines of the log."""


@dataclass(frozen=True, slots=True)
class Plan(Generic[Item]):
    """All batches of a run in their order, and after which steps the network is measured."""

    batches: tuple[Sequence[Item], ...]
    ends: tuple[int, ...]

    @classmethod
    def of_epochs(cls, epochs: Sequence[Sequence[Sequence[Item]]]) -> Plan[Item]:
        """A plan that measures after each epoch."""
        ends = np.cumsum([len(epoch) for epoch in epochs]).tolist()
        return cls(tuple(batch for epoch in epochs for batch in epoch), tuple(ends))

    def epoch(self, step: int) -> int:
        """The number of the epoch that a step stands in, counted from 0."""
        return int(np.searchsorted(self.ends, step, side="right"))


class Milestones(TrainerCallback):
    """Measures and saves after the steps of a plan that say so."""

    def __init__(self, loop: PlannedLoop[Any]) -> None:
        self.loop = loop

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let the loop set what is random."""
        self.loop.begin_step(state.global_step)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After the step was counted."""
        if self.loop.due(state):
            control.should_evaluate = control.should_save = True


class PlannedLoop(Loop, Generic[Item]):
    """The loop in one process over a `Plan`; `batch_loss` says what a batch costs.

    A row of its history is the mean loss since the one before, and what `figures` returns.
    """

    def __init__(
        self, model: Any, recipe: LoopRecipe, out: Path, device: str, *, metric: str, rate: float
    ) -> None:
        args = arguments(
            out, num_train_epochs=1, eval_strategy="no", save_strategy="no", logging_strategy="no",
            save_total_limit=1, report_to="none", disable_tqdm=True, use_cpu=device == "cpu",
            max_grad_norm=recipe.clip or 0.0, seed=recipe.seed, learning_rate=rate,
        )  # fmt: skip
        if args.world_size > 1:
            raise InputError("this training runs in one process: start it without torchrun")
        args._n_gpu = min(args.n_gpu, 1)  # else the library spreads a batch over all of them
        super().__init__(model, args, metric=metric, patience=recipe.patience, data_collator=_same)
        self.plan: Plan[Item] = Plan((), ())
        self.losses: list[float] = []
        self.device = torch.device(args.device)
        self.remove_callback(PrinterCallback)
        self.add_callback(Milestones(self))

    def batch_loss(self, batch: Sequence[Item]) -> Tensor:
        """The loss of one batch."""
        raise NotImplementedError

    def figures(self) -> dict[str, float]:
        """The figures of what is held out, `metric` among them."""
        raise NotImplementedError

    def begin_step(self, step: int) -> None:
        """Set what is random, so that it follows from seed and step alone."""
        raise NotImplementedError

    def remember(self) -> dict[str, Any]:
        """What a checkpoint keeps, as JSON."""
        return {"losses": self.losses}

    def recall(self, kept: dict[str, Any]) -> None:
        """Take back what a checkpoint kept."""
        self.losses = kept["losses"]

    def measure(self) -> dict[str, float]:
        """See the class."""
        return {"loss": float(np.mean(self.losses)), **self.figures()}

    def due(self, state: TrainerState) -> bool:
        """See the base class."""
        return state.global_step in self.plan.ends

    def get_train_dataloader(self) -> Any:
        """The batches as they stand in the plan."""
        return self.accelerator.prepare(DataLoader(self.plan.batches, batch_size=1, collate_fn=_only))  # type: ignore[arg-type]

    def floating_point_ops(self, inputs: Any) -> int:
        """Nobody asks, and the library would count the tokens of what are no tokens."""
        return 0

    def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch, noted."""
        loss = self.finite(self.batch_loss(inputs), inputs)
        self.losses.append(float(loss.detach()))
        step = self.state.global_step + 1
        if step % TELL_EVERY == 0:
            log.info("step %d loss %.4f", step, float(np.mean(self.losses[-TELL_EVERY:])))
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """As the base class, with the next losses counted anew."""
        metrics = super().evaluate(*args, **kwargs)
        if metrics:
            log.info("%s", {name: round(value, 4) for name, value in metrics.items()})
            self.losses = []
        return metrics

    def _save_extra(self, folder: Path) -> None:
        write_text(folder / MEMORY, json.dumps(self.remember()))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        self.recall(json.loads((Path(resume_from_checkpoint) / MEMORY).read_text(encoding="utf-8")))


def _same(items: Any) -> Any:
    return items


def _only(items: Sequence[Any]) -> Any:
    return items[0]
