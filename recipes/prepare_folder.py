"""Write the manifest of your own recordings: a folder of audio with texts.

Data      recordings with a text file of the same name beside each, or a csv or tsv that names them
Run       python -m recipes.prepare_folder --corpus recordings --out data_manifests/mine.jsonl
Expect    a row for every recording; seconds

Without a table the speaker is the folder that a recording lies in. A table has the columns `audio`
(a path under the folder) and `text`, and may have `id`, `speaker`, `split`, `lang`, `l1`, `age`,
`gender` and `accent`. Where it has no `split`, shares of the speakers become dev and test, chosen by
the hash of their names, so that no speaker is in two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import Utterance
from speechtutor.corpora import formats, manifest
from speechtutor.errors import InputError

ABOUT = ("README", "LICEN", "COPYING")
"""Text files that speak of the corpus."""


@dataclass(frozen=True)
class Config:
    """Where the recordings are and how speakers are split."""

    corpus: Path = Path("recordings")
    """Folder of recordings; a recording's speaker is the folder it lies in."""
    table: Path | None = None
    """A csv or tsv with the columns audio and text, in place of text files."""
    out: Path = Path("data_manifests/folder.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    lang: str = "en"
    """ISO 639-1 code of the language spoken, where the table does not say."""
    l1: str | None = None
    """First language of the speakers, where the table does not say."""
    dev: float = 0.1
    """Share of the speakers for dev."""
    test: float = 0.1
    """Share of the speakers for test."""
    smoke: bool = False
    """Write the manifest of a made-up folder of three recordings instead."""

    def __post_init__(self) -> None:
        """Refuse shares that leave nobody to train on."""
        if min(self.dev, self.test) < 0 or self.dev + self.test >= 1:
            raise ValueError(f"dev {self.dev} and test {self.test} must be 0 or more and below 1 together")


def from_files(corpus: Path) -> list[Utterance]:
    """A row for every recording; its text is in the file of the same name that ends in .txt.

    Raises:
        InputError: naming a recording without text, or a text without recording.
    """
    audio = sorted(p for p in corpus.rglob("*") if p.suffix.lower() in formats.AUDIO and p.is_file())
    texts = {p.with_suffix("") for p in corpus.rglob("*.txt") if not p.stem.upper().startswith(ABOUT)}
    alone = sorted(texts - {p.with_suffix("") for p in audio})
    if alone:
        raise InputError(f"{alone[0]}.txt: no recording of that name beside it ({len(alone)} such files)")
    rows = []
    for path in audio:
        words = path.with_suffix(".txt")
        if not words.is_file():
            raise InputError(f"{path}: no text in {words.name} beside it")
        place = path.relative_to(corpus)
        said = " ".join(formats.text_of(words).split())
        if not said:
            raise InputError(f"{words}: the text is empty")
        speaker = place.parent.as_posix() if place.parent.parts else corpus.resolve().name
        rows.append(Utterance(place.with_suffix("").as_posix(), place.as_posix(), said, speaker))
    return rows


def from_table(corpus: Path, path: Path) -> Iterator[Utterance]:
    """A row for every line of a csv or tsv.

    Raises:
        InputError: naming the line that cannot be used.
    """
    delimiter = "\t" if path.suffix.lower() == ".tsv" else ","
    for number, line in enumerate(formats.table(path, ("audio", "text"), delimiter), start=2):
        row = {key: value.strip() for key, value in line.items()}
        where, place = f"{path}, line {number}", Path(row["audio"])
        if not row["audio"] or not row["text"]:
            raise InputError(f"{where}: audio and text must not be empty")
        if row.get("age") and not row["age"].isdigit():
            raise InputError(f"{where}: age {row['age']!r} is no whole number")
        folder = place.parent.as_posix() if place.parent.parts else corpus.resolve().name
        yield Utterance(
            id=row.get("id") or place.with_suffix("").as_posix(),
            audio=place.as_posix(),
            text=row["text"],
            speaker=row.get("speaker") or folder,
            split=row.get("split") or "",
            lang=row.get("lang") or "",
            l1=row.get("l1") or None,
            age=int(row["age"]) if row.get("age") else None,
            gender=formats.gender(row.get("gender", "")),
            accent=row.get("accent") or None,
        )


def load(cfg: Config) -> list[Utterance]:
    """The recordings as manifest rows.

    Raises:
        InputError: when there are none, or one cannot be used.
    """
    if not cfg.corpus.is_dir():
        raise InputError(f"{cfg.corpus}: not a folder of recordings")
    rows = list(from_table(cfg.corpus, cfg.table)) if cfg.table else from_files(cfg.corpus)
    if not rows:
        raise InputError(f"{cfg.table or cfg.corpus}: no recordings, expected {', '.join(formats.AUDIO)}")
    given = {row.id for row in rows if cfg.table and row.split}
    if given and len(given) < len(rows):
        name = next(row.id for row in rows if row.id not in given)
        raise InputError(f"{cfg.table}: {name} has no split, but others have; give all of them one or none")
    split = formats.split_by_speaker((row.speaker for row in rows), cfg.dev, cfg.test)
    return [
        replace(
            row,
            split=row.split if given else split[row.speaker],
            lang=(row.lang if cfg.table else "") or cfg.lang,
            l1=row.l1 or cfg.l1,
        )
        for row in rows
    ]


def smoke_corpus(folder: Path) -> Path:
    """Three recordings of two people."""
    for name, said in (
        ("anna/one", "Hello there."),
        ("anna/two", "Good\nmorning."),
        ("ben/one", "Sit down."),
    ):
        synthetic.tone(folder / f"{name}.wav", rate=44_100)
        synthetic.text(folder / f"{name}.txt", said)
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    if cfg.smoke:
        cfg = replace(cfg, corpus=smoke_corpus(cfg.out.parent / "corpus"), table=None)
    return manifest.write(cfg.out, load(cfg), cfg.corpus)


if __name__ == "__main__":
    config.main(run, Config)
