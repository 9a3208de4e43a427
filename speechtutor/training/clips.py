"""Recordings to learn from, and the loop that learns from them in batches of so many.

Every draw of an augmentation follows from seed, epoch and clip alone, so that a run which was killed and
resumed ends like one which was not.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler
from transformers import TrainingArguments

from speechtutor import audio
from speechtutor.core import Seconds, Utterance
from speechtutor.errors import AudioError, InputError
from speechtutor.training import shards
from speechtutor.training.augment import Augment
from speechtutor.training.loop import Loop

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


class AsrTrainer(Loop):
    """The loop of recognisers: several processes share the dev clips, the best network lies in `best`.

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
        super().__init__(
            model,
            args,
            metric=f"eval_{metric}",
            patience=patience,
            train_dataset=learnt,
            eval_dataset=dev,
            **kwargs,
        )
        self.learnt, self.dev, self.hear, self.keep = learnt, dev, hear, keep
        self.whole = shards.prepared(model) if self.is_fsdp_enabled else None

    def _get_train_sampler(self, train_dataset: Any = None) -> Buckets:
        batch = self.args.per_device_train_batch_size * self.args.gradient_accumulation_steps
        seconds = [clip.seconds for clip in self.learnt.clips]
        # Not `set_epoch`: when a resumed epoch is skipped forward, accelerate does not pass it on.
        return Buckets(
            seconds, batch * self.args.world_size, self.args.seed, lambda: int(self.state.epoch or 0)
        )

    def measure(self) -> dict[str, float]:
        """The error rate of the dev clips, shared out among the processes."""
        rank, world = self.args.process_index, self.args.world_size
        network = self.accelerator.unwrap_model(self.model)
        network.eval()
        if self.whole is not None:
            network = shards.gather(network, self.whole, self.args.device)
        counted = self.hear(network, self.dev[rank::world])
        total = torch.tensor([float(n) for n in counted], device=self.args.device)
        errors, units = self.accelerator.reduce(total, "sum").tolist()
        return {self.metric: errors / max(units, 1.0)}

    def keep_best(self) -> None:
        """Write and ship `best`."""
        made, kept = self.out / ".best", self.out / "best"
        if self.whole is None:
            self.save_model(str(made), _internal_call=True)
        elif self.args.should_save:
            self.whole.save_pretrained(made)
        if self.args.should_save:
            self.keep(made)
            shutil.rmtree(kept, ignore_errors=True)
            made.replace(kept)
