"""What the trainings of recognisers share: clips, order, checkpoints, stopping, and clear failures.

The loop is `transformers.Trainer`, so several GPUs or machines, mixed precision, accumulation and
resuming are accelerate's business. Here is what it lacks: every draw of an augmentation follows
from seed, epoch and clip alone, so that a run which was killed and resumed ends like one which was
not; a checkpoint counts only when it is whole; a loss that is not finite stops the run.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import Trainer, TrainerCallback, TrainingArguments

from speechtutor import audio
from speechtutor.core import Seconds, Utterance
from speechtutor.errors import AudioError, InputError, ModelError, StorageError
from speechtutor.training import shards
from speechtutor.training.augment import Augment

log = logging.getLogger(__name__)

WHOLE = "whole"
"""An empty file that is written into a checkpoint last."""
Batch = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Clip:
    """One recording and what was said in it."""

    id: str
    path: Path
    text: str
    seconds: Seconds
    phones: tuple[tuple[str, ...], ...] | None = None
    """Canonical phones of each word, where the manifest has them."""

    def wave(self) -> Tensor:
        """The samples, shape (n_samples,)."""
        return torch.from_numpy(audio.load(self.path).samples)


def clip(row: Utterance, root: Path, where: str) -> Clip:
    """A manifest row as a clip; its recording is read once, so that damage is found before the training.

    Raises:
        InputError: naming the row (`where`) whose audio cannot be used.
    """
    try:
        path = root / row.audio
        return Clip(row.id, path, row.text, audio.load(path).duration, row.phones)
    except (AudioError, OSError) as error:
        raise InputError(f"{where}: {error}") from None


class Clips(Dataset[dict[str, Any]]):
    """Training clips, augmented; item `epoch * len + i` is clip `i` as that epoch hears it.

    `prepare` makes of a clip and the augmentation what the collator takes.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        prepare: Callable[[Clip, Augment], dict[str, Any]],
        augment: Augment,
        seed: int,
    ) -> None:
        self.clips, self.prepare, self.augment, self.seed = clips, prepare, augment, seed

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, number: int) -> dict[str, Any]:
        clip = self.clips[number % len(self.clips)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed * 1_000_003 + number)
            self.augment.rng = random.Random(self.seed * 1_000_003 + number)
            return self.prepare(clip, self.augment)


class Buckets(Sampler[int]):
    """Clips in batches of similar length, the batches in random order; what is over comes last.

    `batch` counts clips of all processes and accumulated steps; `epoch` tells which pass begins.
    """

    def __init__(self, seconds: Sequence[Seconds], batch: int, seed: int, epoch: Callable[[], int]) -> None:
        self.seconds, self.batch, self.seed, self.epoch = seconds, batch, seed, epoch

    def __len__(self) -> int:
        return len(self.seconds)

    def __iter__(self) -> Iterator[int]:
        epoch, n = self.epoch(), len(self.seconds)
        rng = random.Random(self.seed * 1009 + epoch)
        order = sorted(range(n), key=lambda i: self.seconds[i] * rng.uniform(0.9, 1.1))
        rest = rng.sample(order, n % self.batch)
        left = set(rest)
        kept = [i for i in order if i not in left]
        groups = [kept[i : i + self.batch] for i in range(0, len(kept), self.batch)]
        rng.shuffle(groups)
        for group in [*groups, rest]:
            rng.shuffle(group)
            yield from (epoch * n + i for i in group)


def evenly(clips: Sequence[Clip], n: int) -> list[Clip]:
    """`n` clips at equal steps, all when `n` is 0 or there are no more."""
    if not n or n >= len(clips):
        return list(clips)
    return [clips[i * len(clips) // n] for i in range(n)]


def last_checkpoint(out: Path) -> Path | None:
    """The newest whole checkpoint of a run."""
    found = [path for path in out.glob("checkpoint-*") if (path / WHOLE).is_file()]
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
    """Hears the dev clips first where a run was killed between the end of an epoch and that."""

    def __init__(self, trainer: AsrTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """After a checkpoint was loaded."""
        ended = float(state.epoch or 0).is_integer() or state.global_step >= state.max_steps
        steps = {row["step"] for row in state.log_history if self.trainer.metric in row}
        if state.global_step and ended and state.global_step not in steps:
            self.trainer.evaluate()


def best(history: Sequence[Mapping[str, Any]], metric: str) -> tuple[float, int]:
    """The lowest value of a metric, and how many evaluations have passed since; (inf, 0) before any."""
    values = [row[metric] for row in history if metric in row]
    if not values:
        return float("inf"), 0
    lowest = min(values)
    return lowest, len(values) - 1 - values.index(lowest)


class AsrTrainer(Trainer):
    """`transformers.Trainer` that hears dev clips, keeps the best network and stops early.

    `hear(network, clips)` returns (errors, units) of the dev clips, `metric` is the name of their
    quotient, `keep(folder)` turns a folder that `save_model` wrote into what is shipped.
    """

    def __init__(
        self,
        model: Any,
        args: TrainingArguments,
        *,
        learnt: Clips,
        dev: Sequence[Clip],
        hear: Callable[[Any, Sequence[Clip]], tuple[int, int]],
        keep: Callable[[Path], None],
        metric: str,
        patience: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(model, args, train_dataset=learnt, eval_dataset=dev, **kwargs)
        self.learnt, self.dev = learnt, dev
        self.hear, self.keep, self.metric, self.patience = hear, keep, f"eval_{metric}", patience
        # The losses are means over the batch: accumulation must divide them by the number of batches.
        self.model_accepts_loss_kwargs = False
        self.out = Path(str(self.args.output_dir))
        self.whole = shards.prepared(model) if self.is_fsdp_enabled else None
        self.interrupt = Interrupt()
        self.add_callback(self.interrupt)
        self.add_callback(Overdue(self))

    def _get_train_sampler(self, train_dataset: Any = None) -> Buckets:
        batch = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        seconds = [clip.seconds for clip in self.learnt.clips]
        # Not `set_epoch`: when a resumed epoch is skipped forward, accelerate does not pass it on.
        return Buckets(
            seconds, batch * self.args.world_size, self.args.seed, lambda: int(self.state.epoch or 0)
        )

    def training_step(self, *args: Any, **kwargs: Any) -> Tensor:
        """A step whose loss is a number.

        Raises:
            ModelError: when it is not; the last checkpoint stays.
        """
        loss: Tensor = super().training_step(*args, **kwargs)
        if not torch.isfinite(loss):
            kept = last_checkpoint(self.out)
            raise ModelError(
                f"the loss is {float(loss)} at step {self.state.global_step}: "
                f"{'there is no checkpoint yet' if kept is None else f'{kept} is kept'}; try a lower rate"
            )
        return loss

    def evaluate(self, *args: Any, **kwargs: Any) -> dict[str, float]:
        """The error rate of the dev clips, shared out among the processes; nothing when asked to stop."""
        if self.interrupt.asked:
            return {}
        rank, world = self.args.process_index, self.args.world_size
        network = self.accelerator.unwrap_model(self.model)
        network.eval()
        if self.whole is not None:
            network = shards.gather(network, self.whole, self.args.device)
        with torch.no_grad():
            counted = self.hear(network, self.dev[rank::world])
        total = torch.tensor([float(n) for n in counted], device=self.args.device)
        errors, units = self.accelerator.reduce(total, "sum").tolist()
        metrics = {self.metric: errors / max(units, 1.0)}
        better = metrics[self.metric] < best(self.state.log_history, self.metric)[0]
        self.log(metrics)
        if better:
            self._keep()
        if self.patience and best(self.state.log_history, self.metric)[1] >= self.patience:
            log.info("no better for %d evaluations: done", self.patience)
            self.control.should_training_stop = True
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    def _keep(self) -> None:
        made, kept = self.out / ".best", self.out / "best"
        with spelled(self.out):
            if self.whole is None:
                self.save_model(str(made), _internal_call=True)
            elif self.args.should_save:
                self.whole.save_pretrained(made)
            if self.args.should_save:
                self.keep(made)
                shutil.rmtree(kept, ignore_errors=True)
                made.replace(kept)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        mark = self.out / f"checkpoint-{self.state.global_step}" / WHOLE
        with spelled(self.out):
            if self.args.should_save:
                mark.unlink(missing_ok=True)
            super()._save_checkpoint(model, trial)
            if self.args.should_save:
                mark.touch()

    def fit(self, resume: Path | None = None) -> list[dict[str, float]]:
        """Train from a checkpoint, by default the newest of `output_dir`; one row per evaluation.

        Raises:
            ModelError: when the loss is no longer finite.
            StorageError: when the disk refuses a checkpoint.
            KeyboardInterrupt: after the checkpoint of a run that was asked to stop.
        """
        start = resume or last_checkpoint(self.out)
        if start is not None and not (start / WHOLE).is_file():
            raise InputError(f"{start} is no whole checkpoint")
        if start is not None:
            log.info("going on from %s", start)
        with self.interrupt.listening(), spelled(self.out):
            self.train(resume_from_checkpoint=str(start) if start else None)
        if self.interrupt.asked:
            raise KeyboardInterrupt
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
