"""Everything that speechtutor raises on purpose.

    SpeechTutorError            one line for the user, exit status 2
    ├── InputError              a file, text, manifest row or option that cannot be used
    │   ├── AudioError          a recording that cannot be read
    │   └── TextError           a text that cannot be turned into phones
    ├── ModelError              a model that cannot be found, fetched, verified or loaded
    │   ├── UnknownModelError   a name that the registry does not hold
    │   ├── ChecksumError       bytes that are not the pinned ones
    │   └── OfflineError        no source could be reached
    ├── MissingExtraError       an optional package that is not installed
    ├── StorageError            no space, no permission, a locked or damaged store
    └── ServiceError            a remote server (an LLM) that failed or timed out

Anything else that escapes is a bug: the last guard of each door (speechtutor.files.guard) keeps its traceback
in a log and says one line. `cause` is how the message of a foreign exception goes into one of ours.
"""

from __future__ import annotations

import importlib
import re
from types import ModuleType


class SpeechTutorError(Exception):
    """Base of all errors that name a cause the user can act on."""


class InputError(SpeechTutorError):
    """What the user gave cannot be used; the message names the item, what was found and what was expected."""


class AudioError(InputError):
    """The recording cannot be read or holds no usable samples."""


class TextError(InputError):
    """The text holds nothing that can be pronounced in the scorer's language."""


class ModelError(SpeechTutorError):
    """A model cannot be found, fetched, verified or loaded."""


class UnknownModelError(ModelError):
    """The registry has no model of that name; the message lists the names it has."""


class ChecksumError(ModelError):
    """The bytes of a checkpoint are not the pinned ones, so they are refused."""


class OfflineError(ModelError):
    """No source of a checkpoint could be reached."""


class MissingExtraError(SpeechTutorError):
    """An optional package is not installed; the message gives the install line."""


class StorageError(SpeechTutorError):
    """The disk or the store refused a write or a read."""


class ServiceError(SpeechTutorError):
    """A remote server failed, answered nonsense or took too long."""


_ERRNO = re.compile(r"\[(?:Errno|WinError) -?\d+\] ")
_CLASS = re.compile(r"(?:(?<=^)|(?<=[\s(:]))[A-Za-z_][\w.]*(?:Error|Exception)(?:: |(?=\())")
"""`ValueError: ` and the name before a bracket; a file called MyError.wav is none."""


def plain(message: str) -> str:
    """A message in one line without what Python puts before it: the class of an exception, an errno."""
    return " ".join(_CLASS.sub("", _ERRNO.sub("", message)).split())


def cause(error: BaseException) -> str:
    """Why something failed, in words: no name of an exception, no number of the system, one line.

    Of an operating system's refusal it is the system's own wording and the file, where there is one.
    """
    if isinstance(error, OSError) and error.strerror:
        named = "" if error.filename is None else f": {error.filename}"
        return f"{plain(error.strerror)}{named}"
    known = {
        MemoryError: "not enough memory",
        RecursionError: "it is nested too deeply",
        UnicodeError: "it holds characters that cannot be read or written in this encoding",
    }
    for kind, told in known.items():
        if isinstance(error, kind):
            return told
    return plain(str(error)) or "no cause was given"


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional module, or say how to install it.

    A module that is present but broken raises its own error: hiding that would send the user
    to reinstall what is already there.

    Raises:
        MissingExtraError: when the top-level package of `module` is not installed.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.partition(".")[0]:
            raise
        message = f"{module} is not installed: pip install 'speechtutor[{extra}]'"
        raise MissingExtraError(message) from None
