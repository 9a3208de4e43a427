"""Manifests: JSON lines, one utterance each, validated before they are written.

Scores in a manifest are 0-100 as everywhere outside the library; in memory they are [0, 1].

A word that annotators transcribed has two more fields: `said`, the phones that they heard (`?` where
they could not tell), and `errors`, what was wrong: `{"at": 2, "type": "substitution", "heard": "S"}`,
where `at` counts the canonical phones (an insertion stands before that phone). In memory such a phone
has an `error_probability` of 1 or 0, its `edit` and what was `heard`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechtutor.audio import headers
from speechtutor.core import Edit, PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.core.score import ASPECTS
from speechtutor.disk import write_text
from speechtutor.errors import AudioError, InputError

SPLITS = ("train", "dev", "test")
UNTOLD = "?"
"""A phone that annotators heard but could not name."""


def _up(score: float | None) -> float | None:
    return None if score is None else round(score * 100, 3)


def _down(value: Any, where: str) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100:
        raise InputError(f"{where}: a score must be a number from 0 to 100 or null, not {value!r}")
    return float(value) / 100


def _row(utterance: Utterance) -> dict[str, Any]:
    keys = ("id", "audio", "text", "speaker", "split", "lang", "l1", "age", "gender")
    row: dict[str, Any] = {key: getattr(utterance, key) for key in keys}
    if utterance.accent is not None:
        row["accent"] = utterance.accent
    scores = utterance.scores
    row["scores"] = scores and {aspect: _up(getattr(scores, aspect)) for aspect in ASPECTS}
    row["words"] = None
    if scores is not None and scores.words:
        row["words"] = [
            {
                "text": word.text,
                "score": _up(word.score),
                "stress": _up(word.stress),
                "total": _up(word.total),
                "phones": [phone.canonical for phone in word.phones],
                "phone_scores": [_up(phone.score) for phone in word.phones],
                **_annotation(word),
            }
            for word in scores.words
        ]
    return row


def annotated(word: WordScore) -> bool:
    """Whether people wrote down what they heard of every phone of the word."""
    return bool(word.phones) and all(phone.error_probability is not None for phone in word.phones)


def said(word: WordScore) -> tuple[str, ...]:
    """The phones that annotators heard in a word."""
    heard: list[str] = []
    for index, phone in enumerate((*word.phones, None)):
        heard += [other for at, other in word.inserted if at == index]
        if phone is not None:
            heard += [phone.canonical if phone.heard is None else phone.heard]
    return tuple(filter(None, heard))


def _annotation(word: WordScore) -> dict[str, Any]:
    if not annotated(word):
        return {}
    errors = [(at, Edit.INSERTION, heard) for at, heard in word.inserted]
    errors += [(i, p.edit, p.heard or "") for i, p in enumerate(word.phones) if p.edit is not Edit.MATCH]
    errors.sort(key=lambda error: (error[0], error[1] is not Edit.INSERTION))
    tags = [{"at": at, "type": str(edit), "heard": heard} for at, edit, heard in errors]
    return {"said": list(said(word)), "errors": tags}


def _annotated(word: WordScore, tags: Any, where: str) -> WordScore:
    """The word with its tags.

    Raises:
        InputError: for a tag that is none, or beside the word's phones.
    """
    phones = [replace(phone, error_probability=0.0) for phone in word.phones]
    inserted = []
    for tag in tags:
        try:
            at, edit, heard = int(tag["at"]), Edit(tag["type"]), str(tag["heard"])
        except (TypeError, KeyError, ValueError):
            raise InputError(f"{where}: {tag!r} is no error tag of {word.text!r}") from None
        if edit is Edit.MATCH or not 0 <= at < len(phones) + (edit is Edit.INSERTION):
            raise InputError(f"{where}: {tag!r} fits no phone of {word.text!r}")
        if edit is Edit.INSERTION:
            inserted.append((at, heard))
        else:
            phones[at] = replace(phones[at], edit=edit, heard=heard, error_probability=1.0)
    return replace(word, phones=tuple(phones), inserted=tuple(inserted))


def _word(row: dict[str, Any], where: str) -> WordScore:
    phones = row.get("phones") or []
    scores = row.get("phone_scores") or [None] * len(phones)
    if len(scores) != len(phones):
        raise InputError(f"{where}: {len(scores)} phone scores for {len(phones)} phones of {row['text']!r}")
    judged = tuple(PhoneScore(p, _down(s, where)) for p, s in zip(phones, scores, strict=True))
    values = {key: _down(row.get(key), where) for key in ("score", "stress", "total")}
    word = WordScore(
        row["text"], values["score"], stress=values["stress"], total=values["total"], phones=judged
    )
    return _annotated(word, row["errors"], where) if row.get("errors") is not None else word


def _utterance(row: dict[str, Any], where: str) -> Utterance:
    missing = {"id", "audio", "text", "speaker", "split"} - row.keys()
    if missing:
        raise InputError(f"{where}: the row lacks {', '.join(sorted(missing))}")
    words = tuple(_word(word, where) for word in row.get("words") or ())
    scores = None
    if row.get("scores") is not None:
        aspects = {aspect: _down(row["scores"].get(aspect), where) for aspect in ASPECTS}
        scores = UtteranceScore(row["text"], words, **aspects)  # type: ignore[arg-type]
    phones = tuple(tuple(p.canonical for p in word.phones) for word in words)
    fields = {key: row[key] for key in ("lang", "l1", "age", "gender", "accent") if key in row}
    return Utterance(
        row["id"], row["audio"], row["text"], row["speaker"], row["split"],
        scores=scores, phones=phones if words and all(phones) else None, **fields,
    )  # fmt: skip


def parse(lines: Iterable[str], name: str) -> Iterator[Utterance]:
    """Utterances of JSON lines; a bad line is named by `name` and its number.

    Raises:
        InputError: at the first line that is not a manifest row.
    """
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{name}, row {number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise InputError(f"{where}: not JSON ({error.msg})") from None
        if not isinstance(row, dict):
            raise InputError(f"{where}: a row must be a JSON object")
        yield _utterance(row, where)


def read(path: Path, splits: Sequence[str] | None = None) -> list[Utterance]:
    """The utterances of a manifest, checked; `splits` keeps only those splits.

    Raises:
        InputError: when the file is missing or a row is wrong.
    """
    try:
        with path.open(encoding="utf-8") as file:
            rows = list(parse(file, str(path)))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    check(rows, str(path))
    return [row for row in rows if splits is None or row.split in splits]


def check(rows: Sequence[Utterance], name: str, root: Path | None = None) -> None:
    """Unique ids, known splits, no speaker in two splits, and audio present when `root` is given.

    Raises:
        InputError: naming the first offending row and what it clashes with.
    """
    seen: dict[str, int] = {}
    split_of: dict[str, tuple[str, str]] = {}
    for number, row in enumerate(rows, start=1):
        where = f"{name}, row {number} ({row.id})"
        if row.id in seen:
            raise InputError(f"{where}: the id already stands in row {seen[row.id]}")
        seen[row.id] = number
        if row.split not in SPLITS:
            raise InputError(f"{where}: split {row.split!r} is none of {', '.join(SPLITS)}")
        split, first = split_of.setdefault(row.speaker, (row.split, row.id))
        if split != row.split:
            raise InputError(
                f"{where}: speaker {row.speaker} is in {row.split} here and in {split} at {first}"
            )
        if root is not None and not (root / row.audio).is_file():
            raise InputError(f"{where}: no audio at {root / row.audio}")


def bad_audio(
    rows: Sequence[Utterance], root: Path, rates: Collection[int] | None = None
) -> list[tuple[str, str]]:
    """Id and fault of every row whose recording is missing, empty, no audio or cut off by its headers.

    Reads headers and the last samples, a few milliseconds a row; damage in the middle of a file is
    found by decoding alone. `rates` are the sample rates that the corpus has.
    """
    from tqdm import tqdm

    bad: list[tuple[str, str]] = []
    for row in tqdm(rows, desc="checking audio", disable=len(rows) < 200, leave=False):
        try:
            found = headers.probe(root / row.audio)
            if rates is not None and found.sample_rate not in rates:
                expected = " or ".join(map(str, sorted(rates)))
                raise AudioError(f"{root / row.audio}: {found.sample_rate} Hz, expected {expected}")
        except AudioError as error:
            bad.append((row.id, str(error)))
    return bad


def check_audio(
    rows: Sequence[Utterance], root: Path, name: str = "", rates: Collection[int] | None = None
) -> None:
    """Look at every recording before hours are spent; `bad_audio` says for what.

    `name` is the manifest, so that a row is named by its place there even when `rows` are a part of it.

    Raises:
        InputError: naming the first bad row, and the others after it.
    """
    bad = bad_audio(rows, root, rates)
    if not bad:
        return
    number = row_numbers(rows, name)
    places = [f"row {number[id_]} ({id_})" for id_, _ in bad]
    more = "" if len(bad) == 1 else f"; also bad ({len(bad) - 1}): {', '.join(places[1:6])}"
    more += ", ..." if len(bad) > 6 else ""
    raise InputError(f"{name or 'the rows'}, {places[0]}: {bad[0][1]}{more}")


def row_numbers(rows: Sequence[Utterance], name: str) -> dict[str, int]:
    """By id: where the rows stand in their manifest, or among each other when it is not written yet."""
    if name and Path(name).is_file():
        with Path(name).open(encoding="utf-8") as file:
            numbers = {row.id: number for number, row in enumerate(parse(file, name), start=1)}
        if all(row.id in numbers for row in rows):
            return numbers
    return {row.id: number for number, row in enumerate(rows, start=1)}


@dataclass(frozen=True, slots=True)
class Written:
    """A manifest on disk."""

    path: Path
    n_rows: int


def write(
    path: Path, rows: Sequence[Utterance], root: Path | None = None, rates: Collection[int] | None = None
) -> Written:
    """Check the rows, then write them, renamed into place last; the same rows give the same bytes.

    Where `root` is given, `check_audio` looks at every recording.
    """
    check(rows, str(path), root)
    if root is not None:
        check_audio(rows, root, str(path), rates)
    write_text(path, "".join(json.dumps(_row(row), ensure_ascii=False) + "\n" for row in rows))
    return Written(path, len(rows))
