"""The one loop of every network that is trained for more than a minute: checkpoints, stopping, failures.

It is `transformers.Trainer`, so mixed precision, accumulation, several processes and resuming are
accelerate's business. Here is what it lacks: a checkpoint counts only when it is whole; the best network
is kept apart; a run that was killed and resumed ends like one that was not; a loss that is not finite
stops the run. What is learnt is a subclass's: `speechtutor.training.clips` for recordings in batches of
so many, `speechtutor.training.planned` for batches that are laid out before the run.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
import signal
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from transformers import Trainer, TrainerCallback, TrainerState, TrainingArguments
from transformers.trainer import TRAINER_STATE_NAME

from speechtutor.errors import InputError, ModelError, StorageError

log = logging.getLogger(__name__)

WHOLE = "whole"
"""An empty file that is written into a checkpoint last."""
CHECKPOINTS = "checkpoint-*"
"""What the folders of checkpoints are called."""
EARLIER = "last.pt"
"""The checkpoint of versions before this loop, which it cannot read."""


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint of a run."""
    found = [path for path in out.glob(CHECKPOINTS) if (path / WHOLE).is_file()]
    return max(found, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


class Interrupt(TrainerCallback):
    """Ctrl-C or a polite kill ends the run after the step at hand, with a checkpoint."""

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals for the time of a training."""

        def ask(number: int, frame: object) -> None:
            log.warning("stopping after this step; run the same command again to go on")
            self.asked = True

        old = {}
        for number in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(ValueError):  # only the main thread may
                old[number] = signal.signal(number, ask)
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Ask the loop for a checkpoint and the end."""
        if self.asked:
            control.should_save = control.should_training_stop = True


class Overdue(TrainerCallback):
    """Measures first where a run was killed between a step after which it measures and that."""

    def __init__(self, trainer: Loop) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After a checkpoint was loaded."""
        steps = {row["step"] for row in state.log_history if self.trainer.metric in row}
        if state.global_step and self.trainer.due(state) and state.global_step not in steps:
            self.trainer.evaluate()


class Adapt(TrainerCallback):
    """AdaLoRA (Zhang et al., 2023) shares out its ranks while the gradients are still there."""

    def on_optimizer_step(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        """After the step, before the gradients are cleared."""
        getattr(model, "module", model).base_model.update_and_allocate(state.global_step)


def best(history: Sequence[Mapping[str, Any]], metric: str) -> tuple[float, int]:
    """The lowest value of a metric, and how many evaluations have passed since; (inf, 0) before any."""
    values = [row[metric] for row in history if metric in row]
    if not values:
        return float("inf"), 0
    lowest = min(values)
    return lowest, len(values) - 1 - values.index(lowest)


class Loop(Trainer):
    """`transformers.Trainer` that keeps the best network, stops early and says clearly what failed.

    `metric` is what `measure` returns and decides by, the lower the better; `patience` says after how
    many evaluations that are no better the run ends, 0 that it never does.
    """

    def __init__(
        self, model: Any, args: TrainingArguments, *, metric: str, patience: int, **kwargs: Any
    ) -> None:
        super().__init__(model, args, **kwargs)
        self.metric, self.patience = metric, patience
        # The losses are means over the batch: accumulation must divide them by the number of batches.
        self.model_accepts_loss_kwargs = False
        self.out = Path(str(self.args.output_dir))
        self.interrupt = Interrupt()
        self.add_callback(self.interrupt)
        self.add_callback(Overdue(self))

    def measure(self) -> dict[str, float]:
        """The figures of what is held out, `metric` among them."""
        raise NotImplementedError

    def keep_best(self) -> None:
        """Put the present network where the best one lies, whole or not at all."""
        raise NotImplementedError

    def due(self, state: TrainerState) -> bool:
        """Whether the network is measured after the step that the state stands at."""
        return float(state.epoch or 0).is_integer() or state.global_step >= state.max_steps

    def better(self, metrics: Mapping[str, float]) -> bool:
        """Whether these figures are the best so far."""
        return metrics[self.metric] < best(self.state.log_history, self.metric)[0]

    def place(self, inputs: Any) -> str:
        """Where in the run a batch stands, for an error."""
        return f"step {self.state.global_step}"

    def finite(self, loss: Tensor, inputs: Any) -> Tensor:
        """The loss, if it is a number.

        Raises:
            ModelError: when it is not; the last checkpoint stays.
        """
        if not torch.isfinite(loss):
            kept = last_checkpoint(self.out)
            raise ModelError(
                f"the loss is {float(loss.detach())} at {self.place(inputs)}: "
                f"{'there is no checkpoint yet' if kept is None else f'{kept} is kept'}; try a lower rate"
            )
        return loss

    def training_step(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        """A step whose loss is a number.

        Raises:
            ModelError: when it is not; the last checkpoint stays.
        """
        return self.finite(super().training_step(model, inputs, *args, **kwargs), inputs)

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """Measure, keep what is best, and stop when nothing gets better; nothing when asked to stop."""
        if self.interrupt.asked:
            return {}
        with torch.no_grad():
            metrics = self.measure()
        better = self.better(metrics)
        self.log(dict(metrics))
        if better:
            with spelled(self.out):
                self.keep_best()
        if self._exhausted(self.state.log_history):
            log.info("no better for %d evaluations: done", self.patience)
            self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _exhausted(self, history: Sequence[Mapping[str, Any]]) -> bool:
        return bool(self.patience) and best(history, self.metric)[1] >= self.patience

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = self.out / f"checkpoint-{self.state.global_step}"
        with spelled(self.out):
            if self.args.should_save:
                (folder / WHOLE).unlink(missing_ok=True)
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                self._save_extra(folder)
                (folder / WHOLE).touch()

    def _save_extra(self, folder: Path) -> None:
        """Put into a checkpoint what the library does not."""

    def fit(self, resume: Path | None = None) -> list[dict[str, float]]:
        """Train from a checkpoint, by default the newest of `output_dir`; one row per evaluation.

        Raises:
            InputError: when there is no such checkpoint, or one that only earlier versions could read.
            ModelError: when the loss is no longer finite.
            StorageError: when the disk refuses a checkpoint.
            KeyboardInterrupt: after the checkpoint of a run that was asked to stop.
        """
        start = resume or last_checkpoint(self.out)
        if start is None and (self.out / EARLIER).is_file():
            raise InputError(f"{self.out / EARLIER} is of an earlier version: choose another --out")
        if start is not None and not (start / WHOLE).is_file():
            raise InputError(f"{start} is no whole checkpoint")
        if start is not None:
            log.info("going on from %s", start)
            state = TrainerState.load_from_json(str(start / TRAINER_STATE_NAME))
            if self._exhausted(state.log_history):
                self.state = state
                return self.rows()
        with self.interrupt.listening(), spelled(self.out):
            self.train(resume_from_checkpoint=str(start) if start else None)
        if self.interrupt.asked:
            raise KeyboardInterrupt
        return self.rows()

    def rows(self) -> list[dict[str, float]]:
        """One row per evaluation so far."""
        return [row for row in self.state.log_history if self.metric in row]


@contextlib.contextmanager
def spelled(out: Path) -> Iterator[None]:
    """Name the folder and the cause when a disk refuses a file, whichever library noticed it.

    Raises:
        StorageError: instead of the library's own error.
    """
    try:
        yield
    except OSError as error:
        raise StorageError(f"{out}: {error.strerror or error}") from error
    except (SafetensorError, RuntimeError) as error:
        # Both libraries write through code of their own that raises no OSError.
        if not any(sign in str(error) for sign in ("os error", "Os {", "PytorchStreamWriter", "file write")):
            raise
        full = shutil.disk_usage(out).free < 1 << 20
        cause = "No space left on device" if full or "code: 28" in str(error) else str(error).splitlines()[0]
        raise StorageError(f"{out}: {cause}") from error


def reserve(out: Path, n_bytes: int) -> None:
    """Refuse a run whose checkpoints would not fit, before it costs anything.

    Raises:
        StorageError: naming what is needed and what is free.
    """
    out.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(out).free
    if free < n_bytes:
        raise StorageError(
            f"{out}: the checkpoints need {n_bytes / 1e6:.0f} MB and {free / 1e6:.0f} MB are free "
            f"({errno.errorcode[errno.ENOSPC]})"
        )


def trainable_bytes(network: torch.nn.Module) -> int:
    """What a checkpoint takes: trained weights and two moments of each, in float32."""
    return sum(12 * p.numel() for p in network.parameters() if p.requires_grad)


def arguments(out: Path, **settings: Any) -> TrainingArguments:
    """`TrainingArguments` for clips of our own: nothing removed, evaluated once an epoch."""
    fixed: dict[str, Any] = {
        "remove_unused_columns": False,
        "eval_strategy": "epoch",
        "save_total_limit": 2,
        "logging_strategy": "steps",
        "logging_nan_inf_filter": False,
        "ddp_find_unused_parameters": False,
        "ddp_broadcast_buffers": False,
        "dataloader_pin_memory": False,
        "max_grad_norm": 1.0,
    }
    return TrainingArguments(output_dir=str(out), **(fixed | settings))
