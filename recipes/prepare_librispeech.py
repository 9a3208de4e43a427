"""Write the manifest of LibriSpeech (Panayotov et al., 2015, OpenSLR 12, CC BY 4.0).

Data      the corpus: `SPEAKERS.TXT` and `<subset>/<speaker>/<chapter>/*.flac` in one folder
Run       python -m recipes.prepare_librispeech --corpus LibriSpeech --subsets train-clean-100 dev-clean
Expect    28,539 rows for train-clean-100, 2,703 for dev-clean (the corpus's own counts; not run here)

The subset's name is the split: its speakers are in no other. Age and first language are not known.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import Utterance
from speechtutor.corpora import formats, manifest
from speechtutor.errors import InputError

RATES = (16_000,)


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("LibriSpeech")
    """Folder with SPEAKERS.TXT and the subsets."""
    out: Path = Path("data_manifests/librispeech.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    subsets: list[str] = field(default_factory=list)
    """Only these subsets; by default every one that is there."""
    smoke: bool = False
    """Write the manifest of a made-up corpus of three utterances instead."""


def speakers(path: Path) -> dict[str, str | None]:
    """Gender by speaker from SPEAKERS.TXT: `id | sex | subset | minutes | name`, comments after `;`."""
    found: dict[str, str | None] = {}
    for number, line in enumerate(formats.text_of(path).splitlines(), start=1):
        if line.startswith(";") or not line.strip():
            continue
        cells = [cell.strip() for cell in line.split("|", 4)]
        if len(cells) < 2:
            raise InputError(f"{path}, line {number}: expected `id | sex | subset | minutes | name`")
        found[cells[0]] = formats.gender(cells[1])
    return found


def _rows(transcript: Path, corpus: Path, genders: dict[str, str | None]) -> Iterator[Utterance]:
    folder = transcript.parent
    subset, speaker = folder.parts[-3:-1]
    if speaker not in genders:
        raise InputError(f"{transcript}: speaker {speaker} is not in SPEAKERS.TXT")
    lines = formats.keyed(transcript)
    if without := sorted({path.stem for path in formats.files(folder, (".flac",))} - lines.keys()):
        raise InputError(f"{folder}: no transcript of {without[0]}" + " and others" * (len(without) > 1))
    for id_, words in lines.items():
        audio = (folder / f"{id_}.flac").relative_to(corpus).as_posix()
        yield Utterance(id_, audio, words, speaker, subset.split("-")[0], gender=genders[speaker])


def load(corpus: Path, subsets: list[str] | None = None) -> list[Utterance]:
    """The corpus as manifest rows, by subset, speaker, chapter and utterance.

    Raises:
        InputError: when a file is missing or a transcript and the recordings do not fit.
    """
    formats.require(corpus, ("SPEAKERS.TXT", *(subsets or ())), "LibriSpeech")
    genders = speakers(corpus / "SPEAKERS.TXT")
    there = [p.name for p in corpus.iterdir() if p.name.split("-")[0] in manifest.SPLITS and p.is_dir()]
    rows: list[Utterance] = []
    for subset in sorted(subsets or there):
        for transcript in sorted((corpus / subset).glob("*/*/[!.]*.trans.txt")):
            rows += _rows(transcript, corpus, genders)
    if not rows:
        raise InputError(
            f"{corpus}: no <subset>/<speaker>/<chapter>/*.trans.txt: is it the LibriSpeech folder?"
        )
    return rows


def smoke_corpus(folder: Path) -> Path:
    """Three utterances of two speakers in the corpus's exact layout."""
    synthetic.text(
        folder / "SPEAKERS.TXT",
        "; Some pipe(|) separated metadata about all LibriSpeech speakers",
        ";ID  |SEX| SUBSET           |MINUTES| NAME",
        "14   | F | train-clean-360  | 25.03 | Kristin LeMoine",
        "1272 | M | dev-clean        |  8.02 | John | with a bar",
    )
    for subset, chapter, lines in (
        ("train-clean-360", "14-208", ("HELLO THERE", "GOOD MORNING")),
        ("dev-clean", "1272-128104", ("MISTER QUILTER IS THE APOSTLE",)),
    ):
        home = folder / subset / Path(*chapter.split("-"))
        ids = [f"{chapter}-{i:04d}" for i in range(len(lines))]
        rows = (f"{id_} {words}" for id_, words in zip(ids, lines, strict=True))
        synthetic.text(home / f"{chapter}.trans.txt", *rows)
        for id_ in ids:
            synthetic.tone(home / f"{id_}.flac")
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    corpus = smoke_corpus(cfg.out.parent / "corpus") if cfg.smoke else cfg.corpus
    return manifest.write(cfg.out, load(corpus, cfg.subsets), corpus, RATES)


if __name__ == "__main__":
    config.main(run, Config)
