"""What the verbs share: their arguments, how they print, where the app is."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from speechtutor.errors import InputError, SpeechTutorError
from speechtutor.files.guard import line

if TYPE_CHECKING:
    from speechtutor.core import Caution, UtteranceScore, WordScore
    from speechtutor.learner.store import SqlStore
    from speechtutor.schema import Json

Device = Annotated[str | None, Parameter(help="Where to compute: cpu, cuda, cuda:1 … (the best there is)")]
Explain = Annotated[str | None, Parameter(help="Explain in this language: en, es or zh (English).")]
AsJson = Annotated[bool, Parameter(name="--json", help="Print JSON.")]
Strictness = Annotated[
    str | None,
    Parameter(help="How readily a sound is called wrong: lenient, standard or strict (standard)."),
]
Phones = Annotated[
    Literal["arpabet", "ipa", "xsampa"], Parameter(help="How phones are written in TextGrids and tables.")
]
Model = Annotated[str | None, Parameter(help="A name from `speechtutor models` (the default of the stage)")]


def show(value: Json | list[Json] | list[str]) -> None:
    """Print a result as JSON."""
    from speechtutor.schema import dumps

    print(dumps(value))


def note(message: str) -> None:
    """Tell the user something that is not the result."""
    print(f"speechtutor: {line(message)}", file=sys.stderr)


def complain(error: SpeechTutorError, about: Path) -> None:
    """Report the failure of one of several inputs."""
    print(f"speechtutor: error: {line(str(error), [str(about)])}", file=sys.stderr)


def warn(cautions: Iterable[Caution]) -> None:
    """Print warnings beside a result for people; the JSON carries them itself."""
    for caution in cautions:
        print(f"speechtutor: warning: {caution.code.value}: {caution.message}", file=sys.stderr)


def write(path: Path, text: str) -> None:
    """Put a text file in place, or none of it."""
    from speechtutor.files.disk import write_text

    write_text(path, text)


def demo() -> Path:
    """The folder of the app and the spoken examples: in a checkout, or inside the installed package.

    Raises:
        InputError: when this installation has none.
    """
    package = Path(__file__).resolve().parent.parent
    for folder in (package.parent / "demo", package / "demo"):
        if folder.is_dir():
            return folder
    raise InputError("this installation has no demo folder: install from a checkout or a wheel")


def open_store(url: str | None = None, *, create: bool = True) -> SqlStore:
    """The learner store; rows of it that cannot be read are told beside the result."""
    from speechtutor.learner import store

    return store.open_store(url, create=create, tell=lambda line: note(f"warning: {line}"))


def points(score: float | None) -> str:
    """A score as people see it, `-` when it was not measured."""
    from speechtutor.schema import percent

    value = percent(score)
    return "-" if value is None else f"{value:.0f}"


def score_lines(score: UtteranceScore) -> Iterator[str]:
    """A score as a small table: aspects, then a line a word with its phones."""
    from speechtutor.core.score import ASPECTS

    yield "  ".join(f"{aspect} {points(getattr(score, aspect))}" for aspect in ASPECTS)
    yield from _sentences(score)
    width = max((len(word.text) for word in score.words), default=0)
    for word in score.words:
        yield f"{word.text:<{width}}  {points(word.score):>3}  {_phones(word)}".rstrip()


def _sentences(score: UtteranceScore) -> Iterator[str]:
    """A line for each sentence of several: its scores, then its text."""
    for one in score.sentences:
        told = (
            f"overall {points(one.overall)}  accuracy {points(one.accuracy)}  fluency {points(one.fluency)}"
        )
        yield f"{told}  {' '.join(score.text[one.char_start : one.char_end].split())}"


def _phones(word: WordScore) -> str:
    from speechtutor.core import ErrorType

    cells = []
    for phone in word.phones:
        heard = "" if phone.heard is None else f" (heard {phone.heard or 'nothing'})"
        cells.append(f"{phone.canonical} {points(phone.score)}{heard}")
    cells += [f"(extra {phone})" for _, phone in word.inserted]
    flag = "" if word.error_type is ErrorType.NONE else f"  [{word.error_type.value}]"
    return "  ".join(cells) + flag
