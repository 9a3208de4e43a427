"""Write the manifest of one language of Mozilla Common Voice (Ardila et al., 2020, CC0).

Data      one language's folder: `train.tsv`, `dev.tsv`, `test.tsv` and `clips/*.mp3`
Run       python -m recipes.prepare_common_voice --corpus cv-corpus-21.0/en
Expect    the corpus's own splits, in which no speaker is in two (not run here)

`age` is the middle of the decade that the speaker gave, `gender` is f, m or x (any other answer),
`accent` is in the speaker's own words. Speakers are the corpus's pseudonyms.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import Utterance
from speechtutor.corpora import formats, manifest
from speechtutor.errors import InputError

DECADES = "teens twenties thirties fourties fifties sixties seventies eighties nineties"
"""As the corpus spells them."""
AGES = {name: 10 * i + 15 for i, name in enumerate(DECADES.split())} | {"forties": 45}
COLUMNS = ("client_id", "path", "sentence")


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("cv-corpus/en")
    """Folder of one language, with the tables and clips/."""
    out: Path = Path("data_manifests/common_voice.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    splits: list[str] = field(default_factory=lambda: list(manifest.SPLITS))
    """Which of train, dev and test to take."""
    smoke: bool = False
    """Write the manifest of a made-up corpus of four utterances instead."""

    def __post_init__(self) -> None:
        """Refuse a split that the corpus does not have."""
        for split in self.splits:
            if split not in manifest.SPLITS:
                raise ValueError(f"split {split!r} is none of {', '.join(manifest.SPLITS)}")


def age(decade: str, where: str) -> int | None:
    """The middle of a decade; None where the speaker gave none.

    Raises:
        InputError: for a word that names no decade.
    """
    if not decade.strip():
        return None
    if decade not in AGES:
        raise InputError(f"{where}: {decade!r} is no decade of life, expected {', '.join(AGES)}")
    return AGES[decade]


def _row(row: dict[str, str], split: str, where: str) -> Utterance:
    if not row["sentence"].strip():
        raise InputError(f"{where}: {row['path']} has no sentence")
    name = row["path"] if Path(row["path"]).suffix else f"{row['path']}.mp3"
    return Utterance(
        id=Path(name).stem,
        audio=f"clips/{name}",
        text=" ".join(row["sentence"].split()),
        speaker=row["client_id"],
        split=split,
        lang=row.get("locale", "en").split("-")[0] or "en",
        age=age(row.get("age", ""), where),
        gender=formats.gender(row.get("gender", "")),
        # The column was renamed in version 8.
        accent=(row.get("accents") or row.get("accent") or "").strip() or None,
    )


def load(corpus: Path, splits: list[str]) -> list[Utterance]:
    """The rows of the tables, split by split.

    Raises:
        InputError: when a table is missing or a row of it is wrong.
    """
    formats.require(corpus, [*(f"{split}.tsv" for split in splits), "clips"], "Common Voice language")
    rows = []
    for split in splits:
        path = corpus / f"{split}.tsv"
        for line, row in formats.table(path, COLUMNS):
            rows.append(_row(row, split, f"{path}, line {line}"))
    return rows


def smoke_corpus(folder: Path) -> Path:
    """Four utterances of three speakers in the corpus's exact layout (version 17 and later)."""
    header = (
        "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant"
        " locale segment"
    )
    rows = {
        "train": [
            ("c1", "1", 'He said "hello', "twenties", "male_masculine", "United States English,Southern"),
            ("c1", "2", "Good morning.", "twenties", "male_masculine", "United States English,Southern"),
        ],
        "dev": [("c2", "3", "It's late.", "", "", "")],
        "test": [("c3", "4", "Sit down!", "fourties", "non-binary", "")],
    }
    for split, lines in rows.items():
        cells = [
            (who, f"common_voice_en_{n}.mp3", f"s{n}", said, "", "2", "0", old, sex, accents, "", "en", "")
            for who, n, said, old, sex, accents in lines
        ]
        synthetic.text(folder / f"{split}.tsv", header.replace(" ", "\t"), *map("\t".join, cells))
        for cell in cells:
            synthetic.tone(folder / "clips" / cell[1], rate=32_000)
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    corpus = smoke_corpus(cfg.out.parent / "corpus") if cfg.smoke else cfg.corpus
    return manifest.write(cfg.out, load(corpus, cfg.splits), corpus)


if __name__ == "__main__":
    config.main(run, Config)
