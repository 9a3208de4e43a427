"""Write the manifest of your own recordings: a folder of audio with texts, and scores where people gave some.

Data      recordings with a text file of the same name beside each, or tables (csv, tsv, xlsx) that name them
Run       python -m recipes.prepare_folder --corpus recordings --out data_manifests/mine.jsonl
Expect    a row for every recording; seconds
Needs     pip install 'speechtutor[tables]' for xlsx

Without a table the speaker is the folder that a recording lies in. Folders `train`, `dev` and `test` at the
top are the splits, if all recordings lie in them.

A table has the columns `audio` (a path under the folder) and `text`, in capitals or not, and may have `id`,
`speaker`, `split`, `lang`, `l1`, `age`, `gender`, `accent`, and people's scores: `overall`, `accuracy`,
`fluency`, `prosody`, `completeness`, from `--lowest` to `--highest`, empty where nobody judged. A csv may
have commas, semicolons or tabs. Several tables make one manifest; rows of a table that is named train, dev
or test and has no column `split` are of that split.

Where nothing tells the split, shares of the speakers become dev and test, chosen by the hash of their names,
so that no speaker is in two; `--split test` makes all rows, of one speaker perhaps, rows to evaluate on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import Utterance, UtteranceScore
from speechtutor.core.score import ASPECTS
from speechtutor.corpora import folder, formats, manifest
from speechtutor.errors import InputError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Config:
    """Where the recordings are and how speakers are split."""

    corpus: Path = Path("recordings")
    """Folder of recordings; a recording's speaker is the folder it lies in."""
    table: list[Path] = field(default_factory=list)
    """csv, tsv or xlsx with the columns audio and text, in place of text files; one or several."""
    out: Path = Path("data_manifests/folder.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken, where the table does not say."""
    l1: str | None = None
    """First language of the speakers, where the table does not say."""
    split: Literal["train", "dev", "test"] | None = None
    """The split of all rows, whoever speaks."""
    dev: float = 0.1
    """Share of the speakers for dev, where nothing tells the split."""
    test: float = 0.1
    """Share of the speakers for test, where nothing tells the split."""
    lowest: float = 0.0
    """The worst score that people could give."""
    highest: float = 100.0
    """The best score that people could give."""
    smoke: bool = False
    """Write the manifest of a made-up folder of three recordings instead."""

    def __post_init__(self) -> None:
        """Refuse shares that leave nobody to train on, and a scale without length."""
        if min(self.dev, self.test) < 0 or self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} must be 0 or more and below 1 together")
        if not self.lowest < self.highest:
            raise ValueError(f"lowest {self.lowest} must be below highest {self.highest}")


def from_table(cfg: Config, path: Path) -> Iterator[Utterance]:
    """A row for every row of a table.

    Raises:
        InputError: naming the line that cannot be used.
    """
    named = path.stem.lower() if path.stem.lower() in manifest.SPLITS else ""
    for line, cells in formats.table(path, ("audio", "text")):
        # A text may have been written on several lines, and holds what a speaker reads: words.
        row = {key: " ".join(value.split()) for key, value in cells.items()}
        where, place = f"{path}, line {line}", Path(cells["audio"].strip().replace("\\", "/"))
        if not row["audio"] or not row["text"]:
            raise InputError(f"{where}: audio and text must not be empty")
        if row.get("age") and not row["age"].isdecimal():
            raise InputError(f"{where}: age {row['age']!r} is no whole number")
        owner = place.parent.as_posix() if place.parent.parts else cfg.corpus.resolve().name
        yield Utterance(
            id=row.get("id") or place.with_suffix("").as_posix(),
            audio=place.as_posix(),
            text=row["text"],
            speaker=row.get("speaker") or owner,
            split=row.get("split", "").lower() or ("" if "split" in row else named),
            lang=row.get("lang") or "",
            l1=row.get("l1") or None,
            age=int(row["age"]) if row.get("age") else None,
            gender=formats.gender(row.get("gender", "")),
            scores=scores(cfg, row, where),
            accent=row.get("accent") or None,
        )


def scores(cfg: Config, row: dict[str, str], where: str) -> UtteranceScore | None:
    """People's scores of a row, from 0 to 1; None where there is none.

    Raises:
        InputError: for a score that is no number, or outside the scale.
    """
    found: dict[str, Any] = {}
    for aspect in ASPECTS:
        if not row.get(aspect):
            continue
        try:
            value = float(row[aspect].replace(",", "."))  # tables with semicolons have decimal commas
        except ValueError:
            raise InputError(f"{where}: {aspect} {row[aspect]!r} is no number") from None
        if not cfg.lowest <= value <= cfg.highest:
            scale = f"{cfg.lowest:g} to {cfg.highest:g}: say --lowest and --highest"
            raise InputError(f"{where}: {aspect} {row[aspect]} is not on the scale from {scale}")
        found[aspect] = (value - cfg.lowest) / (cfg.highest - cfg.lowest)
    return UtteranceScore(row["text"], (), **found) if found else None


def load(cfg: Config) -> list[Utterance]:
    """The recordings as manifest rows.

    Raises:
        InputError: when there are none, or one cannot be used.
    """
    if not cfg.corpus.is_dir():
        raise InputError(f"{cfg.corpus}: not a folder of recordings")
    source = ", ".join(map(str, cfg.table)) or str(cfg.corpus)
    rows = [row for path in cfg.table for row in from_table(cfg, path)]
    rows = rows if cfg.table else folder.read(cfg.corpus)
    if not rows:
        raise InputError(f"{source}: no recordings, expected {', '.join(formats.AUDIO)}")
    given = {row.id for row in rows if row.split}
    if cfg.split is None and given and len(given) < len(rows):
        name = next(row.id for row in rows if row.id not in given)
        raise InputError(f"{source}: {name} has no split, but others have; give all of them one or none")
    shares = formats.split_by_speaker((row.speaker for row in rows), cfg.dev, cfg.test)
    if cfg.split is None and not given and set(shares.values()) == {"train"}:
        log.warning(
            "all rows are train, for speakers are split and there are %d; --split test makes them rows to"
            " evaluate on", len(shares)
        )  # fmt: skip
    return [
        replace(
            row,
            split=cfg.split or row.split or shares[row.speaker],
            lang=row.lang or cfg.lang,
            l1=row.l1 or cfg.l1,
        )
        for row in rows
    ]


def smoke_corpus(place: Path) -> Path:
    """Three recordings of two people."""
    for name, said in (
        ("anna/one", "Hello there."),
        ("anna/two", "Good\nmorning."),
        ("ben/one", "Sit down."),
    ):
        synthetic.tone(place / f"{name}.wav", rate=44_100)
        synthetic.text(place / f"{name}.txt", said)
    return place


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    if cfg.smoke:
        cfg = replace(cfg, corpus=smoke_corpus(cfg.out.parent / "corpus"), table=[])
    return manifest.write(cfg.out, load(cfg), cfg.corpus)


if __name__ == "__main__":
    config.main(run, Config)
