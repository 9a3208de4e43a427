"""How many wrong sounds are found and named, and how many right ones are called wrong, where both are known.

Data      data_manifests/speechocean762.jsonl (dev); the rows of make_mistakes
Run       python -m recipes.evaluate_known_errors
Expect    see recipes/README.md

Always one or two wrong sounds in an otherwise right sentence. Groups: learners' well-rated readings against
texts made wrong (swapped), the same with sounds of the same speaker cut in (blended), voices that were
trained on with other texts (seen), voices that nothing was trained, chosen or calibrated on (unseen), one
of them of another engine. False alarms are counted on clean twins, and on phones that raters found good.
The scorer is judged beside it, by its own error probability and threshold.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recipes.shared import evaluating, known_cases, synthetic
from speechtutor import config, hub, registry
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation import diagnosis, provenance, table
from speechtutor.evaluation.diagnosis import Reading
from speechtutor.evaluation.job import Job
from speechtutor.evaluation.known_error_places import hear
from speechtutor.evaluation.known_errors import Case, well_said
from speechtutor.evaluation.result import Summary
from speechtutor.files import fingerprint
from speechtutor.hub import description, shipped
from speechtutor.scoring.diagnosis import Model

if TYPE_CHECKING:
    from speechtutor.core import Utterance, UtteranceScore
    from speechtutor.models.diagnosis import Diagnoser
    from speechtutor.stages import AcousticModel

BLENDED = 6
"""Readings of a speaker that get other sounds, as many as `known_cases.of_blends` takes."""


@dataclass(frozen=True)
class Config:
    """What is judged by what."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Learners' readings with raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    mistakes: Path = Path("runs/mistakes")
    """Folder of make_mistakes."""
    voices: dict[str, str] = field(
        default_factory=lambda: {
            "voices, seen": "seen.jsonl",
            "voices, unseen": "held-out.jsonl",
            "other engine, unseen": "other-held-out.jsonl",
            "engine never trained on": "fourth-held-out.jsonl",
        }
    )
    """Groups of voices and their manifests."""
    out: Path = Path("runs/evaluate_known_errors")
    """Folder for config.json, utterances.jsonl, summary.json and report.md."""
    scorer: str | None = None
    """A scorer of the registry or a folder."""
    diagnosis: str | None = None
    """A folder of train_diagnosis; by default the weights that ship."""
    folds: Path | None = None
    """The OUT of train_diagnosis: each dev speaker is judged by the networks that never saw him or her."""
    ear: str | None = None
    """The ear of the diagnosis, where it is not the one its settings name."""
    rated: int = 250
    """Dev readings, evenly spread, for the false alarms on phones that raters found good; 0 takes all."""
    n_claims: int = 6
    """Wrong texts for each well-said dev reading, one wrong sound each."""
    limit: int = 0
    """At most so many clips of each group of voices, the first ones; 0 takes all."""
    draws: int = 500
    """Draws of speakers for the intervals."""
    device: str | None = None
    """auto, cpu, cuda, cuda:N or mps."""
    seed: int = 0
    """Seed of the choice of wrong sounds and of the draws."""
    smoke: bool = False
    """Untrained ears, made-up data."""


def readings(cfg: Config, acoustic: AcousticModel) -> Iterator[Reading]:
    """Every recording of every group, with the cases that it gives once they are asked for.

    Raises:
        InputError: for a manifest without dev rows, or of which a row does not say what was said.
    """
    rows = [row for row in manifest.read(cfg.manifest) if row.split == "dev"]
    if not rows:
        raise InputError(f"{cfg.manifest} has no dev rows")
    step = max(len(rows) // cfg.rated, 1) if cfg.rated else 1
    for k, row in enumerate(rows):
        of_row = _readings(cfg, row, k)
        if k % step == 0:
            yield _reading("real, as raters judged", row, lambda of_row=of_row: [next(of_row())])  # type: ignore[misc]
        if _whole(row):
            yield _reading("real, swapped", row, lambda of_row=of_row: list(of_row())[1:])  # type: ignore[misc]
    yield from _blends(cfg, rows, acoustic)
    for group, name in cfg.voices.items():
        path = cfg.mistakes / name
        if path.is_file():
            for row in known_cases.read(path, ["dev", "test"])[: cfg.limit or None]:
                # Its recording lies beside its own manifest, not under the root of the run.
                yield replace(_reading(group, row, _voice(cfg, row, path.parent, group)), audio="")


def _reading(group: str, row: Utterance, cases: Callable[[], list[Case]]) -> Reading:
    return Reading(f"{group}: {row.id}", group, row.speaker, row.split, row.audio, row.text, cases)


def _whole(row: Utterance) -> bool:
    return row.scores is not None and well_said(row.scores.words)


def _readings(cfg: Config, row: Utterance, k: int) -> Callable[[], Iterator[Case]]:
    return lambda: known_cases.of_readings(
        [row], cfg.root, cfg.n_claims, cfg.seed, wrong=1, whole=True, start=k
    )


def _voice(cfg: Config, row: Utterance, root: Path, group: str) -> Callable[[], list[Case]]:
    return lambda: list(known_cases.of_voices([row], root, group, 0.0, cfg.seed))


def _blends(cfg: Config, rows: list[Utterance], acoustic: AcousticModel) -> Iterator[Reading]:
    """Readings with single sounds of the same speaker; a speaker's sounds are cut out once for them all."""
    by_speaker: dict[str, list[Utterance]] = {}
    for row in filter(_whole, rows):
        by_speaker.setdefault(row.speaker, []).append(row)

    @lru_cache(maxsize=1)
    def made(speaker: str) -> Mapping[str, Case]:
        own = known_cases.of_blends(by_speaker[speaker], cfg.root, acoustic, cfg.seed, wrong=1, whole=True)
        return {case.name: case for case in own}

    def case(row: Utterance) -> list[Case]:
        found = made(row.speaker).get(f"{row.id}-blended")
        return [] if found is None else [found]

    for own in by_speaker.values():
        for row in own[:BLENDED]:
            # The blended recording is nowhere on the disk.
            yield replace(_reading("real, blended", row, lambda row=row: case(row)), audio="")  # type: ignore[misc]


def markdown(found: Summary) -> str:
    """The table of groups."""
    return "\n".join(table.lines(found.tables[0])) + "\n"


def run(cfg: Config) -> Summary:
    """Judge every reading, or go on with a stopped run; write the result and return its summary.

    Raises:
        SpeechTutorError: for data, weights or a folder that cannot be used.
    """
    from speechtutor.models import diagnosis as diagnosis_
    from speechtutor.models.acoustic import load as load_acoustic

    gate, name = not cfg.smoke, cfg.scorer or registry.default("scorer")
    if cfg.smoke:
        cfg, scorer, diagnoser = _made_up(cfg)
    else:
        # Without its own diagnosis: as raters would judge.
        scorer = registry.load("scorer", name, device=cfg.device, strictness=None)
        ear = load_acoustic(cfg.ear, cfg.device) if cfg.ear else None
        diagnoser = diagnosis_.load(cfg.diagnosis, cfg.device, ear=ear)
    job = _job(cfg, name if gate else "guessing", scorer, diagnoser)
    found, _ = diagnosis.evaluate(job, scorer, diagnoser, _apart(cfg), gate=gate)
    return evaluating.reported(found, cfg.out, diagnosis.KEYS)


def _job(cfg: Config, scorer: str, loaded: Any, diagnoser: Diagnoser) -> Job[Reading]:
    """The job, known by the content of all that is judged and of all that judges."""
    from speechtutor.models.device import pick

    ear = cfg.ear or _ear_of(cfg.diagnosis)
    entry = registry.find("scorer", scorer) if scorer != "guessing" else None
    folds = sorted(cfg.folds.glob("fold-*")) if cfg.folds else []
    voices = {group: cfg.mistakes / name for group, name in cfg.voices.items()}
    return Job(
        out=cfg.out,
        manifest=cfg.manifest,
        root=None,
        rows=list(readings(cfg, loaded.acoustic)),
        system={
            "name": f"{diagnoser.name} {diagnoser.version}",
            "content": hub.content(cfg.diagnosis) if cfg.diagnosis else fingerprint.digest(shipped.WEIGHTS),
            "ear": ear,
            "ear_content": hub.content(ear),
            "folds": {path.name: fingerprint.digest(path) for path in folds},
            "scorer": provenance.system(scorer, entry.checkpoint, entry.revision) if entry else scorer,
        },
        choice={
            "rated": cfg.rated,
            "claims": cfg.n_claims,
            "limit": cfg.limit,
            "seed": cfg.seed,
            "voices": {group: fingerprint.sha256(path) for group, path in voices.items() if path.is_file()},
        },
        settings=asdict(cfg),
        command=provenance.command(sys.argv),
        device=pick(cfg.device).name,
        draws=cfg.draws,
        seed=cfg.seed,
    )


def _ear_of(diagnosis: str | None) -> str:
    """The ear that the settings of a diagnosis name."""
    from speechtutor.models.diagnosis import NAME, restore

    folder = hub.resolve(diagnosis or NAME, hub=False, role=description.DIAGNOSIS)
    return str(restore(Path(folder))[1]["ear"])


def _apart(cfg: Config) -> dict[str, Model]:
    """For each dev speaker the model that was trained without him or her; empty without `folds`."""
    from recipes.train_diagnosis import fold_of
    from speechtutor.models import diagnosis as diagnosis_

    if cfg.folds is None:
        return {}
    models = [diagnosis_.restore(folder)[0] for folder in sorted(cfg.folds.glob("fold-*"))]
    if not models:
        raise InputError(f"{cfg.folds} has no fold-K of train_diagnosis")
    speakers = [row.speaker for row in manifest.read(cfg.manifest, ["dev"])]
    return {speaker: models[k] for speaker, k in fold_of(speakers, len(models)).items()}


def _made_up(cfg: Config) -> tuple[Config, Any, Any]:
    """Untrained ears, a diagnosis trained on noise and a scorer that guesses, for a trial run."""
    from recipes import train_diagnosis
    from speechtutor.models import diagnosis as diagnosis_
    from speechtutor.models.acoustic import load as load_acoustic

    train_diagnosis.run(train_diagnosis.Config(out=cfg.out / "diagnosis", smoke=True))
    rows = synthetic.corpus(cfg.out / "corpus")
    small = replace(
        cfg,
        manifest=rows,
        root=rows.parent,
        mistakes=cfg.out / "diagnosis" / "mistakes",
        draws=20,
        n_claims=1,
        folds=cfg.out / "diagnosis",
        diagnosis=str(cfg.out / "diagnosis" / "diagnosis"),
        ear=str(cfg.out / "diagnosis" / "acoustic" / "acoustic"),
    )
    ear = load_acoustic(small.ear)
    return small, _Guessing(ear), diagnosis_.load(small.diagnosis, ear=ear)


@dataclass(frozen=True)
class _Guessing:
    """The scorer of a trial run: it finds nothing."""

    acoustic: Any

    def score(self, recording: Any, text: str, *, words: Any) -> UtteranceScore:
        """Every aligned phone with full marks."""
        from speechtutor.core import PhoneScore, WordScore
        from speechtutor.core import UtteranceScore as Score

        found = hear(Case("", "", "", recording, tuple(words), ()), [self.acoustic], gate=False)
        aligned = found.alignment.phones if found else ()
        judged = tuple(
            WordScore(
                word.text, 1.0, char_start=0, char_end=1,
                phones=tuple(PhoneScore(p.canonical, 1.0) for p in aligned if p.word == w),
            )
            for w, word in enumerate(words)
        )  # fmt: skip
        return Score(text, judged, overall=1.0)


if __name__ == "__main__":
    config.main(run, Config, markdown)
