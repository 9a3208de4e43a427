"""`speechtutor batch`: a whole corpus, overnight if need be."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Phones, note, show
from speechtutor.core.wording import counted
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.batch.judge import Plan


TOGETHER = 16
"""Recordings that a graphics card hears at once."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Rows:
    """Which rows are judged, and what is written of them."""

    out: Path
    """The result: .jsonl, or a table .csv or .parquet; a stopped batch goes on there."""
    root: Path | None = None
    """Folder that the manifest's audio paths are relative to (its own)"""
    split: str | None = None
    """Only the rows of this split: train, dev or test."""
    limit: int | None = None
    """Only this many rows, evenly chosen."""
    per: Literal["utterance", "word", "phone"] = "word"
    """What a row of a table is."""
    textgrid: Path | None = None
    """A folder for a TextGrid of each recording (Praat)."""
    eaf: Path | None = None
    """A folder for a document of each recording (ELAN)."""
    vtt: Path | None = None
    """A folder for captions of each recording (WebVTT)."""
    ctm: Path | None = None
    """A file for the times of all words; of all phones with --per phone (NIST's CTM)."""
    phones: Phones = "arpabet"
    """How phones are written in tables and the forms above."""

    def also(self) -> dict[str, Path]:
        """The places of the other forms that are wanted."""
        found = {"textgrid": self.textgrid, "eaf": self.eaf, "vtt": self.vtt, "ctm": self.ctm}
        return {form: place for form, place in found.items() if place is not None}


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is made of every row, and by which models."""

    transcribe: bool = False
    """Add what was heard, and score it where a row has no text."""
    feedback: bool = False
    """Add the tutor's feedback."""
    explain: str | None = None
    """Explain in this language: en, es or zh (English)."""
    scorer: str | None = None
    """A name from `speechtutor models`."""
    transcriber: str | None = None
    """A name from `speechtutor models`."""
    tutor: str | None = None
    """A name from `speechtutor models`."""
    device: str | None = None
    """Where to compute: cpu, cuda, cuda:1 … (the best there is)"""
    together: int | None = None
    """Recordings that are heard at once (16 on a graphics card of this machine, else 1)."""

    def plan(self, *, here: bool) -> Plan:
        """The wish as it is sent to workers, which may be `here` on this machine.

        Raises:
            InputError: for a language without explanations, or without feedback; for less than one at once.
        """
        from speechtutor.batch.judge import Plan
        from speechtutor.content.tables import known_language

        if self.explain is not None and not self.feedback:
            raise InputError(
                f"--explain {self.explain} is the language of --feedback, which was not asked for"
            )
        explain = None if self.explain is None else known_language(self.explain)
        return Plan(
            self.scorer, self.transcriber, self.tutor, self.device, self.transcribe, self.feedback, explain,
            self._together(here=here),
        )  # fmt: skip

    def _together(self, *, here: bool) -> int:
        from speechtutor.models.device import at_once

        if self.together is None:
            return at_once(self.device, TOGETHER) if here else 1
        if self.together < 1:
            raise InputError(f"together must be 1 or more, not {self.together}")
        return self.together


def run(
    source: Annotated[
        Path, Parameter(help="A manifest (JSON lines), or a folder of recordings with a .txt beside each.")
    ],
    /,
    *,
    rows: Rows,
    wish: Wish | None = None,
    processes: Annotated[int, Parameter(help="Processes here, one thread and all models each.")] = 1,
    cluster: Annotated[
        str | None, Parameter(help="A dask cluster in place of processes: tcp://HOST:8786.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Score a corpus: one `score --json` value a line, with its id, in the order of the manifest.

    A row that fails is {"id", "error"}; it is reported and counted, and the exit status is 1.
    """
    from speechtutor.batch import pools
    from speechtutor.batch import run as batch
    from speechtutor.evaluation.provenance import command

    if cluster is not None and processes != 1:
        raise InputError(f"--processes {processes} are of this machine: leave them out with --cluster")
    if processes < 1:
        raise InputError(f"processes must be 1 or more, not {processes}")
    plan = (wish or Wish()).plan(here=cluster is None)
    job = batch.Job(
        source, rows.out, plan, rows.root, rows.split, rows.limit, rows.per, rows.also(), rows.phones,
        command(sys.argv),
    )  # fmt: skip

    def workers() -> Any:
        return pools.processes(processes) if cluster is None else pools.cluster(cluster)

    done = batch.run(job, workers, note, _bar)
    if json:
        show({"out": str(rows.out), "rows": done.n_rows, "failed": done.n_failed, "before": done.n_before})
    else:
        failed = f", {done.n_failed} failed" if done.n_failed else ""
        print(f"{counted(done.n_rows, 'row')} in {rows.out}{failed}")
    return 1 if done.n_failed else 0


def _bar(found: Iterable[Any], n: int) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(found, total=n, desc="judging", unit="clip", disable=not n)  # type: ignore[no-any-return]
