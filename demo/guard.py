"""The last guard of the app: whatever goes wrong in a callback ends in one kind line, never in silence.

What a person can help is said as it is; anything else is a bug, whose traceback goes to a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from demo.prefs import Prefs
from speechtutor.content.tables import aside, headed, message
from speechtutor.errors import AudioError, SpeechTutorError
from speechtutor.files.guard import kept
from speechtutor.views.score import error_html

Shown = Callable[[str], Any]
"""Makes of an error as HTML what a callback shows instead of its result."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Watches callbacks; `logs` is the folder that tracebacks of unforeseen errors are kept in."""

    logs: Path

    def told(self, error: Exception, hide: str = "", lang: str = "en") -> str:
        """An error as one line of HTML; `hide` is a path that is the recording to whoever reads it."""
        if isinstance(error, SpeechTutorError):
            return error_html(_line(error, hide, lang))
        sorry = message("app", "sorry", lang)
        try:
            path = str(kept(self.logs, "the app", error))
        except OSError:
            return error_html(sorry)
        return error_html(aside(sorry, message("app", "log", lang, path=path), lang))

    def once(self, call: Callable[..., Any], shown: Shown) -> Callable[..., Any]:
        """The callback, or what `shown` makes of its error, in the language of the `Prefs` it was given."""

        @wraps(call)
        def watched(*given: Any) -> Any:
            try:
                return call(*given)
            except Exception as error:
                return shown(self.told(error, lang=_lang(given)))

        return watched

    def steps(self, results: Iterator[Any], shown: Shown, hide: str = "", lang: str = "en") -> Iterator[Any]:
        """The results one after another; at the first error what `shown` makes of it, and the end."""
        try:
            yield from results
        except Exception as error:
            yield shown(self.told(error, hide, lang))


def _line(error: SpeechTutorError, hide: str, lang: str) -> str:
    """What went wrong; the cause of a recording's trouble is told in English, after a word in `lang`."""
    line = str(error)
    if isinstance(error, AudioError) and lang != "en":
        return headed(message("app", "bad_audio", lang), line.removeprefix(f"{hide}: "), lang)
    return line.replace(hide, "The recording") if hide else line


def _lang(given: tuple[Any, ...]) -> str:
    wishes = [one for one in given if isinstance(one, Prefs)]
    return (wishes[0].lang if wishes else "") or "en"
