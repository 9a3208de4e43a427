"""Overrides and grades as training labels: rows of the manifest with the graders' scores for old ones.

A row keeps its split, so a test row stays one that no trainer accepts. Every changed score is named
in the row's `overrides` with who, when and what stood there before; readers of manifests pass over
that key. Where several graders judged an item the label is their mean.
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from speechtutor.core.score import ASPECTS
from speechtutor.corpora import manifest
from speechtutor.errors import InputError
from speechtutor.evaluation.result import Row
from speechtutor.files import disk, jsonio
from speechtutor.report import overrides
from speechtutor.report.overrides import Item, Override

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exported:
    """What went into the new manifest."""

    path: Path
    n_rows: int
    n_words: int
    n_phones: int
    graders: tuple[str, ...]
    n_sentences: int = 0


def export(
    rows: Sequence[Row], given: Sequence[Override], source: Path, out: Path, *, every: bool = False
) -> Exported:
    """Write the rows of a manifest that have overrides, or with `every` all of them, with new labels.

    Raises:
        InputError: when nothing is overridden, or the manifest is not that of the run.
        StorageError: when the disk refuses.
    """
    items = overrides.standing(given)
    if not items:
        raise InputError(f"{out}: not written, for no override stands in this run")
    if out.resolve() == source.resolve():
        raise InputError(f"{out}: the originals are kept, choose another file than the manifest itself")
    by_row: dict[str, dict[Item, list[Override]]] = {}
    for item, judged in items.items():
        by_row.setdefault(item[0], {})[item] = judged
    run_rows = {row.id: row for row in rows}
    lines, seen = [], set()
    for number, row in _rows(source):
        changes = by_row.get(str(row.get("id")))
        if changes:
            seen.add(str(row["id"]))
            where = f"{source}, row {number} ({row['id']})"
            row = _relabelled(row, run_rows.get(str(row["id"])), changes, where)
        if changes or every:
            lines.append(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    missing = sorted(by_row.keys() - seen)
    if missing:
        raise InputError(f"{source} has no row {missing[0]!r} ({len(missing)} overridden rows are missing)")
    manifest.check(list(manifest.parse(lines, str(out))), str(out))
    disk.write_text(out, "".join(lines))
    n_each = Counter(map(overrides.unit, items))
    graders = tuple(sorted({one.who for judged in items.values() for one in judged}))
    return Exported(out, len(lines), n_each["word"], n_each["sound"], graders, n_each["sentence"])


def _rows(path: Path) -> list[tuple[int, Json]]:
    manifest.read(path)  # the whole file is checked before any of it is used
    return [(number, json.loads(line)) for number, line in jsonio.file_lines(path)]


def _relabelled(
    row: Json, judged: Row | None, changes: Mapping[Item, Sequence[Override]], where: str
) -> Json:
    """A row with the new scores; one that nobody had scored gets the words of the run."""
    words = row.get("words") or _words(judged, where)
    words = [dict(word) for word in words]
    # Scores of words only count where the row has scores at all.
    scores = dict(row.get("scores") or dict.fromkeys(ASPECTS))
    record = []
    for (_, word, phone), given in sorted(changes.items(), key=lambda pair: (pair[0][1], pair[0][2] or 0)):
        first, score = given[0], round(overrides.mean(given), 3)
        if word == 0:
            if _plain(row["text"]) != _plain(first.text):
                raise InputError(f"{where}: its text is not {first.text!r:.80}, which is that of the run")
            before, scores["accuracy"] = scores.get("accuracy"), score
        elif word > len(words) or _plain(words[word - 1]["text"]) != _plain(first.text):
            raise InputError(f"{where}: word {word} is not {first.text!r}, so it is not the text of the run")
        elif phone is None:
            before, words[word - 1]["score"] = words[word - 1].get("score"), score
        else:
            before = _set_phone(words[word - 1], phone, first, score, where)
        record.append({"word": word, "phone": phone, "score": score, "was": before, "graders": _who(given)})
    return {**row, "scores": scores, "words": words, "overrides": record}


def _plain(text: str) -> str:
    """A text for comparing: corpora keep full stops and capitals or leave them out."""
    return " ".join(word.strip(string.punctuation) for word in text.casefold().split())


def _set_phone(word: Json, phone: int, override: Override, score: float, where: str) -> float | None:
    phones = word.get("phones") or []
    if phone > len(phones) or phones[phone - 1] != override.expected:
        raise InputError(
            f"{where}: sound {phone} of {word['text']!r} is not {override.expected}, "
            "so the manifest's pronunciation is not that of the run"
        )
    scores: list[float | None] = list(word.get("phone_scores") or [None] * len(phones))
    before, scores[phone - 1] = scores[phone - 1], score
    word["phone_scores"] = scores
    return before


def _who(given: Sequence[Override]) -> list[Json]:
    return [
        {
            "who": one.who, "at": one.at, "score": one.score, "machine": one.machine, "note": one.note,
            "blind": one.blind,
        }
        for one in given
    ]  # fmt: skip


def _words(judged: Row | None, where: str) -> list[Json]:
    """The words of a row that the manifest itself has no words for, unscored."""
    if judged is None:
        raise InputError(f"{where}: neither the manifest nor the run knows its words")
    words = judged.detail.get("words")
    if not words or not isinstance(words[0], dict):
        return [{"text": text, "score": None} for text in judged.reference.split()]
    return [
        {"text": word["text"], "score": None, "phones": phones, "phone_scores": [None] * len(phones)}
        for word in words
        for phones in [[phone["expected"] for phone in word.get("phones") or []]]
    ]
