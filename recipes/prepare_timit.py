"""Write the manifest of TIMIT (Garofolo et al., 1993, LDC93S1, for members and licensees of the LDC).

Data      the corpus: `TRAIN` and `TEST` with `DR1` to `DR8`, and `DOC/SPKRINFO.TXT` for ages
Run       python -m recipes.prepare_timit --corpus TIMIT
Expect    4,288 rows: 3,696 train (462 speakers), 400 dev (50), 192 test (24) (known counts; not run here)

`.WAV` may be NIST sphere as released, or RIFF; the names in capitals or not. The text is the words of
`.WRD`, the phones are those of `.PHN`: what was said. The two sentences that everybody read (SA) are
left out. Train is TRAIN, test the core test set of 24 speakers, dev the 50 speakers of TEST of
Halberstadt (1998); the other 118 speakers of TEST are not used.

The 61 symbols become phones of ARPAbet (flaps are D), or with `--phones lee-hon` the 39 classes of Lee
and Hon (1989), in lower case and without their silence; phone error rates are published on those.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import formats, manifest
from speechtutor.corpora.formats import Span
from speechtutor.errors import InputError

RATES = (16_000,)
CORE_TEST = frozenset(
    "MDAB0 MWBT0 FELC0 MTAS1 MWEW0 FPAS0 MJMP0 MLNT0 FPKT0 MLLL0 MTLS0 FJLM0 MBPM0 MKLT0 FNLP0 MCMJ0 MJDH0"
    " FMGD0 MGRT0 MNJM0 FDHC0 MJLN0 MPAM0 FMLD0".split()
)
DEV = frozenset(
    "FAKS0 FDAC1 FJEM0 MGWT0 MJAR0 MMDB1 MMDM2 MPDF0 FCMH0 FKMS0 MBDG0 MBWM0 MCSH0 FADG0 FDMS0 FEDW0 MGJF0"
    " MGLB0 MRTK0 MTAA0 MTDT0 MTHC0 MWJG0 FNMR0 FREW0 FSEM0 MBNS0 MMJR0 MDLS0 MDLF0 MDVC0 MERS0 FMAH0 FDRW0"
    " MRCS0 MRJM4 FCAL1 MMWH0 FJSJ0 MAJC0 MJSW0 MREB0 FGJD0 FJMG0 MROA0 MTEB0 MJFC0 MRJR0 FMML0 MRWS1".split()
)
REGIONS = (
    "New England", "Northern", "North Midland", "South Midland", "Southern", "New York City", "Western",
    "Army Brat",
)  # fmt: skip

SILENCE = frozenset("h# pau epi bcl dcl gcl pcl tcl kcl q".split())
"""Pauses and closures; the glottal stop q is no class of its own either."""
_PLAIN = (
    "aa ae ah ao aw ay b ch d dh dx eh er ey f g hh ih iy jh k l m n ng ow oy p r s sh t th uh uw v w y z zh"
)
_ALLOPHONES = {
    "ax": "ah", "ax-h": "ah", "axr": "er", "el": "l", "em": "m", "en": "n", "eng": "ng", "hv": "hh",
    "ix": "ih", "nx": "n", "ux": "uw",
}  # fmt: skip
LEE_HON = {p: p for p in _PLAIN.split()} | _ALLOPHONES | {"ao": "aa", "zh": "sh"}
"""From the 61 symbols, without silence, to 38 classes (Lee and Hon, 1989); the 39th is silence."""
ARPABET = {s: p.upper() for s, p in ({p: p for p in _PLAIN.split()} | _ALLOPHONES | {"dx": "d"}).items()}
"""From the same symbols to the phones of this library."""


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("TIMIT")
    """Folder with TRAIN and TEST."""
    out: Path = Path("data_manifests/timit.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    phones: Literal["arpabet", "lee-hon"] = "arpabet"
    """Phones that the library can align and score, or the 39 classes of published error rates."""
    smoke: bool = False
    """Write the manifest of a made-up corpus of three utterances instead."""


def child(folder: Path, name: str) -> Path | None:
    """A file or folder by its name, in capitals or not."""
    return next((p for p in sorted(folder.iterdir()) if p.name.upper() == name), None)


def spans(path: Path) -> list[Span]:
    """The lines `first sample, last sample, label` of a .PHN or .WRD.

    Raises:
        InputError: when the file is missing or a line is no such line.
    """
    found = []
    for number, line in enumerate(formats.text_of(path).splitlines(), start=1):
        cells = line.split()
        if not cells:
            continue
        if len(cells) != 3 or not (cells[0].isdigit() and cells[1].isdigit()):
            raise InputError(f"{path}, line {number}: expected `first last label`, not {line!r}")
        found.append(Span(int(cells[0]) / RATES[0], int(cells[1]) / RATES[0], cells[2].lower()))
    return found


def words_of(phn: Path, wrd: Path, symbols: dict[str, str]) -> tuple[WordScore, ...]:
    """The words with the phones that were said in them.

    Raises:
        InputError: for a symbol that TIMIT does not have, or a word without words or phones.
    """
    words, parts = spans(wrd), []
    if not words:
        raise InputError(f"{wrd}: holds no words")
    for span in spans(phn):
        if span.label in SILENCE:
            continue
        if span.label not in symbols:
            raise InputError(f"{phn}: {span.label!r} is none of TIMIT's 61 symbols")
        parts.append(replace(span, label=symbols[span.label]))
    owner = formats.assign(parts, words)
    return tuple(
        WordScore(
            word.label,
            None,
            phones=tuple(PhoneScore(p.label, None) for p, i in zip(parts, owner, strict=True) if i == k),
        )
        for k, word in enumerate(words)
    )


def ages(corpus: Path) -> dict[str, int]:
    """Age at the recording by speaker, from the dates in DOC/SPKRINFO.TXT; unknown dates are left out."""
    doc = child(corpus, "DOC")
    path = child(doc, "SPKRINFO.TXT") if doc else None
    found = {}
    for line in formats.text_of(path).splitlines() if path else ():
        cells = line.split()
        if line.startswith(";") or len(cells) < 6:
            continue
        recorded, born = (cell.split("/") for cell in cells[4:6])
        if all(part.isdigit() for part in (*recorded, *born)) and len(recorded) == len(born) == 3:
            years = int(recorded[2]) - int(born[2])
            before = (int(recorded[0]), int(recorded[1])) < (int(born[0]), int(born[1]))
            found[f"{cells[1].upper()}{cells[0].upper()}"] = years - before
    return found


def _files(part: Path) -> Iterator[tuple[str, Path, dict[str, Path]]]:
    """Region, speaker folder and files by suffix of every sentence but the SA ones."""
    for region in sorted(p for p in part.iterdir() if p.name.upper().startswith("DR")):
        for speaker in sorted(p for p in region.iterdir() if p.is_dir()):
            sentences: dict[str, dict[str, Path]] = {}
            for path in sorted(speaker.iterdir()):
                # Some copies hold both SX1.WAV (sphere) and SX1.WAV.wav (RIFF): the stem is the first part.
                name, _, suffix = path.name.upper().partition(".")
                sentences.setdefault(name, {}).setdefault(suffix, path)
            for name, files in sorted(sentences.items()):
                if not name.startswith("SA"):
                    yield region.name.upper(), speaker, files


def _split(part: str, speaker: str) -> str | None:
    if part == "TRAIN":
        return "train"
    return "test" if speaker in CORE_TEST else "dev" if speaker in DEV else None


def load(corpus: Path, symbols: dict[str, str]) -> list[Utterance]:
    """The corpus as manifest rows, by part, region, speaker and sentence.

    Raises:
        InputError: when a file is missing or cannot be read.
    """
    if not corpus.is_dir():
        raise InputError(f"{corpus}: not a folder, expected that of TIMIT")
    old, rows = ages(corpus), []
    for part in ("TRAIN", "TEST"):
        folder = child(corpus, part)
        if folder is None:
            raise InputError(f"{corpus / part} is missing: is {corpus} the TIMIT folder?")
        for region, home, files in _files(folder):
            speaker = home.name.upper()
            split = _split(part, speaker)
            if split is None:
                continue
            wav = files.get("WAV.WAV") or files.get("WAV") or files.get("FLAC")
            if wav is None or not {"PHN", "WRD"} <= files.keys():
                name = next(iter(files.values()))
                raise InputError(
                    f"{name}: a sentence needs .WAV, .PHN and .WRD, found {', '.join(sorted(files))}"
                )
            words = words_of(files["PHN"], files["WRD"], symbols)
            text = " ".join(word.text for word in words)
            phones = tuple(tuple(p.canonical for p in word.phones) for word in words)
            id_ = f"{speaker}_{wav.name.upper().partition('.')[0]}"
            row = Utterance(
                id_, wav.relative_to(corpus).as_posix(), text, speaker, split,
                l1="en", age=old.get(speaker), gender=formats.gender(speaker[0]),
                accent=REGIONS[int(region[2:]) - 1],
                scores=UtteranceScore(text, words), phones=phones if all(phones) else None,
            )  # fmt: skip
            rows.append(row)
    return rows


def smoke_corpus(folder: Path, kind: str = "NIST") -> Path:
    """Three utterances in the corpus's exact layout, and an SA sentence that is left out."""
    synthetic.text(
        folder / "DOC" / "SPKRINFO.TXT",
        ";ID    Sex  DR  Use  RecDate    BirthDate  Ht      Race Edu  Comments",
        "CJF0   F    1   TRN  03/03/86   06/17/60   5'04\"   WHT  HS   ",
        "DAB0   M    1   TST  02/26/86   ??/??/??   6'02\"   WHT  MS   ",
    )
    phones = "h# dh ix bcl b oy q el h#".split()
    sentences = "TRAIN/DR1/FCJF0/SX37 TRAIN/DR1/FCJF0/SA1 TEST/DR1/MDAB0/SX139 TEST/DR8/MRES0/SX307"
    for place in (*sentences.split(), "TEST/DR1/FAKS0/SI943"):
        path = folder / place
        synthetic.tone(path.with_suffix(".WAV"), kind=kind)
        synthetic.text(path.with_suffix(".TXT"), "0 8000 The boil.")
        synthetic.text(path.with_suffix(".WRD"), "800 2400 the", "2400 7000 boil")
        lines = [f"{800 * i} {800 * (i + 1)} {phone}" for i, phone in enumerate(phones)]
        synthetic.text(path.with_suffix(".PHN"), *lines)
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    corpus = smoke_corpus(cfg.out.parent / "corpus") if cfg.smoke else cfg.corpus
    symbols = ARPABET if cfg.phones == "arpabet" else LEE_HON
    return manifest.write(cfg.out, load(corpus, symbols), corpus, RATES)


if __name__ == "__main__":
    config.main(run, Config)
