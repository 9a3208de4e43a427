"""The last guard of a door: what nobody foresaw goes to a log, and one line says so.

A door is where a request comes in: the command line, the app. `line` makes one printable line of any
message, `unforeseen` keeps a traceback in a file of its own that only its owner may read.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable
from pathlib import Path

from speechtutor.errors import cause, plain
from speechtutor.files.disk import home

LOGS = "logs"
"""The folder in the home directory that tracebacks go to."""
MOST_LOGS, MOST_BYTES = 20, 200_000
"""Files kept there, the newest, and bytes of each, the last: about 4 MB in all."""
LONGEST = 600
"""Characters of a message; of a longer one its beginning and its end are shown."""


def visible(text: str) -> str:
    """A text without what moves the cursor, breaks a line or changes a terminal: each is escaped."""
    return "".join(
        char if char == " " or char.isprintable() else char.encode("unicode_escape").decode("ascii")
        for char in text
    )


def line(message: str, given: Iterable[str] = ()) -> str:
    """A message as one printable line of at most about `LONGEST` characters.

    `given` are names that may hold line breaks of their own: these are escaped, those of the message
    are spaces.
    """
    for name in given:
        if not name.isprintable():
            message = message.replace(name, visible(name))
    told = visible(plain(message))
    if len(told) <= LONGEST:
        return told
    return f"{told[: LONGEST * 2 // 3]} … {told[-LONGEST // 3 :]}"


def unforeseen(doing: str, error: BaseException) -> str:
    """Keep the traceback of an error that nobody foresaw; the line that says what failed and where it is.

    `doing` names the request: the verb and what it was asked about. A log that cannot be written is told
    with its cause, and the error's own cause with it.
    """
    failed = f"{doing}: failed in a way that nobody foresaw"
    try:
        path = kept(home() / LOGS, doing, error)
    except (OSError, RuntimeError) as refused:  # RuntimeError: no home directory to be found
        return f"{failed}: {cause(error)} (no log was kept: {cause(refused)})"
    return f"{failed}; please report it with {path}"


def kept(folder: Path, doing: str, error: BaseException) -> Path:
    """Write a traceback into a new file of `folder`, and drop the oldest beyond `MOST_LOGS`.

    Raises:
        OSError: when the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    now = time.time_ns()
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(now // 10**9))
    path = folder / f"{stamp}-{now % 10**9:09}-{os.getpid()}.log"
    text = f"{line(doing)}\n{''.join(traceback.format_exception(error))}"
    data = text.encode("utf-8", "backslashreplace")
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data[-MOST_BYTES:])
    for old in sorted(folder.glob("*.log"))[:-MOST_LOGS]:
        old.unlink(missing_ok=True)
    return path
