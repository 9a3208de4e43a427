"""Write the manifest of speechocean762 (Zhang et al., 2021, OpenSLR 101).

Data      the corpus: `scores-train.json`, `speakers-train.tsv` and `train/*.flac` in one folder
Run       python -m recipes.prepare_speechocean762 --corpus ../shared/data/speechocean762
Expect    2,500 rows: 2,000 train (100 speakers), 500 dev (25 speakers); seconds
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from speechtutor import config, manifest
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.errors import InputError

DEV_SPEAKERS = Path(__file__).parents[1] / "data_manifests" / "speechocean762-dev-speakers.txt"
ADULT_AGE = 16


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("../shared/data/speechocean762")
    """Folder with scores-train.json, speakers-train.tsv and train/*.flac."""
    out: Path = Path("data_manifests/speechocean762.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    smoke: bool = False
    """Write the manifest of a made-up corpus of three utterances instead."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A row of the speaker table."""

    id: str
    age: int
    gender: str


def _phone(symbol: str, score: float) -> PhoneScore:
    return PhoneScore(symbol.rstrip("012"), score / 2)


def _word(row: dict[str, Any]) -> WordScore:
    phones = tuple(map(_phone, row["phones"], row["phones-accuracy"]))
    # The corpus gives stress as 5 (wrong) or 10 (right), averaged over raters.
    stress = (row["stress"] - 5) / 5
    return WordScore(row["text"], row["accuracy"] / 10, stress=stress, total=row["total"] / 10, phones=phones)


def _scores(row: dict[str, Any]) -> UtteranceScore:
    return UtteranceScore(
        row["text"],
        tuple(map(_word, row["words"])),
        overall=row["total"] / 10,
        accuracy=row["accuracy"] / 10,
        fluency=row["fluency"] / 10,
        prosody=row["prosodic"] / 10,
        completeness=row["completeness"] / 10,
    )


def choose_dev(speakers: Sequence[Speaker], mean_score: dict[str, float]) -> list[str]:
    """Every fifth speaker by mean score within each cell of age under 16 and gender.

    The start is staggered from cell to cell so that the rounding does not favour one end of the scale.
    """
    cells: dict[tuple[bool, str], list[Speaker]] = defaultdict(list)
    for speaker in speakers:
        cells[speaker.age < ADULT_AGE, speaker.gender].append(speaker)
    chosen: list[str] = []
    rank = 0
    for cell in sorted(cells):
        for speaker in sorted(cells[cell], key=lambda s: (mean_score[s.id], s.id)):
            if rank % 5 == 2:
                chosen.append(speaker.id)
            rank += 1
    return sorted(chosen)


def load(corpus: Path, dev: Sequence[str]) -> list[Utterance]:
    """The corpus as manifest rows, in the order of the speaker table.

    Raises:
        InputError: when a file of the corpus is missing.
    """
    for name in ("scores-train.json", "speakers-train.tsv"):
        if not (corpus / name).is_file():
            raise InputError(f"{corpus / name} is missing: is {corpus} the speechocean762 folder?")
    scores = json.loads((corpus / "scores-train.json").read_text(encoding="utf-8"))
    with (corpus / "speakers-train.tsv").open(encoding="utf-8") as file:
        table = list(csv.DictReader(file, delimiter="\t"))
    return [
        Utterance(
            id=row["utt"],
            audio=f"train/{row['utt']}.flac",
            text=scores[row["utt"]]["text"],
            speaker=row["speaker"],
            split="dev" if row["speaker"] in dev else "train",
            l1="zh",
            age=int(row["age"]),
            gender=row["gender"],
            scores=_scores(scores[row["utt"]]),
        )
        for row in table
    ]


def dev_speakers(corpus: Path) -> list[str]:
    """The rule behind the committed list; run it only to check that the list follows from it."""
    rows = load(corpus, ())
    totals: dict[str, list[float]] = defaultdict(list)
    people: dict[str, Speaker] = {}
    for row in rows:
        if row.scores is None or row.scores.overall is None or row.age is None or row.gender is None:
            raise InputError(f"{row.id} lacks what the split rule needs: score, age and gender")
        totals[row.speaker].append(row.scores.overall)
        people[row.speaker] = Speaker(row.speaker, row.age, row.gender)
    return choose_dev(list(people.values()), {speaker: fmean(values) for speaker, values in totals.items()})


def _smoke_corpus(folder: Path) -> Path:
    """Three utterances in the corpus's exact layout."""
    import numpy as np
    import soundfile

    (folder / "train").mkdir(parents=True, exist_ok=True)
    word = {
        "text": "HI",
        "accuracy": 10,
        "stress": 10,
        "total": 10,
        "phones": ["HH", "AY0"],
        "phones-accuracy": [2, 1.4],
    }
    row = {
        "text": "HI",
        "accuracy": 8,
        "completeness": 10.0,
        "fluency": 9,
        "prosodic": 9,
        "total": 8,
        "words": [word],
    }
    ids = ["u1", "u2", "u3"]
    (folder / "scores-train.json").write_text(json.dumps({i: row for i in ids}), encoding="utf-8")
    lines = ["utt\tspeaker\tage\tgender"] + [f"{i}\ts{n}\t{10 * n}\tf" for n, i in enumerate(ids, start=1)]
    (folder / "speakers-train.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for i in ids:
        soundfile.write(folder / "train" / f"{i}.flac", np.zeros(1600, dtype=np.float32), 16_000)
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    corpus = _smoke_corpus(cfg.out.parent / "corpus") if cfg.smoke else cfg.corpus
    dev = DEV_SPEAKERS.read_text(encoding="utf-8").split()
    return manifest.write(cfg.out, load(corpus, dev), corpus)


if __name__ == "__main__":
    print(run(config.parse(Config)))
