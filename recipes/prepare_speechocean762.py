"""Write the manifest of speechocean762 (Zhang et al., 2021, OpenSLR 101).

Data      the corpus as published: `WAVE`, `train`, `test` and `resource/scores.json` in one folder;
          or its train part repacked: `scores-train.json`, `speakers-train.tsv` and `train/*.flac`
Run       python -m recipes.prepare_speechocean762 --corpus ../shared/data/speechocean762
Expect    2,500 rows: 2,000 train (100 speakers), 500 dev (25 speakers); seconds

The test part is written to a manifest of its own (`--part test`), for trainers refuse one that holds
test rows.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import formats, manifest
from speechtutor.errors import InputError

DEV_SPEAKERS = Path(__file__).parents[1] / "data_manifests" / "speechocean762-dev-speakers.txt"
ADULT_AGE = 16
RATES = (16_000,)
SCORES = Path("resource") / "scores.json"


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("../shared/data/speechocean762")
    """Folder of the corpus as published, or with scores-train.json, speakers-train.tsv and train/*.flac."""
    out: Path = Path("data_manifests/speechocean762.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    part: Literal["train", "test"] = "train"
    """The corpus's own train part (train and dev rows), or its test part (test rows)."""
    smoke: bool = False
    """Write the manifest of a made-up corpus instead."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """A row of the speaker table."""

    id: str
    age: int
    gender: str


def _phone(symbol: str, score: float) -> PhoneScore:
    return PhoneScore(symbol.rstrip("012"), score / 2)


def _word(row: dict[str, Any]) -> WordScore:
    # Older releases write the phones of a word as one string.
    symbols = row["phones"].split() if isinstance(row["phones"], str) else row["phones"]
    phones = tuple(map(_phone, symbols, row["phones-accuracy"]))
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


def published(corpus: Path, part: str) -> list[dict[str, str]]:
    """The speaker table of a part, from the Kaldi tables of the published corpus.

    Raises:
        InputError: when a table is missing, or an utterance or a speaker is not in all of them.
    """
    names = ("wav.scp", "utt2spk", "spk2age", "spk2gender", "text")
    formats.require(corpus, [f"{part}/{name}" for name in names], "speechocean762")
    wav, who, age, gender, text = (formats.keyed(corpus / part / name) for name in names)
    rows = []
    for utt, speaker in who.items():
        places = (
            (wav, names[0], utt),
            (age, names[2], speaker),
            (gender, names[3], speaker),
            (text, names[4], utt),
        )
        for table, name, key in places:
            if key not in table:
                raise InputError(f"{corpus / part / name}: no {key}, which {corpus / part / 'utt2spk'} has")
        rows.append({
            "utt": utt, "speaker": speaker, "age": age[speaker], "gender": gender[speaker], "audio": wav[utt],
            "text": text[utt],
        })  # fmt: skip
    return rows


def repacked(corpus: Path) -> list[dict[str, str]]:
    """The speaker table of the repacked train part.

    Raises:
        InputError: when it is missing or damaged.
    """
    formats.require(corpus, ("scores-train.json", "speakers-train.tsv"), "speechocean762")
    table = formats.table(corpus / "speakers-train.tsv", ("utt", "speaker", "age", "gender"))
    return [row | {"audio": f"train/{row['utt']}.flac"} for _, row in table]


def load(corpus: Path, dev: Sequence[str], part: str = "train") -> list[Utterance]:
    """The corpus as manifest rows, in the order of its own tables.

    Raises:
        InputError: when a file of the corpus is missing, or its parts do not fit together.
    """
    whole = (corpus / SCORES).is_file()
    if part == "test" and not whole:
        raise InputError(f"{corpus / SCORES} is missing: only the published corpus has a test part")
    rows = published(corpus, part) if whole else repacked(corpus)
    source = corpus / (SCORES if whole else "scores-train.json")
    scores = json.loads(formats.text_of(source))
    found = []
    for row in rows:
        rated = scores.get(row["utt"])
        if rated is None or row.get("text", rated["text"]) != rated["text"]:
            raise InputError(f"{source}: {row['utt']} has no scores, or another text than in {part}/text")
        split = "test" if part == "test" else "dev" if row["speaker"] in dev else "train"
        found.append(
            Utterance(
                id=row["utt"],
                audio=row["audio"],
                text=rated["text"],
                speaker=row["speaker"],
                split=split,
                l1="zh",
                age=int(row["age"]),
                gender=row["gender"],
                scores=_scores(rated),
            )
        )
    return found


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


_SMOKE_WORD = {
    "text": "HI", "accuracy": 10, "stress": 10, "total": 10,
    "phones": ["HH", "AY0"], "phones-accuracy": [2, 1.4],
}  # fmt: skip
_SMOKE_ROW = {
    "text": "HI", "accuracy": 8, "completeness": 10.0, "fluency": 9, "prosodic": 9, "total": 8,
    "words": [_SMOKE_WORD],
}  # fmt: skip


def smoke_corpus(folder: Path) -> Path:
    """Three train utterances of three speakers, and one for test, in the published layout."""
    speakers = {"train": {"0001": "6", "0003": "20", "0005": "30"}, "test": {"0007": "40"}}
    scores: dict[str, Any] = {}
    for part, people in speakers.items():
        ids = {who: f"{who[1:]}{n:06d}" for n, who in enumerate(people, start=11)}
        audio = {who: f"WAVE/SPEAKER{who}/{utt}.WAV" for who, utt in ids.items()}
        tables = {
            "wav.scp": {ids[who]: audio[who] for who in people},
            "utt2spk": {utt: who for who, utt in ids.items()},
            "text": dict.fromkeys(ids.values(), "HI"),
            "spk2age": people,
            "spk2gender": dict.fromkeys(people, "f"),
        }
        for name, table in tables.items():
            synthetic.text(folder / part / name, *map("\t".join, table.items()))
        for place in audio.values():
            synthetic.tone(folder / place, kind="WAV")
        scores |= dict.fromkeys(ids.values(), _SMOKE_ROW)
    synthetic.text(folder / SCORES, json.dumps(scores))
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    corpus = smoke_corpus(cfg.out.parent / "corpus") if cfg.smoke else cfg.corpus
    dev = DEV_SPEAKERS.read_text(encoding="utf-8").split()
    return manifest.write(cfg.out, load(corpus, dev, cfg.part), corpus, RATES)


if __name__ == "__main__":
    config.main(run, Config)
