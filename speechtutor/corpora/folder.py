"""A folder of recordings, each with its text in a file of the same name beside it."""

from __future__ import annotations

from pathlib import Path

from speechtutor.core import Utterance
from speechtutor.corpora import formats
from speechtutor.corpora.manifest import SPLITS
from speechtutor.errors import InputError

ABOUT = ("README", "LICEN", "COPYING")
"""Text files that speak of the corpus."""
LONE = "no recording of that name beside it"


def _split_folder(place: Path) -> str:
    """The split that a recording lies in by its topmost folder, or ""."""
    top = place.parts[0].lower() if len(place.parts) > 1 else ""
    return top if top in SPLITS else ""


def _texts(corpus: Path) -> dict[Path, Path]:
    """The text files that are of recordings, by their names without suffix."""
    paths = formats.files(corpus, (".txt",))
    return {path.with_suffix(""): path for path in paths if not path.stem.upper().startswith(ABOUT)}


def alone(corpus: Path) -> list[Path]:
    """The text files beside which there is no recording of their name."""
    names = {path.with_suffix("") for path in formats.files(corpus, formats.AUDIO)}
    return [path for name, path in sorted(_texts(corpus).items()) if name not in names]


def read(corpus: Path, *, free: bool = False) -> list[Utterance]:
    """A row for every recording; its text is in the file of the same name that ends in .txt.

    With `free` a recording without one, or with an empty one, is free speech: its text is "", and texts
    without recordings (`alone`) are passed over.

    Raises:
        InputError: naming a recording without text, or a text without recording.
    """
    audio = formats.files(corpus, formats.AUDIO)
    texts = _texts(corpus)
    if not free and (lone := alone(corpus)):
        raise InputError(f"{lone[0]}: {LONE} ({len(lone)} such files)")
    split = all(_split_folder(path.relative_to(corpus)) for path in audio)
    rows = []
    for path in audio:
        words = texts.get(path.with_suffix(""))
        if words is None and not free:
            raise InputError(f"{path}: no text in {path.with_suffix('.txt').name} beside it")
        place = path.relative_to(corpus)
        said = "" if words is None else " ".join(formats.text_of(words).split())
        if not said and not free:
            raise InputError(f"{words}: the text is empty")
        # The folder of a split is no speaker, unless the recordings lie in it itself.
        owner = Path(*place.parts[split and len(place.parts) > 2 :]).parent
        rows.append(
            Utterance(
                place.with_suffix("").as_posix(),
                place.as_posix(),
                said,
                owner.as_posix() if owner.parts else corpus.resolve().name,
                _split_folder(place) if split else "",
                lang="",
            )
        )
    return rows
