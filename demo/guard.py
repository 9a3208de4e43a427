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
from speechtutor.errors import AudioError, InputError, SpeechTutorError, TextError
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


HEADS = {AudioError: "bad_audio", TextError: "bad_text", InputError: "bad_input", SpeechTutorError: "not_now"}
"""What cannot be used, by the first class that fits."""


def _line(error: SpeechTutorError, hide: str, lang: str) -> str:
    """What went wrong; its cause is told in English, elsewhere after words of the learner's language."""
    line = str(error)
    if lang != "en":
        key = next(key for kind, key in HEADS.items() if isinstance(error, kind))
        return headed(message("app", key, lang), line.removeprefix(f"{hide}: "), lang)
    return line.replace(hide, "The recording") if hide else line


def _lang(given: tuple[Any, ...]) -> str:
    wishes = [one for one in given if isinstance(one, Prefs)]
    return (wishes[0].lang if wishes else "") or "en"
