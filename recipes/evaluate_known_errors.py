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

import json
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from recipes.shared import known_cases, synthetic
from speechtutor import config
from speechtutor.core.score import ERROR_THRESHOLD
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation.known_errors import Case
from speechtutor.files import disk
from speechtutor.metrics import speaker_bootstrap
from speechtutor.scoring.diagnosis import RIGHT, STRICTNESS, Diagnosis, Model
from speechtutor.text.phones import PHONES, VOWELS

if TYPE_CHECKING:
    from speechtutor.core import UtteranceScore
    from speechtutor.models.diagnosis import Diagnoser
    from speechtutor.models.scorer import PronunciationScorer

log = logging.getLogger("evaluate_known_errors")

SYSTEMS = ("diagnosis", "scorer")


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
    """Folder for config.json, report.json and report.md."""
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


@dataclass(frozen=True, slots=True)
class Place:
    """A wrong sound or a well-said phone, and what both systems said of it.

    `said` is None where the phone is right. `found` and `named` by system and strictness; `level` is the
    diagnosis's probability.
    """

    group: str
    speaker: str
    kind: str
    wanted: str
    said: str | None
    place: str
    level: float
    found: dict[str, bool]
    heard: dict[str, str | None]


def judge(
    case: Case, scorer: PronunciationScorer, diagnoser: Diagnoser, *, gate: bool = True
) -> Iterator[Place]:
    """Every wrong sound of a case, or, where it has none, every phone that is known to be right."""
    from speechtutor.scoring.observe import listen

    text = " ".join(word.text for word in case.words)
    score = scorer.score(case.recording, text, words=case.words)
    seen = known_cases.hear(case, [scorer.acoustic], gate=gate)
    if seen is None or score.overall is None:
        return
    second = listen(diagnoser.ear, case.recording, seen.quality)
    seen = replace(seen, emissions=(*seen.emissions, second))
    told, signs = seen.labels, seen.signs
    views = {name: diagnoser.model.diagnose(signs, name) for name in STRICTNESS}
    both = _Both(case, seen, views, _scored(score), [PHONES[c] for c in signs.canonical])
    if (told.phones >= 0).any() or (told.gaps >= 0).any():
        yield from (both.wrong(int(i), int(told.phones[i])) for i in np.flatnonzero(told.phones >= 0))
        yield from (both.added(int(g), int(told.gaps[g])) for g in np.flatnonzero(told.gaps >= 0))
    else:
        yield from (both.right(int(i)) for i in np.flatnonzero(told.phones == RIGHT))


@dataclass(frozen=True, slots=True)
class _Both:
    """A case with what the diagnosis, by strictness, and the scorer say of it."""

    case: Case
    seen: known_cases.Heard
    views: dict[str, Diagnosis]
    old: _Scored
    canonical: Sequence[str]

    def wrong(self, i: int, label: int) -> Place:
        """Phone `i`, in whose place another was said, or none."""
        kind = "deletion" if label == len(PHONES) else "substitution"
        found = {name: view.phones[i].heard is not None for name, view in self.views.items()}
        found["scorer"] = self.old.phones[i][0]
        finding = self.views["standard"].phones[i]
        heard = {"diagnosis": finding.nbest[0].phone, "scorer": self.old.phones[i][1]}
        return self._place(kind, i, (*PHONES, "")[label], finding.probability, found, heard)

    def right(self, i: int) -> Place:
        """Phone `i`, which was well said; a sound that is found before it is its false alarm too."""
        gaps = (i, i + 1) if i == len(self.canonical) - 1 else (i,)
        found = {
            name: view.phones[i].heard is not None or any(view.gaps[g].heard is not None for g in gaps)
            for name, view in self.views.items()
        }
        found["scorer"] = self.old.phones[i][0] or any(g in self.old.gaps for g in gaps)
        return self._place("right", i, None, self.views["standard"].phones[i].probability, found, {})

    def added(self, g: int, label: int) -> Place:
        """A sound that was put in before phone `g`."""
        found = {name: view.gaps[g].heard is not None for name, view in self.views.items()}
        found["scorer"] = g in self.old.gaps
        finding = self.views["standard"].gaps[g]
        heard = {"diagnosis": finding.nbest[0].phone, "scorer": self.old.gaps.get(g)}
        place, said = _gap(self.seen, g), PHONES[label]
        case = self.case
        return Place(
            case.group, case.speaker, "insertion", "", said, place, finding.probability, found, heard
        )

    def _place(
        self,
        kind: str,
        i: int,
        said: str | None,
        level: float,
        found: dict[str, bool],
        heard: dict[str, str | None],
    ) -> Place:
        case, wanted = self.case, self.canonical[i]
        place = _edge(self.seen, i)
        return Place(case.group, case.speaker, kind, wanted, said, place, level, found, heard)


@dataclass(frozen=True, slots=True)
class _Scored:
    """Of each phone whether it is called wrong and what was heard; the sounds found put in, by gap."""

    phones: list[tuple[bool, str | None]]
    gaps: dict[int, str]


def _scored(score: UtteranceScore) -> _Scored:
    phones: list[tuple[bool, str | None]] = []
    gaps: dict[int, str] = {}
    for word in score.words:
        if word.char_start is None:
            continue
        gaps |= {len(phones) + at: said for at, said in word.inserted}
        phones += [((p.error_probability or 0.0) >= ERROR_THRESHOLD, p.heard) for p in word.phones]
    return _Scored(phones, gaps)


def _edge(seen: known_cases.Heard, i: int) -> str:
    phones = seen.alignment.phones
    first = i == 0 or phones[i - 1].word != phones[i].word
    last = i + 1 == len(phones) or phones[i + 1].word != phones[i].word
    return "first" if first else "last" if last else "inner"


def _gap(seen: known_cases.Heard, g: int) -> str:
    phones = seen.alignment.phones
    inside = 0 < g < len(phones) and phones[g - 1].word == phones[g].word
    return "inner" if inside else "edge"


def cases(cfg: Config, scorer: PronunciationScorer) -> Iterator[Case]:
    """Every case of every group."""
    rows = [row for row in manifest.read(cfg.manifest) if row.split == "dev"]
    if not rows:
        raise InputError(f"{cfg.manifest} has no dev rows")
    names = {"rated": "real, as raters judged", "swapped": "real, swapped", "blended": "real, blended"}
    step = max(len(rows) // cfg.rated, 1) if cfg.rated else 1
    spread = {row.id for row in rows[::step]}
    for case in known_cases.of_readings(rows, cfg.root, cfg.n_claims, cfg.seed, wrong=1, whole=True):
        if case.group == "swapped" or case.name in spread:
            yield replace(case, group=names[case.group])
    for case in known_cases.of_blends(rows, cfg.root, scorer.acoustic, cfg.seed, wrong=1, whole=True):
        yield replace(case, group=names[case.group])
    for group, name in cfg.voices.items():
        path = cfg.mistakes / name
        if path.is_file():
            found = known_cases.read(path, ["dev", "test"])[: cfg.limit or None]
            yield from known_cases.of_voices(found, path.parent, group, 0.0, cfg.seed)


def _share(places: Sequence[Place], hits: Sequence[bool], cfg: Config) -> dict[str, Any] | None:
    """The share of places that are hits, with its interval over speakers; None of nothing."""
    if not places:
        return None
    values = np.array(hits, dtype=float)
    speakers = [place.speaker for place in places]
    found = speaker_bootstrap(lambda index: float(values[index].mean()), speakers, cfg.draws, cfg.seed)
    return {"value": found.value, "low": found.low, "high": found.high, "n": len(values)}


def _true(place: Place, system: str) -> bool:
    return place.heard["scorer" if system == "scorer" else "diagnosis"] == place.said


def summary(places: Sequence[Place], cfg: Config) -> dict[str, Any]:
    """Of one group: recall and named right by system, false alarms, and recall at 1 and 2 % of them."""
    wrong = [place for place in places if place.said is not None]
    fine = [place for place in places if place.said is None]
    table: dict[str, Any] = {"n wrong": len(wrong), "n right": len(fine)}
    for system in (*STRICTNESS, "scorer"):
        flagged = [place for place in wrong if place.found[system]]
        table[system] = {
            "recall": _share(wrong, [p.found[system] for p in wrong], cfg),
            "named right of flagged": _share(flagged, [_true(p, system) for p in flagged], cfg),
            "found and named right": _share(
                wrong, [p.found[system] and _true(p, system) for p in wrong], cfg
            ),
            "false alarms": _share(fine, [p.found[system] for p in fine], cfg),
        }
    levels = np.sort([place.level for place in fine])[::-1]
    changed = [place for place in wrong if place.kind != "insertion"]
    for rate in (0.01, 0.02):
        if len(levels) and changed:
            limit = levels[int(rate * len(levels))]
            table[f"phones: recall at {rate:.0%}"] = _share(
                changed, [place.level > limit for place in changed], cfg
            )
    return table


def parts(places: Sequence[Place], cfg: Config) -> dict[str, Any]:
    """Recall by kind of error, by class and by place in the word, for both systems."""
    wrong = [place for place in places if place.said is not None]
    keys: dict[str, Callable[[Place], str]] = {
        "kind": lambda p: p.kind,
        "class": lambda p: "vowel" if (p.wanted or p.said) in VOWELS else "consonant",
        "place": lambda p: p.place,
    }
    table: dict[str, Any] = {}
    for name, key in keys.items():
        for value in sorted({key(place) for place in wrong}):
            chosen = [place for place in wrong if key(place) == value]
            flagged = [place for place in chosen if place.found["standard"]]
            table[f"{name}: {value}"] = {
                "standard": _share(chosen, [p.found["standard"] for p in chosen], cfg),
                "named right of flagged": _share(flagged, [_true(p, "diagnosis") for p in flagged], cfg),
                "scorer": _share(chosen, [p.found["scorer"] for p in chosen], cfg),
            }
    return table


def confusions(places: Sequence[Place], n: int = 20) -> list[dict[str, Any]]:
    """The commonest wrong sounds: how often found and named."""
    wrong = [place for place in places if place.said is not None]
    counts = Counter((place.wanted, place.said) for place in wrong)
    rows = []
    for (wanted, said), count in counts.most_common(n):
        own = [place for place in wrong if (place.wanted, place.said) == (wanted, said)]
        rows.append(
            {
                "wanted": wanted,
                "said": said,
                "n": count,
                "found": float(np.mean([p.found["standard"] for p in own])),
                "found and named": float(
                    np.mean([p.found["standard"] and _true(p, "diagnosis") for p in own])
                ),
                "scorer found": float(np.mean([p.found["scorer"] for p in own])),
            }
        )
    return rows


def markdown(report: dict[str, Any]) -> str:
    """The summary as a table."""

    def cell(found: dict[str, Any] | None) -> str:
        if found is None:
            return ""
        return f"{found['value']:.3f} ({found['low']:.3f} to {found['high']:.3f})"

    head = (
        "group", "wrong / right", "recall", "named right of flagged", "false alarms", "recall at 1 % / 2 %",
        "scorer: recall", "scorer: found and named", "scorer: false alarms",
    )  # fmt: skip
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    for group, table in report["groups"].items():
        own, old = table["standard"], table["scorer"]
        at = " / ".join(f"{table[key]['value']:.2f}" for key in table if key.startswith("phones: recall"))
        cells = (group, f"{table['n wrong']} / {table['n right']}", cell(own["recall"]),
                 cell(own["named right of flagged"]), cell(own["false alarms"]), at, cell(old["recall"]),
                 cell(old["found and named right"]), cell(old["false alarms"]))  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def run(cfg: Config) -> dict[str, Any]:
    """Judge every case, write report.json and report.md; returns the report.

    Raises:
        SpeechTutorError: for data or weights that cannot be used.
    """
    from speechtutor import registry
    from speechtutor.models import diagnosis as diagnosis_
    from speechtutor.models.acoustic import load as load_acoustic

    if cfg.smoke:
        cfg, scorer, diagnoser = _made_up(cfg)
    else:
        # Without its own diagnosis: as raters would judge.
        scorer = registry.load("scorer", cfg.scorer, device=cfg.device, strictness=None)
        ear = load_acoustic(cfg.ear, cfg.device) if cfg.ear else None
        diagnoser = diagnosis_.load(cfg.diagnosis, cfg.device, ear=ear)
    apart = _apart(cfg)
    places: dict[str, list[Place]] = {}
    for k, case in enumerate(cases(cfg, scorer)):
        own = replace(diagnoser, model=apart[case.speaker]) if case.speaker in apart else diagnoser
        places.setdefault(case.group, []).extend(judge(case, scorer, own, gate=not cfg.smoke))
        if k % 100 == 99:
            log.info("%d cases, now %s", k + 1, case.group)
    report: dict[str, Any] = {
        "diagnosis": {"name": diagnoser.name, "version": diagnoser.version},
        "groups": {group: summary(own, cfg) for group, own in places.items()},
        "parts": {group: parts(own, cfg) for group, own in places.items()},
        "confusions": {group: confusions(own) for group, own in places.items()},
    }
    config.save(cfg, cfg.out)
    disk.write_text(cfg.out / "report.json", json.dumps(report, indent=1) + "\n")
    disk.write_text(cfg.out / "report.md", markdown(report))
    every = [asdict(place) for own in places.values() for place in own]
    disk.write_text(cfg.out / "places.jsonl", "".join(json.dumps(row) + "\n" for row in every))
    return report


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
    ear = load_acoustic(cfg.out / "diagnosis" / "acoustic" / "acoustic")
    found = diagnosis_.load(cfg.out / "diagnosis" / "diagnosis", ear=ear)
    rows = synthetic.corpus(cfg.out / "corpus")
    small = replace(
        cfg,
        manifest=rows,
        root=rows.parent,
        mistakes=cfg.out / "diagnosis" / "mistakes",
        draws=20,
        n_claims=1,
        folds=cfg.out / "diagnosis",
    )
    return small, _Guessing(ear), found


@dataclass(frozen=True)
class _Guessing:
    """The scorer of a trial run: it finds nothing."""

    acoustic: Any

    def score(self, recording: Any, text: str, *, words: Any) -> UtteranceScore:
        """Every aligned phone with full marks."""
        from speechtutor.core import PhoneScore, WordScore
        from speechtutor.core import UtteranceScore as Score

        found = known_cases.hear(Case("", "", "", recording, tuple(words), ()), [self.acoustic], gate=False)
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
