"""What can be graded and shown: an evaluation, scores in a file, or recordings that nobody has judged.

Whatever it is, it becomes rows of an evaluation (`runs.Evaluated`): the machine's scores are None where there
are none, and a text that nobody has cut into words has those of the lexicon.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from speechtutor import schema
from speechtutor.core import PhoneScore, Utterance, UtteranceScore, WordScore
from speechtutor.core.wording import counted
from speechtutor.corpora import canonical, folder
from speechtutor.corpora.rows import utterance
from speechtutor.errors import InputError
from speechtutor.evaluation import result, scoring_rows
from speechtutor.evaluation.result import Row
from speechtutor.files import jsonio
from speechtutor.report import runs
from speechtutor.report.runs import Evaluated

RECORD = "grades.jsonl"
LOST = "points_lost"
"""The figure of rows that nobody has graded: how far the machine's overall score is below 100."""
MOST_TOLD = 20
"""Rows that cannot be used and are told one by one."""


@dataclass(frozen=True, slots=True)
class Source:
    """Rows with the folder of their recordings; `record` is the file that grades of them are kept in.

    `typed` is the folder that may hold overrides (`overrides.FILE`), None where there is no such.
    """

    run: Evaluated
    root: Path | None
    record: Path
    typed: Path | None


def load(path: Path, texts: Path | None = None, root: Path | None = None) -> Source:
    """The folder of an evaluation or of recordings with their texts, a file of scores, or a manifest.

    `texts` is the manifest, or the folder of recordings, that a file of scores was made from, where the
    record that `speechtutor batch` leaves beside it does not say so. `root` is what audio paths are relative
    to, where it is not the usual one.

    Raises:
        InputError: naming what cannot be used.
    """
    if root is not None and not root.is_dir():
        raise InputError(f"{root}: not a folder of recordings")
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except PermissionError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if not is_there:
        raise InputError(f"{path}: not a folder of an evaluation or of recordings, nor a file of scores")
    if not is_folder:
        return _of_file(path, texts, root)
    if texts is not None:
        raise InputError(f"{texts} goes with a file of scores, and {path} is a folder")
    kept = (result.CONFIG, result.ROWS, result.SUMMARY)
    if not any((path / name).is_file() for name in kept) and (rows := _recordings(path)):
        problems = _textless(rows)
        found = [_row(row, None) for row in rows if row.text]
        return Source(_evaluated(path, found, problems), root or path, path / RECORD, None)
    run = runs.load(path)
    return Source(run, runs.audio_root(run, root), path / RECORD, path)


def _of_file(path: Path, texts: Path | None, root: Path | None) -> Source:
    lines = list(jsonio.file_lines(path))
    record = path.with_name(f"{path.stem}.{RECORD}")
    if not any(_is_score(line, f"{path.name}, row {number}") for number, line in lines):
        if texts is not None:
            raise InputError(f"{texts} goes with a file of scores, and {path} has none")
        rows, problems = _manifest(path, lines)
        found = [_row(row, None) for row in rows if row.text]
        return Source(
            _evaluated(path, found, [*problems, *_textless(rows)]), root or path.parent, record, None
        )
    known, root, told = _texts(path, texts, root)
    found, problems = _scored(path, lines, known)
    return Source(_evaluated(path, found, [*told, *problems]), root, record, None)


def _evaluated(path: Path, rows: Sequence[Row], problems: Sequence[str]) -> Evaluated:
    """Rows as a run without figures; problems name a file without its folder, for they travel with a report.

    Raises:
        InputError: when there are none.
    """
    if not rows:
        first = problems[0] if problems else "holds nothing to grade or to show"
        named = first.startswith(f"{path.name}, row")
        raise InputError(f"{path.parent / first}" if named else f"{path}: {first}")
    unique: dict[str, Row] = {}
    twice = [row.id for row in rows if unique.setdefault(row.id, row) is not row]
    told = [f"{name} stands there more than once, and the first counts." for name in twice]
    more = len(problems) + len(told) - MOST_TOLD
    shown = [*problems, *told][:MOST_TOLD] + ([f"{more} more rows cannot be used."] if more > 0 else [])
    return Evaluated(path, {"kind": "scoring"}, None, list(unique.values()), shown)


def _is_score(line: bytes, where: str) -> bool:
    row = _object(line, where)
    return row is not None and ("schema_version" in row or ("error" in row and "audio" not in row))


def _object(line: bytes, where: str) -> dict[str, Any] | None:
    try:
        return jsonio.decode(line, dict[str, Any], where)
    except InputError:
        return None


def _recordings(path: Path) -> list[Utterance]:
    return [replace(row, lang=row.lang or "en") for row in folder.read(path, free=True)]


def _textless(rows: Sequence[Utterance]) -> list[str]:
    n = sum(not row.text for row in rows)
    return [f"Left out: {counted(n, 'recording')} without a text."] if n else []


def _manifest(path: Path, lines: Sequence[tuple[int, bytes]]) -> tuple[list[Utterance], list[str]]:
    rows, problems = [], []
    for number, line in lines:
        try:
            rows.append(utterance(line, f"{path.name}, row {number}"))
        except InputError as error:
            problems.append(str(error))
    return rows, problems


def _texts(
    path: Path, texts: Path | None, root: Path | None
) -> tuple[Mapping[str, Utterance], Path | None, list[str]]:
    """Who spoke what, and where the recordings lie, for a file of scores; and what is not known."""
    if texts is None:
        texts, asked_root = _asked(path)
        root = root or asked_root
    if texts is None:
        told = [] if root else ["Where the recordings lie is not known: name their manifest or folder."]
        return {}, root, told
    if texts.is_dir():
        return {row.id: row for row in _recordings(texts)}, root or texts, []
    rows, problems = _manifest(texts, list(jsonio.file_lines(texts)))
    return {row.id: row for row in rows}, root or texts.parent, problems


def _asked(path: Path) -> tuple[Path | None, Path | None]:
    """The source and the root that a batch wrote down beside its result, where they are still there."""
    record = path.with_name(f"{path.name}.run.json")
    settings = jsonio.read_object(record).get("config") if record.is_file() else None
    if not isinstance(settings, Mapping):
        return None, None
    found = [Path(str(settings[key])) if settings.get(key) else None for key in ("source", "root")]
    source, root = (place if place is not None and place.exists() else None for place in found)
    return source, root


def _scored(
    path: Path, lines: Sequence[tuple[int, bytes]], known: Mapping[str, Utterance]
) -> tuple[list[Row], list[str]]:
    rows, problems = [], []
    for number, line in lines:
        where = f"{path.name}, row {number}"
        try:
            rows.append(_score_row(jsonio.decode(line, dict[str, Any], where), number, known, where))
        except InputError as error:
            problems.append(str(error))
    return rows, problems


def _score_row(value: Mapping[str, Any], number: int, known: Mapping[str, Utterance], where: str) -> Row:
    name = str(value.get("id") or f"row {number}")
    spoken = known.get(name)
    if "error" in value and "scores" not in value:
        plain = spoken or Utterance(name, "", "", name, "")
        return scoring_rows.row_of(plain, None, error=str(value["error"]))
    try:
        score = schema.score_from_json(value)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    speaker = str(value.get("speaker") or value.get("learner") or name)
    # Without a manifest the recording may still lie under the name that the line itself gives.
    plain = spoken or Utterance(name, str(value.get("audio") or ""), score.text, speaker, "")
    return _row(replace(plain, text=score.text), score)


def _row(spoken: Utterance, score: UtteranceScore | None) -> Row:
    """A row; labels that do not fit the words that were scored are left out of it."""
    labelled = bool(spoken.scores and spoken.scores.words)
    said = _unscored(spoken) if score is None and not labelled else score
    try:
        row = scoring_rows.row_of(spoken, said)
    except InputError:
        row = scoring_rows.row_of(replace(spoken, scores=None), said)
    if score is None:
        row = replace(row, detail={**row.detail, "declined": False})
    overall = row.detail["model"]["overall"]
    return row if overall is None else replace(row, metrics={**row.metrics, LOST: 100 - overall})


def _unscored(spoken: Utterance) -> UtteranceScore:
    """The words of a text with the sounds that are expected, and no score of anything."""
    return UtteranceScore(spoken.text, tuple(_words(spoken)))


def _words(spoken: Utterance) -> Iterator[WordScore]:
    try:
        words = canonical.of(spoken)
    except InputError:  # a word that no lexicon has is graded as a whole
        for text in spoken.text.split():
            yield WordScore(text, None, char_start=0)
        return
    for word in words:
        phones = tuple(PhoneScore(phone, None) for phone in word.pronunciations[0])
        yield WordScore(word.text, None, char_start=word.char_start, char_end=word.char_end, phones=phones)
