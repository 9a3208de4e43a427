"""`speechtutor evaluate`: the numbers, with intervals over speakers.

A further kind of evaluation is one more function here, `@app.command`, which takes a manifest and
`Common`, loads its model, and hands a `Job` to the kind's own module in `speechtutor.evaluation`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from speechtutor.commands.output import AsJson, show
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.core import Utterance
    from speechtutor.evaluation.job import Job
    from speechtutor.evaluation.result import Summary

app = App(name="evaluate", help="Measure a recogniser, a scorer, a tutor or the learner model.")

MOST_BEAMS = 100
"""Memory grows with the beams; accuracy has stopped growing at ten."""

Manifest = Annotated[Path, Parameter(help="A manifest (JSON lines).")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Common:
    """What every evaluation takes."""

    root: Path
    """Folder that the manifest's audio paths are relative to."""
    out: Path
    """Folder for the result; a stopped run goes on there."""
    split: str | None = None
    """train, dev or test (all rows that are not for training)"""
    limit: int | None = None
    """Only this many rows, evenly chosen."""
    against: Path | None = None
    """Folder of an earlier run to compare with, paired."""
    draws: int = 1000
    """Draws of speakers for the intervals."""
    seed: int = 0
    """Seed of the draws."""
    device: str | None = None
    """Where to compute: cpu, cuda, cuda:1 … (the best there is)"""


def prepared(
    stage: str, name: str, manifest: Path, common: Common, *, adapter: Path | None = None, **options: Any
) -> Job[Utterance]:
    """The job of one model, before it is loaded; `options` are what else its rows depend on."""
    from speechtutor.evaluation import asked

    settings = asdict(common) | {stage: name, "adapter": adapter} | options
    return asked.of_model(stage, name, manifest, common, settings, adapter=adapter, **options)


def present(found: Summary, keys: Sequence[str], *, json: bool) -> int:
    """Print a summary; the status is 1 when files failed."""
    from speechtutor.evaluation.table import markdown

    if json:
        show(found.json())
    else:
        print(markdown(found, keys), end="")
    return 1 if found.counts.get("failed") else 0


def folders(out: Path, names: Sequence[str]) -> list[Path]:
    """Where each system's result goes: the folder itself for one, a folder below it for each of several.

    Raises:
        InputError: when two systems would share a folder.
    """
    if len(names) == 1:
        return [out]
    below = [out / Path(name).name for name in names]
    if len(set(below)) < len(below):
        raise InputError(
            f"two of {', '.join(names)} would write to the same folder: evaluate them one by one"
        )
    return below


@app.command
def asr(
    manifest: Manifest,
    /,
    *,
    common: Common,
    model: Annotated[tuple[str, ...], Parameter(help="Recognisers, each with --model (the default)")] = (),
    adapter: Annotated[Path | None, Parameter(help="A LoRA adapter for the model.")] = None,
    lang: Annotated[str | None, Parameter(help="Language spoken (that of each row)")] = None,
    beams: Annotated[int | None, Parameter(help="Width of the beam search (the model's own)")] = None,
    json: AsJson = False,
) -> int:
    """Word, character and phone error rates of recognisers; every further model is compared with the first.

    Files that fail are counted as nothing heard, and the exit status is 1.
    """
    from speechtutor import registry
    from speechtutor.evaluation import asr as evaluation
    from speechtutor.models.normalizer import normaliser

    if beams is not None and not 1 <= beams <= MOST_BEAMS:
        raise InputError(f"beams must be from 1 to {MOST_BEAMS}, not {beams!r:.20}")
    names = model or (registry.default("transcriber"),)
    given = {key: value for key, value in (("adapter", adapter), ("beams", beams)) if value is not None}
    # All are prepared before the first is heard: a misspelt name should not cost an evaluation.
    jobs = [
        prepared(
            "transcriber", name, manifest, replace(common, out=out), adapter=adapter, lang=lang, beams=beams
        )
        for name, out in zip(names, folders(common.out, names), strict=True)
    ]
    status, against = 0, common.against
    for job in jobs:
        transcriber = registry.load("transcriber", job.name, device=common.device, **given)
        found, _ = evaluation.evaluate(replace(job, against=against), transcriber, normaliser, lang)
        status = max(status, present(found, evaluation.KEYS, json=json))
        against = against or job.out
    return status


@app.command
def scoring(
    manifest: Manifest,
    /,
    *,
    common: Common,
    scorer: Annotated[str | None, Parameter(help="A scorer's name, or its folder (the default)")] = None,
    train: Annotated[
        Path | None, Parameter(help="Manifest whose train rows the text-only prior is fitted on (MANIFEST)")
    ] = None,
    raters: Annotated[
        Path | None, Parameter(help="The single raters' scores, such as raters-train.json.")
    ] = None,
    json: AsJson = False,
) -> int:
    """Agreement of a scorer with expert raters, detection of wrong sounds, calibration, and baselines.

    Files that fail give no values; they are counted and shown, and the exit status is 1.
    """
    from speechtutor import registry
    from speechtutor.corpora.manifest import read
    from speechtutor.evaluation import scoring as evaluation
    from speechtutor.evaluation import scoring_baselines

    people = None if raters is None else scoring_baselines.read_raters(raters)
    fitted = read(train or manifest, ["train"])
    name = scorer or registry.default("scorer")
    job = prepared("scorer", name, manifest, common)
    loaded = registry.load("scorer", name, device=common.device)
    found, _ = evaluation.evaluate(job, loaded, train=fitted, raters=people)
    return present(found, evaluation.KEYS, json=json)


@app.command
def tutor(
    manifest: Annotated[
        Path, Parameter(help="A manifest with raters' scores, or `score --json` rows with ids.")
    ],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the results; a stopped run goes on there.")],
    split: Annotated[str, Parameter(help="Split of the manifest.")] = "dev",
    limit: Annotated[int, Parameter(help="Utterances to word feedback for, evenly chosen.")] = 200,
    model: Annotated[str | None, Parameter(help="The model that words the feedback; none skips it.")] = None,
    adapter: Annotated[Path | None, Parameter(help="A LoRA adapter for the models.")] = None,
    dialogues: Annotated[Path | None, Parameter(help="ErAConD's turns, to measure grammar on dev.")] = None,
    grammar: Annotated[str | None, Parameter(help="The grammar model (the default).")] = None,
    against: Annotated[
        Path | None, Parameter(help="The --out of an earlier run to compare with, paired.")
    ] = None,
    draws: Annotated[int, Parameter(help="Draws of speakers or dialogues for the intervals.")] = 1000,
    seed: Annotated[int, Parameter(help="Seed of the draws.")] = 0,
    device: Annotated[str | None, Parameter(help="cpu, cuda, cuda:1 …")] = None,
    json: AsJson = False,
) -> int:
    """Feedback held against its evidence, and grammar against corrected learner dialogues.

    OUT/feedback and OUT/grammar are evaluations like any other, for `speechtutor report`.
    """
    from speechtutor.evaluation import feedback, table
    from speechtutor.evaluation import grammar as correcting

    if limit < 1:
        raise InputError(f"limit must be 1 or more, not {limit}")
    shared = Shared(out, against, draws, seed, device, adapter)
    found: list[tuple[Summary, Sequence[str]]] = []
    if model is not None:
        found.append((_feedback(shared, manifest, split, limit, model), feedback.KEYS))
    if dialogues is not None:
        found.append((_grammar(shared, dialogues, grammar), correcting.KEYS))
    if not found:
        raise InputError("name a --model for the feedback, --dialogues for the grammar, or both")
    if json:
        show([one.json() for one, _ in found])
    else:
        print("\n".join(table.markdown(one, keys) for one, keys in found), end="")
    return 1 if any(one.counts.get("failed") for one, _ in found) else 0


@app.command
def learner(
    manifest: Annotated[Path, Parameter(help="A manifest with raters' scores of phones.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="Folder for the result; a stopped run goes on there.")],
    split: Annotated[
        str, Parameter(help="Split of the manifest; train is done by speaker-wise folds.")
    ] = "dev",
    heard: Annotated[
        Path | None, Parameter(help="Results of batch or score --json on these rows: they are the evidence.")
    ] = None,
    against: Annotated[Path | None, Parameter(help="Folder of an earlier run to compare with.")] = None,
    draws: Annotated[int, Parameter(help="Draws of speakers for the intervals.")] = 1000,
    seed: Annotated[int, Parameter(help="Seed of the folds and the draws.")] = 0,
    json: AsJson = False,
) -> int:
    """How well a speaker's first 3, 5 or 10 judged utterances foretell the rest, and a placement.

    Raters' scores are the evidence, so no audio is heard, or what a scorer heard before; train rows of the
    manifest say what to expect.
    """
    from speechtutor.corpora.manifest import read
    from speechtutor.evaluation import job as jobs
    from speechtutor.evaluation import learner as evaluation
    from speechtutor.evaluation import provenance
    from speechtutor.files.fingerprint import sha256

    job = jobs.Job(
        out=out,
        manifest=manifest,
        root=None,
        rows=evaluation.people(jobs.choose(manifest, split), evaluation.heard(heard) if heard else None),
        system=provenance.system("learner.belief", None, None),
        choice={"split": split, "seed": seed} | ({"heard": sha256(heard)} if heard else {}),
        settings={"split": split, "draws": draws, "seed": seed, "heard": heard and str(heard)},
        command=provenance.command(sys.argv),
        against=against,
        draws=draws,
        seed=seed,
    )
    found, _ = evaluation.evaluate(job, evaluation.people(read(manifest, ["train"])))
    return present(found, evaluation.KEYS, json=json)


@dataclass(frozen=True)
class Shared:
    """What both evaluations of a tutor are asked."""

    out: Path
    against: Path | None
    draws: int
    seed: int
    device: str | None
    adapter: Path | None

    def job(self, stage: str, name: str, part: str, **asked: Any) -> Job[Any]:
        """The job of one part, in its own folder."""
        from speechtutor import registry
        from speechtutor.evaluation import job, provenance
        from speechtutor.models.device import pick

        entry = registry.find(stage, name)
        adapter = None if name == "rules" else self.adapter
        return job.Job(
            out=self.out / part,
            root=None,
            system=provenance.system(name, entry.checkpoint, entry.revision, adapter),
            settings=asdict(self),
            command=provenance.command(sys.argv),
            device=pick(self.device).name,
            against=None if self.against is None else self.against / part,
            draws=self.draws,
            seed=self.seed,
            **asked,
        )

    def load(self, stage: str, name: str) -> Any:
        """The model, with the adapter where it takes one."""
        from speechtutor import registry

        options = {} if self.adapter is None or name == "rules" else {"adapter": self.adapter}
        return registry.load(stage, name, device=self.device, **options)


def _feedback(shared: Shared, manifest: Path, split: str, limit: int, model: str) -> Summary:
    from speechtutor.evaluation import feedback
    from speechtutor.tutor.phrasing import LlmTutor

    items = feedback.scores(manifest, split, limit)
    # What a row says depends on its evidence alone: a larger limit goes on with the same rows.
    job = shared.job(
        "tutor", model, "feedback", manifest=manifest, rows=items, choice={"split": split},
        over=feedback.over(items),
    )  # fmt: skip
    loaded = shared.load("tutor", model)
    if not isinstance(loaded, LlmTutor):
        raise InputError(f"{model} words nothing with a model: there is nothing to verify")
    return feedback.evaluate(job, loaded)[0]


def _grammar(shared: Shared, dialogues: Path, name: str | None) -> Summary:
    from speechtutor import registry
    from speechtutor.corpora.eracond import read
    from speechtutor.evaluation import grammar

    chosen = name or registry.default("grammar")
    turns = grammar.turns_with_words([turn for turn in read(dialogues) if turn.split == "dev"])
    job = shared.job(
        "grammar", chosen, "grammar", manifest=dialogues, rows=turns, choice={"dialogues": "dev"},
        over=grammar.OVER,
    )  # fmt: skip
    return grammar.evaluate(job, shared.load("grammar", chosen))[0]
