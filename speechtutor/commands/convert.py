"""`speechtutor convert`: corpora and scores from one form to another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from speechtutor.commands.output import AsJson, Phones, show
from speechtutor.core.wording import counted
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.corpora.sources import Source

Corpus = Literal["manifest", "kaldi", "lhotse", "datasets"]
Scores = Literal["csv", "parquet", "textgrid", "eaf", "vtt", "ctm"]
CORPORA = ("manifest", "kaldi", "lhotse", "datasets")


def run(
    source: Annotated[
        Path,
        Parameter(
            help="A manifest, Kaldi data folder, lhotse cuts, data set (Parquet, AudioFolder) or folder of "
            "recordings; or what `batch` wrote."
        ),
    ],
    /,
    *,
    to: Annotated[Corpus | Scores, Parameter(help="Forms of a corpus, or of scores.")],
    out: Annotated[Path, Parameter(help="A file; for kaldi, datasets, textgrid, eaf and vtt a folder.")],
    root: Annotated[Path | None, Parameter(help="Folder of a manifest's audio (its own)")] = None,
    split: Annotated[
        Literal["train", "dev", "test"], Parameter(help="The split of rows that name none.")
    ] = "test",
    per: Annotated[
        Literal["utterance", "word", "phone"], Parameter(help="What a row of a table is.")
    ] = "word",
    phones: Phones = "arpabet",
    json: AsJson = False,
) -> None:
    """Turn a corpus or its scores into another form; what it is made of is found out by its look."""
    if not source.exists():
        raise InputError(f"{source}: there is no such file or folder")
    judged = _is_scores(source)
    if judged is (to in CORPORA):
        found = "scores" if judged else "a corpus"
        raise InputError(f"--to {to}: {source} is {found}; {_choices(judged)}")
    n = _scores(source, to, out, per, phones) if judged else _corpus(source, to, out, root, split)
    if json:
        show({"out": str(out), "form": to, "rows": n})
    else:
        print(f"{counted(n, 'row')} in {out}")


def _choices(judged: bool) -> str:
    names = ("csv", "parquet", "textgrid", "eaf", "vtt", "ctm") if judged else CORPORA
    return f"that becomes {', '.join(names)}"


def _first(source: Path) -> dict[str, Any]:
    """The first object of a file of JSON lines; nothing of another file."""
    from speechtutor.files import jsonio

    if not source.is_file() or source.suffix != ".jsonl":
        return {}
    number, line = next(jsonio.file_lines(source), (1, b"{}"))
    return jsonio.decode(line, dict[str, Any], f"{source}, row {number}")


def _is_scores(source: Path) -> bool:
    first = _first(source)
    return "schema_version" in first or first.keys() == {"id", "error"}


def _scores(source: Path, to: str, out: Path, per: str, phones: str) -> int:
    from speechtutor.batch import outputs

    def values() -> Iterator[dict[str, Any]]:
        return _values(source, phones)

    if to in outputs.FORMS:
        return outputs.write_form(to, out, values(), "phone" if per == "phone" else "word")
    if out.suffix != f".{to}":
        raise InputError(f"--out {out} must end in .{to}")
    outputs.check(out, per)
    outputs.TABLES[out.suffix](out, values(), per)
    return sum(1 for _ in values())


def _values(source: Path, phones: str) -> Iterator[dict[str, Any]]:
    """The lines of what `batch` wrote, looked at; a line without an id gets its number."""
    from speechtutor.files import jsonio
    from speechtutor.schema import score_from_json
    from speechtutor.views.tiers import respelled

    for number, line in jsonio.file_lines(source):
        where = f"{source}, row {number}"
        value = {"id": str(number)} | jsonio.decode(line, dict[str, Any], where)
        if "error" not in value:
            try:
                score_from_json(value)
            except InputError as error:
                raise InputError(f"{where}: {error}") from None
        yield respelled(value, phones)


def _corpus(source: Path, to: str, out: Path, root: Path | None, split: str) -> int:
    """Write a corpus; what was not there as a file of its own is written beside it."""
    from speechtutor.corpora import cuts, hugging, kaldi, manifest, sources

    found = (replace(one, row=replace(one.row, split=one.row.split or split)) for one in _rows(source, root))
    if to == "datasets":
        rows = hugging.write(out, found)
        manifest.check(rows, str(source))
        return len(rows)
    folder = out if to == "kaldi" else out.parent
    below = "audio" if to == "kaldi" else f"{out.name.partition('.')[0]}-audio"
    kept = list(sources.settled(found, folder, below, copy=to == "manifest"))
    manifest.check([row for row, _ in kept], str(source))
    if to == "manifest":
        manifest.write(out, [row for row, _ in kept], root=folder)
    elif to == "kaldi":
        kaldi.write(out, kept)
    else:
        cuts.write(out, kept)
    return len(kept)


def _rows(source: Path, root: Path | None) -> Iterator[Source]:
    """The rows of a corpus, in whatever form it comes.

    Raises:
        InputError: when it has none of the forms.
    """
    from speechtutor.corpora import cuts, hugging, kaldi, sources

    if source.is_dir():
        if kaldi.is_folder(source):
            return kaldi.read(source)
        if tables := hugging.tables(source):
            return hugging.read(tables)
        if sources.metadata(source):
            return sources.of_audiofolder(source)
        return sources.of_folder(source)
    if source.suffix == ".parquet":
        return hugging.read([source])
    if source.name.endswith(".jsonl.gz") or {"supervisions", "recording"} & _first(source).keys():
        return cuts.read(source)
    return sources.of_manifest(source, root)
