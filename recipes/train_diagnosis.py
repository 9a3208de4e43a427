"""Train the diagnosis: which sounds were said, from what one or two ears heard.

Data      the rows of make_mistakes; data_manifests/speechocean762.jsonl (train, and dev for thresholds)
Run       python -m recipes.train_diagnosis --ear runs/ear/acoustic
Expect    see recipes/README.md

Cases are heard once and kept in OUT, a file a group, so that a second run only trains. The ears know the
train speakers, so that only the dev speakers' phones look as a new learner's do: the networks learn from
both, and are cross-fitted over the dev speakers (Chernozhukov et al., 2018). OUT/fold-K is trained without
the dev speakers of fold K; what those networks say of them and of the dev voices sets probabilities and
thresholds, and is what the report tells. OUT/diagnosis, which ships, is trained on all of them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recipes.shared import known_cases, settings, synthetic
from speechtutor import config
from speechtutor.errors import InputError
from speechtutor.evaluation.known_error_places import hear
from speechtutor.evaluation.known_errors import Case
from speechtutor.files import disk
from speechtutor.scoring.diagnosis import IGNORED, RIGHT

if TYPE_CHECKING:
    from speechtutor.core import Utterance
    from speechtutor.stages import AcousticModel
    from speechtutor.training.diagnosis import Places

log = logging.getLogger("train_diagnosis")

RATES = {"lenient": 0.003, "standard": 0.01, "strict": 0.03}
"""False alarms in well-said phones that each strictness stands for, gaps included."""

GAP_SHARE = 0.2
"""How much of them may be sounds put in."""

BASE = 0.05
"""Share of sounds that are wrong for which the probabilities are calibrated; 4 % of the corpus's are."""

WEIGHTS = {
    "voices": (0.2, 1.0),
    "voices-heard": (0.1, 0.5),
    "blended": (0.5, 0.5),
    "swapped": (1.0, 0.5),
    "rated": (0.6, 0.3),
}
"""How much a right and a wrong place of each group counts in training. Raters let pass some of what learners
say wrong, and voices say what they are told: so one threshold serves both."""


@dataclass(frozen=True)
class Config:
    """What the diagnosis learns from."""

    manifest: Path = Path("data_manifests/speechocean762.jsonl")
    """Learners' readings with raters' scores."""
    root: Path = Path("../shared/data/speechocean762")
    """Folder that the manifest's audio paths are relative to."""
    voices: list[Path] = field(default_factory=lambda: [Path("runs/mistakes/rows.jsonl")])
    """Manifests of readings by voices whose sounds are known."""
    heard: list[Path] = field(default_factory=list)
    """Manifests whose clips the ear was trained on; they count half."""
    dev_voices: list[Path] = field(default_factory=lambda: [Path("runs/mistakes/dev.jsonl")])
    """Such readings by voices that nothing is trained on, for calibration."""
    scorer_ear: str | None = None
    """The acoustic model that the scorer listens with."""
    ear: str = "whisper-base-ear"
    """The second ear: weights that ship or a folder."""
    named: str = "whisper-base-ear"
    """The name of that ear in the settings that are written."""
    out: Path = Path("runs/diagnosis")
    """Folder for what was heard, and OUT/diagnosis for the result."""
    readings: int = 460
    """Train readings, evenly spread."""
    blends: int = 320
    """Train readings, evenly spread, in which sounds are replaced."""
    dev_readings: int = 500
    """Dev readings, evenly spread, for the networks and, speaker by speaker left out, for calibration."""
    folds: int = 4
    """Parts of the dev speakers that are left out in turn."""
    n_claims: int = 2
    """Wrong texts for each reading."""
    wrong: int = 3
    """Wrong sounds in such a text, and in a reading with sounds replaced."""
    harsh: float = 0.4
    """Share of the voices' clips that are heard in a room, by a poor line or in noise."""
    epochs: int = 8
    """Passes over the places."""
    seeds: int = 2
    """Networks that are averaged."""
    seed: int = 0
    """Seed of the choice of cases and of the first network."""
    version: str = "1"
    """Version in the settings that are written."""
    smoke: bool = False
    """Train on three synthetic utterances with untrained ears."""


def pack(cases: Iterable[Case], ears: Sequence[AcousticModel], *, gate: bool) -> dict[str, np.ndarray]:
    """What the ears heard of the cases as arrays: one row a phone, one a gap."""
    parts: dict[str, list[np.ndarray]] = {}
    names: list[tuple[str, str]] = []
    last = None
    for case in cases:
        last = hear(case, ears, last, gate=gate)
        if last is None:
            continue
        signs, told, k = last.signs, last.labels, len(names)
        names.append((case.name, case.speaker))
        after = np.append(signs.canonical, 39)
        rows = {
            "phones.own": signs.phones.astype(np.float32),
            "phones.context": signs.around_phones.astype(np.float32),
            "phones.rows": signs.canonical,
            "phones.labels": told.phones,
            "phones.case": np.full(len(signs.canonical), k),
            "gaps.own": signs.gaps.astype(np.float32),
            "gaps.context": signs.around_gaps.astype(np.float32),
            "gaps.rows": after,
            "gaps.labels": told.gaps,
            "gaps.case": np.full(len(after), k),
        }
        for name, values in rows.items():
            parts.setdefault(name, []).append(np.asarray(values))
    if not names:
        return {}
    arrays = {name: np.concatenate(values) for name, values in parts.items()}
    return arrays | {"names": np.array([n for n, _ in names]), "speakers": np.array([s for _, s in names])}


def heard(
    name: str, cases: Iterator[Case], ears: Sequence[AcousticModel], out: Path, *, gate: bool
) -> dict[str, np.ndarray]:
    """The arrays of a group, from OUT or made now."""
    path = out / f"{name}.npz"
    if not path.exists():
        out.mkdir(parents=True, exist_ok=True)
        packed: dict[str, Any] = pack(cases, ears, gate=gate)
        np.savez(out / f".{name}.npz", **packed)
        (out / f".{name}.npz").replace(path)
        log.info("%s: %d cases", name, len(packed.get("names", ())))
    with np.load(path) as file:
        return dict(file)


def groups(cfg: Config, ears: Sequence[AcousticModel]) -> dict[str, dict[str, np.ndarray]]:
    """All that is trained and calibrated on, by group."""
    train, dev = ([row for _, row in part] for part in settings.read_rows(cfg.manifest))

    def spread(rows: Sequence[Utterance], n: int) -> list[Utterance]:
        return list(rows[:: max(len(rows) // max(n, 1), 1)][:n])

    def voices(paths: Sequence[Path], split: str, group: str) -> Iterator[Case]:
        for path in paths:
            rows = known_cases.read(path, [split])
            yield from known_cases.of_voices(rows, path.parent, group, cfg.harsh, cfg.seed)

    def readings(rows: Sequence[Utterance]) -> Iterator[Case]:
        yield from known_cases.of_readings(
            rows, cfg.root, cfg.n_claims, cfg.seed, wrong=cfg.wrong, whole=False
        )

    def blends(rows: Sequence[Utterance]) -> Iterator[Case]:
        yield from known_cases.of_blends(rows, cfg.root, ears[0], cfg.seed, wrong=cfg.wrong, whole=False)

    made: dict[str, Callable[[], Iterator[Case]]] = {
        "voices": lambda: voices(cfg.voices, "train", "voices"),
        "voices-heard": lambda: voices(cfg.heard, "train", "voices-heard"),
        "readings": lambda: readings(spread(train, cfg.readings)),
        "blended": lambda: blends(spread(train, cfg.blends)),
        "dev-voices": lambda: voices(cfg.dev_voices, "dev", "dev-voices"),
        "dev-readings": lambda: readings(spread(dev, cfg.dev_readings)),
    }
    skipped = {"voices-heard"} if not cfg.heard else set()
    found = {
        name: heard(name, cases(), ears, cfg.out, gate=not cfg.smoke)
        for name, cases in made.items()
        if name not in skipped
    }
    if missing := [name for name in ("voices", "dev-voices", "dev-readings") if not found[name]]:
        raise InputError(f"nothing could be heard of {', '.join(missing)}")
    return {name: arrays for name, arrays in found.items() if arrays}


def places(found: dict[str, np.ndarray], part: str, weight: float) -> Places:
    """The phones or gaps of a group."""
    from speechtutor.training.diagnosis import Places

    labels = found[f"{part}.labels"]
    own, context = found[f"{part}.own"], found[f"{part}.context"]
    return Places(
        own,
        context,
        found[f"{part}.rows"],
        labels,
        np.full(len(labels), weight, np.float32),
        part == "phones",
    )


def joined(parts: Sequence[Places]) -> Places:
    """Several groups as one."""
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(p, name) for p in parts])
        for name in ("own", "context", "rows", "labels", "weights")
    }
    return replace(parts[0], **arrays)


def weighed(found: dict[str, np.ndarray], part: str, name: str) -> Places:
    """The places of a group, each with its weight; of readings, by whether the text was made wrong."""
    made = places(found, part, 1.0)
    right, wrong = (np.full(len(made.labels), weight) for weight in WEIGHTS.get(name, (1.0, 1.0)))
    if name in ("readings", "dev-readings"):
        swapped = np.array(["-" in case for case in found["names"]])[found[f"{part}.case"]]
        right, wrong = (
            np.where(swapped, one, other)
            for one, other in zip(WEIGHTS["swapped"], WEIGHTS["rated"], strict=True)
        )
    return replace(made, weights=np.where(made.labels == RIGHT, right, wrong).astype(np.float32))


def fold_of(speakers: Sequence[str], n_folds: int) -> dict[str, int]:
    """The fold of each dev speaker: in turn, by name."""
    return {speaker: i % n_folds for i, speaker in enumerate(sorted(set(speakers)))}


def folds(found: dict[str, np.ndarray], part: str, n_folds: int) -> np.ndarray:
    """(n_places,) which fold each place is of."""
    speakers = found["speakers"].tolist()
    fold = fold_of(speakers, n_folds)
    of_case = np.array([fold[s] for s in speakers])
    return np.asarray(of_case[found[f"{part}.case"]])


def chosen(places_: Places, kept: np.ndarray) -> Places:
    """Some of the places."""
    names = ("own", "context", "rows", "labels", "weights")
    return replace(places_, **{name: getattr(places_, name)[kept] for name in names})


def clean(found: dict[str, np.ndarray], part: str) -> np.ndarray:
    """(n_places,) whether the place is of a case without any known error: a twin or a rated reading."""
    kept = [name.endswith("-right") or ("-" not in name) for name in found["names"].tolist()]
    return np.asarray(np.array(kept)[found[f"{part}.case"]])


def measured(
    p: np.ndarray, best: np.ndarray, labels: np.ndarray, kept: np.ndarray, limit: float
) -> dict[str, float]:
    """Recall, named right and false alarms at a threshold, and recall at 1 and 2 % false alarms."""
    wrong, fine = labels >= 0, (labels == RIGHT) & kept
    counts = {"n wrong": float(wrong.sum()), "n right": float(fine.sum())}
    if not wrong.any() or not fine.any():
        return counts
    ordered = np.sort(p[fine])[::-1]
    at = {
        f"recall at {rate:.0%}": float((p[wrong] > ordered[int(rate * fine.sum())]).mean())
        for rate in (0.01, 0.02)
    }
    flagged = wrong & (p >= limit)
    named = float((best[flagged] == labels[flagged]).mean()) if flagged.any() else 0.0
    alarms = float((p[fine] >= limit).mean())
    recall = float((p[wrong] >= limit).mean())
    return counts | {"recall": recall, "named right": named, "false alarms": alarms} | at


@dataclass(frozen=True)
class Trained:
    """Networks of phones or gaps: those of every fold, those of all, their settings, and what dev says."""

    folds: list[list[Any]]
    whole: list[Any]
    settings: dict[str, Any]
    report: dict[str, Any]


def train_part(cfg: Config, found: dict[str, dict[str, np.ndarray]], part: str) -> Trained:
    """Cross-fit the networks of phones or gaps, calibrate them on what they did not see, train on all."""
    from speechtutor.training import diagnosis as training_

    recipe = training_.Recipe(epochs=cfg.epochs)
    base = [weighed(found[name], part, name) for name in found if not name.startswith("dev")]
    own = weighed(found["dev-readings"], part, "readings")
    voices = places(found["dev-voices"], part, 1.0)
    fold = folds(found["dev-readings"], part, cfg.folds)
    members, p, best = [], np.zeros(len(fold)), np.zeros(len(fold), dtype=np.int64)
    for k in range(cfg.folds):
        train = joined([*base, chosen(own, fold != k)])
        members.append([training_.fit(train, recipe, cfg.seed + i) for i in range(cfg.seeds)])
        p[fold == k], best[fold == k] = training_.wrongness(members[-1], chosen(own, fold == k))
    every = [network for networks in members for network in networks]
    heard_ = {"dev-voices": training_.wrongness(every, voices), "dev-readings": (p, best)}
    whole = [training_.fit(joined([*base, own]), recipe, cfg.seed + i) for i in range(cfg.seeds)]
    settings_, report = calibrated(found, part, heard_)
    return Trained(members, whole, settings_, report)


def calibrated(
    found: dict[str, dict[str, np.ndarray]], part: str, heard_: dict[str, tuple[np.ndarray, np.ndarray]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The settings of a calibration on what networks say of those they did not see, and a report."""
    from speechtutor.training import diagnosis as training_

    share = GAP_SHARE if part == "gaps" else 1 - GAP_SHARE
    rates = {name: rate * share for name, rate in RATES.items()}
    sets, seen = {}, {}
    for name, (p, best) in heard_.items():
        labels, kept = found[name][f"{part}.labels"], clean(found[name], part)
        # Beside a known error a place is no example of a well-said one.
        sets[name] = (p, np.where((labels == RIGHT) & ~kept, IGNORED, labels))
        seen[name] = (p, best, labels, kept)
    curve, each = training_.calibration(list(sets.values()), rates, BASE)
    report: dict[str, Any] = {"thresholds by group": each}
    for name, (p, best, labels, kept) in seen.items():
        report[name] = measured(curve(p), best, labels, kept, curve.thresholds["standard"])
    settings_ = {"slope": curve.slope, "offset": curve.offset, "thresholds": dict(curve.thresholds)}
    return settings_, report


def write(folder: Path, cfg: Config, networks: dict[str, list[Any]], settings_: dict[str, Any]) -> None:
    """A folder that `speechtutor.models.diagnosis.load` reads: the networks and their settings."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{part}.{i}.{name}": np.ascontiguousarray(value.astype(np.float32))
        for part, members in networks.items()
        for i, member in enumerate(members)
        for name, value in member.items()
    }
    save_file(tensors, folder / "networks.safetensors")
    written = {"name": "diagnosis", "version": cfg.version, "ear": cfg.named, "base": BASE, "rates": RATES}
    disk.write_text(folder / "config.json", json.dumps(written | settings_, indent=1) + "\n")


def run(cfg: Config) -> dict[str, Any]:
    """Hear, train, calibrate, write; returns what dev says."""
    from speechtutor.models.acoustic import load

    ears: list[AcousticModel]
    if cfg.smoke:
        from recipes import make_mistakes

        tiny = synthetic.tiny_acoustic(cfg.out / "acoustic")
        ears = [load(tiny), load(tiny)]
        folder = cfg.out / "mistakes"
        make_mistakes.run(make_mistakes.Config(out=folder, smoke=True))
        rows = synthetic.corpus(cfg.out / "corpus")
        cfg = replace(
            cfg, manifest=rows, root=rows.parent, voices=[folder / "rows.jsonl"], epochs=1, seeds=1,
            dev_voices=[folder / "dev.jsonl"], harsh=0.5, folds=2,
        )  # fmt: skip
    else:
        ears = [load(cfg.scorer_ear), load(cfg.ear)]
    config.save(cfg, cfg.out)
    found = groups(cfg, ears)
    trained = {part: train_part(cfg, found, part) for part in ("phones", "gaps")}
    settings_ = {part: each.settings for part, each in trained.items()}
    for k in range(cfg.folds):
        write(cfg.out / f"fold-{k}", cfg, {part: each.folds[k] for part, each in trained.items()}, settings_)
    write(cfg.out / "diagnosis", cfg, {part: each.whole for part, each in trained.items()}, settings_)
    report = {part: each.report for part, each in trained.items()}
    log.info("%s", json.dumps(report))
    disk.write_text(cfg.out / "report.json", json.dumps(report, indent=1) + "\n")
    return report


if __name__ == "__main__":
    config.main(run, Config)
