"""Write the manifest of L2-ARCTIC (Zhao et al., 2018, version 5, CC BY-NC 4.0).

Data      the corpus: `<speaker>/{wav,transcript,annotation}` in one folder
Run       python -m recipes.prepare_l2arctic --corpus l2arctic_release_v5.0
Expect    26,867 rows of 24 speakers, 3,599 of them annotated (the corpus's own counts; not run here)

An annotated row has for each word the canonical phones, the phones that were heard and the errors
(substitution, deletion, insertion). Stress digits go. What was heard is `?` where annotators could
not name it (`err`), where it is no phone of ARPAbet, and where it is an accented form of the
canonical phone itself (`R,R*,s`).

Split by speaker, one of each first language: test is the six of Feng et al. (2020) and later work,
dev the six that are commonly held out beside them. All speakers read the same prompts.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from recipes.shared import synthetic
from speechtutor import config
from speechtutor.core import Edit, PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.corpora import formats, manifest
from speechtutor.corpora.formats import Span
from speechtutor.errors import InputError
from speechtutor.text.phones import PHONES

log = logging.getLogger("prepare_l2arctic")

SPEAKERS = {
    "ABA": ("ar", "m"), "SKA": ("ar", "f"), "YBAA": ("ar", "m"), "ZHAA": ("ar", "f"),
    "BWC": ("zh", "m"), "LXC": ("zh", "f"), "NCC": ("zh", "f"), "TXHC": ("zh", "m"),
    "ASI": ("hi", "m"), "RRBI": ("hi", "m"), "SVBI": ("hi", "f"), "TNI": ("hi", "f"),
    "HJK": ("ko", "f"), "HKK": ("ko", "m"), "YDCK": ("ko", "f"), "YKWK": ("ko", "m"),
    "EBVS": ("es", "m"), "ERMS": ("es", "m"), "MBMPS": ("es", "f"), "NJS": ("es", "f"),
    "HQTV": ("vi", "m"), "PNV": ("vi", "f"), "THV": ("vi", "f"), "TLV": ("vi", "m"),
}  # fmt: skip
"""First language and gender of the corpus's 24 speakers; a README.md beside them may name more."""

LANGUAGES = {
    "arabic": "ar", "mandarin": "zh", "chinese": "zh", "hindi": "hi", "korean": "ko", "spanish": "es",
    "vietnamese": "vi",
}  # fmt: skip
DEV = ("MBMPS", "NCC", "SVBI", "THV", "YBAA", "YDCK")
TEST = ("NJS", "TLV", "TNI", "TXHC", "YKWK", "ZHAA")
RATES = (44_100, 16_000)
"""As released, and as most people keep it."""

EDITS = {"s": Edit.SUBSTITUTION, "d": Edit.DELETION, "a": Edit.INSERTION}
SILENCE = frozenset({"", "SIL", "SP", "SPN", "PAU"})
OTHER_NAMES = {"AX": "AH", "AXR": "ER", "IX": "IH"}


@dataclass(frozen=True)
class Config:
    """Where the corpus is and where the manifest goes."""

    corpus: Path = Path("l2arctic_release_v5.0")
    """Folder with a folder for each speaker."""
    out: Path = Path("data_manifests/l2arctic.jsonl")
    """The manifest to write; audio paths in it are relative to the corpus folder."""
    annotated: bool = False
    """Only the utterances that were annotated by hand."""
    skip: list[str] = field(default_factory=list)
    """Utterances to leave out, such as ABA_arctic_a0001."""
    smoke: bool = False
    """Write the manifest of a made-up corpus of three utterances instead."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A phone tier's label: canonical phone ("" for none), phone heard ("" for none), the edit."""

    canonical: str
    heard: str
    edit: Edit


def mark(label: str) -> Mark | None:
    """What a label says, None for silence.

    Raises:
        InputError: for a label that is neither a phone nor `canonical,heard,type`.
    """
    parts = [part.strip().upper() for part in label.strip().rstrip(",").split(",")]
    names = [re.sub(r"[^A-Z]", "", part) for part in parts]
    phones = ["" if name in SILENCE else OTHER_NAMES.get(name, name) for name in names[:2]]
    if phones[0] and phones[0] not in PHONES:
        raise InputError(f"{label!r} has no canonical phone")
    if len(names) == 1:
        return Mark(phones[0], phones[0], Edit.MATCH) if phones[0] else None
    if len(names) != 3 or names[2].lower() not in EDITS:
        raise InputError(f"{label!r} is not `canonical,heard,s|d|a`")
    canonical, heard, edit = *phones, EDITS[names[2].lower()]
    if heard and (heard not in PHONES or (edit is Edit.SUBSTITUTION and heard == canonical)):
        heard = manifest.UNTOLD
    fits = {
        Edit.SUBSTITUTION: bool(canonical and heard),
        Edit.DELETION: bool(canonical) and not heard,
        Edit.INSERTION: bool(heard) and not canonical,
    }
    if not fits[edit]:
        raise InputError(f"{label!r} is no {edit}")
    return Mark(canonical, heard, edit)


def word_score(text: str, marks: Sequence[Mark]) -> WordScore:
    """A word with the tags of its phones."""
    phones: list[PhoneScore] = []
    inserted: list[tuple[int, str]] = []
    for found in marks:
        if found.edit is Edit.INSERTION:
            inserted.append((len(phones), found.heard))
            continue
        wrong = found.edit is not Edit.MATCH
        phone = PhoneScore(found.canonical, None, edit=found.edit, error_probability=float(wrong))
        phones.append(replace(phone, heard=found.heard) if wrong else phone)
    return WordScore(text, None, phones=tuple(phones), inserted=tuple(inserted))


def annotation(path: Path) -> list[WordScore]:
    """The words of an annotated TextGrid; an insertion between two words belongs to the nearest.

    Raises:
        InputError: naming the file and what in it cannot be read.
    """
    tiers = formats.textgrid(path)
    if missing := {"words", "phones"} - tiers.keys():
        raise InputError(f"{path}: no tier {' and '.join(sorted(missing))}")
    words = [span for span in tiers["words"] if span.label.strip().upper() not in SILENCE]
    if not words:
        raise InputError(f"{path}: the tier of words is empty")
    found: list[tuple[Span, Mark]] = []
    for span in tiers["phones"]:
        try:
            said = mark(span.label)
        except InputError as error:
            raise InputError(f"{path}, {span.start:.2f} s: {error}") from None
        if said is not None:
            found.append((span, said))
    owner = formats.assign([span for span, _ in found], words)
    groups = [[m for (_, m), i in zip(found, owner, strict=True) if i == k] for k in range(len(words))]
    for span, marks in zip(words, groups, strict=True):
        if not any(m.canonical for m in marks):
            raise InputError(f"{path}, {span.start:.2f} s: the word {span.label!r} has no phone")
    return [word_score(span.label.strip(), marks) for span, marks in zip(words, groups, strict=True)]


def spelt(text: str, words: Sequence[WordScore], where: str) -> tuple[str, list[WordScore]]:
    """The text and its words spelt as in it; where they differ, the text is what annotators wrote."""
    position, named = 0, []
    for word in words:
        start = text.lower().find(word.text.lower(), position)
        if start < 0:
            log.warning("%s: %r is not in %r; the annotators' words are the text", where, word.text, text)
            return " ".join(w.text for w in words), list(words)
        position = start + len(word.text)
        named.append(replace(word, text=text[start:position]))
    return text, named


def people(corpus: Path) -> dict[str, tuple[str, str]]:
    """First language and gender by speaker, with the table of a README.md where there is one."""
    found = dict(SPEAKERS)
    readme = corpus / "README.md"
    for line in formats.text_of(readme).splitlines() if readme.is_file() else ():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) >= 3 and cells[1].upper() in ("M", "F") and cells[2].lower() in LANGUAGES:
            found[cells[0]] = (LANGUAGES[cells[2].lower()], cells[1].lower())
    return found


def utterance(wav: Path, corpus: Path, l1: str, gender: str) -> Utterance:
    """The row of one recording.

    Raises:
        InputError: when the transcript is missing or the annotation cannot be read.
    """
    home, name = wav.parent.parent, wav.stem
    text = " ".join(formats.text_of(home / "transcript" / f"{name}.txt").split())
    if not text:
        raise InputError(f"{home / 'transcript' / name}.txt: the transcript is empty")
    split = "dev" if home.name in DEV else "test" if home.name in TEST else "train"
    id_, audio = f"{home.name}_{name}", wav.relative_to(corpus).as_posix()
    row = Utterance(id_, audio, text, home.name, split, l1=l1, gender=gender)
    grid = home / "annotation" / f"{name}.TextGrid"
    if not grid.is_file():
        return row
    text, words = spelt(text, annotation(grid), id_)
    phones = tuple(tuple(p.canonical for p in word.phones) for word in words)
    return replace(row, text=text, scores=UtteranceScore(text, tuple(words)), phones=phones)


def load(cfg: Config) -> list[Utterance]:
    """The corpus as manifest rows, by speaker and prompt.

    Raises:
        InputError: when the corpus is not there; naming every annotation that cannot be read.
    """
    table = people(cfg.corpus)
    rows, bad, skip = [], [], set(cfg.skip)
    for wav in sorted(cfg.corpus.glob("*/wav/[!.]*.wav")):
        home = wav.parent.parent
        if f"{home.name}_{wav.stem}" in skip:
            continue
        if home.name not in table:
            raise InputError(
                f"{home}: first language and gender of {home.name} are not in {cfg.corpus}/README.md"
            )
        if cfg.annotated and not (home / "annotation" / f"{wav.stem}.TextGrid").is_file():
            continue
        try:
            rows.append(utterance(wav, cfg.corpus, *table[home.name]))
        except InputError as error:
            bad.append((f"{home.name}_{wav.stem}", error))
    if bad:
        names = " ".join(name for name, _ in bad[:20]) + " ..." * (len(bad) > 20)
        raise InputError(f"{bad[0][1]} ({len(bad)} cannot be read; to leave them out: --skip {names})")
    if not rows:
        raise InputError(f"{cfg.corpus}: no <speaker>/wav/*.wav: is it the L2-ARCTIC folder?")
    return rows


def _grid(tiers: dict[str, list[Span]]) -> str:
    end = max(span.end for spans in tiers.values() for span in spans)
    head = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end} "]
    lines = [*head, "tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for i, (name, spans) in enumerate(tiers.items(), start=1):
        lines += [f"    item [{i}]:", '        class = "IntervalTier" ', f'        name = "{name}" ']
        lines += ["        xmin = 0 ", f"        xmax = {end} ", f"        intervals: size = {len(spans)} "]
        for k, span in enumerate(spans, start=1):
            lines += [f"        intervals [{k}]:", f"            xmin = {span.start} "]
            lines += [f"            xmax = {span.end} ", f'            text = "{span.label}" ']
    return "\n".join(lines)


def smoke_corpus(folder: Path) -> Path:
    """Three utterances of three speakers in the corpus's exact layout, two of them annotated."""
    words = [Span(0.1, 0.3, "think"), Span(0.3, 0.5, "so")]
    heard = ["sil", "TH, S, s", "IH1", "NG", "K,sil,d", "S", "sil,AH0,a", "OW1"]
    phones = [Span(round(0.06 * i, 2), round(0.06 * (i + 1), 2), label) for i, label in enumerate(heard)]
    for speaker, grid in (("ABA", True), ("NJS", True), ("THV", False)):
        synthetic.tone(folder / speaker / "wav" / "arctic_a0001.wav", rate=44_100)
        synthetic.text(folder / speaker / "transcript" / "arctic_a0001.txt", "Think so,")
        if grid:
            path = folder / speaker / "annotation" / "arctic_a0001.TextGrid"
            synthetic.text(path, _grid({"words": words, "phones": phones}))
    return folder


def run(cfg: Config) -> manifest.Written:
    """Write the manifest and say where it is."""
    if cfg.smoke:
        cfg = replace(cfg, corpus=smoke_corpus(cfg.out.parent / "corpus"))
    return manifest.write(cfg.out, load(cfg), cfg.corpus, RATES)


if __name__ == "__main__":
    config.main(run, Config)
