"""`speechtutor batch`: a whole corpus, overnight if need be."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Device, Explain, note, show
from speechtutor.errors import InputError

Name = Annotated[str | None, Parameter(help="A name from `speechtutor models`.")]


def run(
    source: Annotated[
        Path, Parameter(help="A manifest (JSON lines), or a folder of recordings with a .txt beside each.")
    ],
    /,
    *,
    out: Annotated[
        Path,
        Parameter(help="The result: .jsonl, or a table .csv or .parquet; a stopped batch goes on there."),
    ],
    root: Annotated[
        Path | None, Parameter(help="Folder that the manifest's audio paths are relative to (its own)")
    ] = None,
    split: Annotated[str | None, Parameter(help="Only the rows of this split: train, dev or test.")] = None,
    limit: Annotated[int | None, Parameter(help="Only this many rows, evenly chosen.")] = None,
    transcribe: Annotated[
        bool, Parameter(help="Add what was heard, and score it where a row has no text.")
    ] = False,
    feedback: Annotated[bool, Parameter(help="Add the tutor's feedback.")] = False,
    explain: Explain = None,
    scorer: Name = None,
    transcriber: Name = None,
    tutor: Name = None,
    device: Device = None,
    per: Annotated[
        Literal["utterance", "word", "phone"], Parameter(help="What a row of a table is.")
    ] = "word",
    textgrid: Annotated[Path | None, Parameter(help="A folder for a TextGrid of each recording.")] = None,
    processes: Annotated[
        int, Parameter(help="Processes on this machine, one thread and all models each.")
    ] = 1,
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
    from speechtutor.batch.judge import Plan
    from speechtutor.evaluation.provenance import command

    if cluster is not None and processes != 1:
        raise InputError(f"--processes {processes} are of this machine: leave them out with --cluster")
    if processes < 1:
        raise InputError(f"processes must be 1 or more, not {processes}")
    plan = Plan(
        scorer, transcriber, tutor, device, transcribe, feedback, _language(explain, feedback=feedback)
    )
    job = batch.Job(source, out, plan, root, split, limit, per, textgrid, command(sys.argv))
    place = cluster

    def opened() -> Any:
        return pools.processes(processes) if place is None else pools.cluster(place)

    done = batch.run(job, opened, note, _bar)
    if json:
        show({"out": str(out), "rows": done.n_rows, "failed": done.n_failed, "before": done.n_before})
    else:
        print(f"{done.n_rows} rows in {out}" + (f", {done.n_failed} failed" if done.n_failed else ""))
    return 1 if done.n_failed else 0


def _language(explain: str | None, *, feedback: bool) -> str | None:
    from speechtutor.content.tables import known_language

    if explain is None:
        return None
    if not feedback:
        raise InputError(f"--explain {explain} is the language of --feedback, which was not asked for")
    return known_language(explain)


def _bar(found: Iterable[Any], n: int) -> Iterable[Any]:
    from tqdm import tqdm

    return tqdm(found, total=n, desc="judging", unit="clip", disable=not n)  # type: ignore[no-any-return]
