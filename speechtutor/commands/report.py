"""`speechtutor report`: evaluations for researchers and graders, attempts for teachers, new labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from speechtutor.commands.output import AsJson, note, show
from speechtutor.core.wording import counted
from speechtutor.errors import InputError

if TYPE_CHECKING:
    from speechtutor.report.run_page import Built

app = App(
    name="report", help="Turn an evaluation or a class's attempts into one page, with JSON and CSV beside it."
)

Run = Annotated[Path, Parameter(help="The folder of an evaluation.")]


@app.default
def report(
    source: Annotated[
        Path | None, Parameter(help="The folder of an evaluation, or a file of scores (batch).")
    ] = None,
    /,
    *,
    against: Annotated[Path | None, Parameter(help="Another evaluation of the same utterances.")] = None,
    root: Annotated[Path | None, Parameter(help="Folder of the recordings (that of the evaluation)")] = None,
    out: Annotated[Path | None, Parameter(help="The page (report.html in the folder)")] = None,
    audio: Annotated[
        Literal["embed", "link", "none"],
        Parameter(help="Recordings inside the page (8 MB at most), as links to the files, or none."),
    ] = "embed",
    worst: Annotated[int, Parameter(help="How many of the worst utterances to show.")] = 20,
    metric: Annotated[str | None, Parameter(help="The figure that says which are worst (the first)")] = None,
    teacher: Annotated[
        bool, Parameter(name="--class", help="The class report: what each learner should work on.")
    ] = False,
    store: Annotated[
        str | None, Parameter(help="Learner store of the class report, as a URL (yours)")
    ] = None,
    manifest: Annotated[
        Path | None, Parameter(help="Manifest that says who spoke, where a file of scores does not.")
    ] = None,
    pseudonyms: Annotated[
        Path | None, Parameter(help="Made-up names in the class report; this file keeps who is who.")
    ] = None,
    json: AsJson = False,
) -> None:
    """Write the report of an evaluation, or with --class that of a class."""
    if out is not None and not out.name:
        raise InputError(f"--out {str(out)!r} names no file")
    if teacher:
        if against or root or metric or audio != "embed":
            raise InputError("--against, --root, --metric and --audio do not go with --class")
        _tell(_class(source, store, manifest, pseudonyms, out), json)
        return
    if store or manifest or pseudonyms:
        raise InputError("--store, --manifest and --pseudonyms only go with --class")
    if source is None:
        raise InputError("name the folder of an evaluation, or --class for a class report")
    if worst < 0:
        raise InputError(f"--worst must be 0 or more, not {worst}")
    from speechtutor.report.run_page import Options, build

    _tell(build(source, out, against, Options(root, audio, worst, metric)), json)


def _class(
    source: Path | None, store: str | None, manifest: Path | None, pseudonyms: Path | None, out: Path | None
) -> Built:
    from speechtutor.report import attempts, class_page

    if source and store:
        raise InputError("a file of scores and --store were both given: name one of them")
    found = attempts.from_path(source, manifest) if source else attempts.from_store(store)
    if pseudonyms:
        found = attempts.pseudonyms(found, pseudonyms)
    return class_page.build(found, out or Path("class-report.html"), words=pseudonyms is None)


def _tell(built: Built, json: bool) -> None:
    for problem in built.problems:
        note(f"warning: {problem}")
    if json:
        show(
            {
                "page": str(built.page),
                "beside": [str(p) for p in built.beside],
                "problems": list(built.problems),
            }
        )
    else:
        print(built.page)
        for path in built.beside:
            print(path)


@app.command
def override(
    run: Run,
    id: Annotated[str, Parameter(help="The utterance.")],
    /,
    *,
    word: Annotated[int, Parameter(help="Which word, counting from 1 as the report does.")],
    who: Annotated[str, Parameter(help="Who says so.")],
    phone: Annotated[
        int | None, Parameter(help="Which sound of the word, counting from 1 (the whole word)")
    ] = None,
    score: Annotated[float | None, Parameter(help="The right score, 0-100.")] = None,
    note: Annotated[str, Parameter(help="Why.")] = "",
    withdraw: Annotated[bool, Parameter(help="Take back what you said of it before.")] = False,
    json: AsJson = False,
) -> None:
    """Write down a grader's score beside the run's own; nothing is overwritten."""
    from dataclasses import asdict
    from datetime import UTC, datetime

    from speechtutor.report import overrides, runs

    if withdraw == (score is not None):
        raise InputError("give either --score or --withdraw")
    row = overrides.row_of(runs.load(run).rows, id, run)
    made = overrides.make(row, word, phone, score, who, datetime.now(UTC), note)
    if withdraw and not any(
        one.who == made.who for one in overrides.standing(overrides.read(run)).get(made.item, ())
    ):
        raise InputError(f"{made.who} has said nothing of it that could be withdrawn")
    overrides.append(run, made)
    if json:
        show(asdict(made))
        return
    what = f"word {word} ({made.text})" + (f", sound {phone} ({made.expected})" if phone else "")
    before = "–" if made.machine is None else f"{made.machine:g}"
    said = "withdrawn" if score is None else f"{score:g} (machine {before})"
    print(f"{id}, {what}: {said} by {made.who}")


Graded = Annotated[
    Path, Parameter(help="What was graded: a folder of an evaluation or of recordings, scores, a manifest.")
]


@app.command(name="export-grades")
def export_grades(
    source: Graded,
    /,
    *,
    out: Annotated[Path, Parameter(help="The table: .xlsx, with a sheet of the agreement, or .csv.")],
    json: AsJson = False,
) -> None:
    """Write everybody's grades as a table, blind and later ones, a row an item."""
    from speechtutor.report import grade_table, grades, sources

    found = sources.load(source)
    for problem in grades.of_source(found)[1]:
        note(f"warning: {problem}")
    n_saved = grade_table.write(found, out)
    if json:
        show({"path": str(out), "saved": n_saved})
    else:
        print(f"{out}: {n_saved} saves of graders")


@app.command(name="export-labels")
def export_labels(
    run: Graded,
    manifest: Annotated[Path, Parameter(help="The manifest of the run.")],
    /,
    *,
    out: Annotated[Path, Parameter(help="The new manifest.")],
    all: Annotated[bool, Parameter(help="Also the rows that nobody overrode.")] = False,
    blind: Annotated[bool, Parameter(help="Only what was graded blind.")] = False,
    json: AsJson = False,
) -> None:
    """Write the graded rows as training labels, with who said what and when."""
    from dataclasses import asdict

    from speechtutor.report import grades, labels, sources

    source = sources.load(run)
    given, problems = grades.of_source(source, strict=True)
    for problem in problems:
        note(f"warning: {problem}")
    if blind:
        given = [one for one in given if one.blind]
    done = labels.export(source.run.rows, given, manifest, out, every=all)
    if json:
        show({**asdict(done), "path": str(done.path)})
    else:
        also = f"{counted(done.n_sentences, 'sentence')}, " if done.n_sentences else ""
        told = f"{also}{counted(done.n_words, 'word')} and {counted(done.n_phones, 'sound')} relabelled"
        print(f"{done.path}: {counted(done.n_rows, 'row')}, {told}")
