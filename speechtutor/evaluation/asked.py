"""The job of evaluating one model on a manifest: the same from the verb and from the recipes."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from speechtutor.core import Utterance
from speechtutor.evaluation import job, provenance
from speechtutor.evaluation.job import Job


class Asked(Protocol):
    """What every evaluation of a model takes, be it a verb's options or a recipe's settings."""

    @property
    def root(self) -> Path:
        """Folder that the manifest's audio paths are relative to."""

    @property
    def out(self) -> Path:
        """Folder for the result."""

    @property
    def split(self) -> str | None:
        """train, dev or test; None takes all rows that are not for training."""

    @property
    def limit(self) -> int | None:
        """Only so many rows, evenly chosen."""

    @property
    def against(self) -> Path | None:
        """Folder of an earlier run to compare with."""

    @property
    def draws(self) -> int:
        """Draws of speakers for the intervals."""

    @property
    def seed(self) -> int:
        """Seed of the draws."""

    @property
    def device(self) -> str | None:
        """Where to compute."""


def of_model(
    stage: str,
    name: str,
    manifest: Path,
    asked: Asked,
    settings: Mapping[str, Any],
    *,
    adapter: Path | None = None,
    **options: Any,
) -> Job[Utterance]:
    """The job of one model, before it is loaded; `options` are what else its rows depend on.

    `settings` is everything that was asked, for the record.

    Raises:
        SpeechTutorError: for a model, a device or rows that there are not.
    """
    from speechtutor import registry
    from speechtutor.models.device import pick

    entry = registry.find(stage, name)
    choice = {"split": asked.split, "limit": asked.limit}
    return Job(
        out=asked.out,
        manifest=manifest,
        root=asked.root,
        rows=job.choose(manifest, asked.split, asked.limit),
        system=provenance.system(name, entry.checkpoint, entry.revision, adapter, **options),
        choice=choice,
        settings=settings,
        command=provenance.command(sys.argv),
        device=pick(asked.device).name,
        against=asked.against,
        draws=asked.draws,
        seed=asked.seed,
    )
