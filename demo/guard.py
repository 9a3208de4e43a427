"""The last guard of the app: whatever goes wrong in a callback ends in one kind line, never in silence.

What a person can help is said as it is; anything else is a bug, whose traceback goes to a file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, wraps
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from speechtutor.errors import SpeechTutorError
from speechtutor.views.score import error_html

LOG = "app.log"
"""The file in the home directory that tracebacks go to."""
LOG_BYTES, LOG_FILES = 1_000_000, 2

Shown = Callable[[str], Any]
"""Makes of an error as HTML what a callback shows instead of its result."""


@dataclass(frozen=True, slots=True)
class Guard:
    """Watches callbacks; `log` is the file that unforeseen errors are written to."""

    log: Path

    def told(self, error: Exception, hide: str = "") -> str:
        """An error as one line of HTML; `hide` is a path that is the recording to whoever reads it."""
        if isinstance(error, SpeechTutorError):
            line = str(error)
            return error_html(line.replace(hide, "The recording") if hide else line)
        try:
            _logger(self.log).error("unforeseen", exc_info=error)
        except OSError:
            return error_html("Something went wrong here. It is not your fault: please try again.")
        return error_html(
            f"Something went wrong here. It is not your fault: please try again. (Details: {self.log})"
        )

    def once(self, call: Callable[..., Any], shown: Shown) -> Callable[..., Any]:
        """The callback, or what `shown` makes of its error."""

        @wraps(call)
        def watched(*given: Any) -> Any:
            try:
                return call(*given)
            except Exception as error:
                return shown(self.told(error))

        return watched

    def steps(self, results: Iterator[Any], shown: Shown, hide: str = "") -> Iterator[Any]:
        """The results one after another; at the first error what `shown` makes of it, and the end."""
        try:
            yield from results
        except Exception as error:
            yield shown(self.told(error, hide))


@cache
def _logger(path: Path) -> logging.Logger:
    """A log of its own, which the console does not see; only its owner may read the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    handler = RotatingFileHandler(
        path, maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8", delay=True
    )
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    logger = logging.getLogger(f"speechtutor.app.{path}")
    logger.addHandler(handler)
    logger.propagate = False
    return logger
