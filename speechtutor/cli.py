"""The command line: verbs by name, imported when they are called.

Results go to stdout, everything else to stderr. Exit status: 0 done, 1 some of several inputs
failed or a bug was met (its traceback is in a log that the line names), 2 the request cannot be met (one
line says why), 130 interrupted.
"""

from __future__ import annotations

import codecs
import errno
import io
import itertools
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from speechtutor import __version__, engines
from speechtutor.config import exact
from speechtutor.errors import InputError, SpeechTutorError, cause
from speechtutor.files import guard

VERBS = {
    "doctor": "Say what is installed, which models are present and what stands in the way.",
    "models": "List, pull and verify models.",
    "transcribe": "Write down what was said, with times and confidence.",
    "align": "Say when each word and phone of a text was said.",
    "score": "Assess the pronunciation of a text.",
    "coach": "Run the whole loop: transcribe, score, feedback, what to say next.",
    "speak": "Say a text with the model voice.",
    "practice": "Give the next exercise for a learner.",
    "content": "List what there is to practise: sentences, pairs, openings, pictures, words.",
    "batch": "Score a corpus; a stopped batch goes on where it was.",
    "convert": "Turn a corpus or its scores into another form.",
    "evaluate": "Measure a recogniser or a scorer on a manifest.",
    "report": "Turn an evaluation or a class's attempts into one page for people.",
    "grade": "Grade by clicking: hear it, grade it, then see what the machine said.",
    "learner": "List, hand out or forget what is known of learners.",
    "homework": "Give learners exercises, and see what became of them.",
    "bench": "Measure latency, real-time factor and memory on this machine.",
    "app": "Open the learner's app in the browser.",
    "serve": "Serve the JSON API.",
}
GROUPS = {"models", "evaluate", "report", "learner", "homework"}
"""Verbs that have verbs of their own."""
BUG, FAILED, INTERRUPTED = 1, 2, 130
MAY_BE_EMPTY = {"--note", "--sounds", "--words"}
"""Options that name nothing by default."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def build() -> App:
    """The command line; no verb's module is imported."""
    app = App(
        name="speechtutor",
        help="Pronunciation scoring and feedback for language learners.",
        version=__version__,
        help_format="plaintext",  # Markdown would load a parser for a page that has none: a third of the time
        default_parameter=Parameter(negative=(), converter=exact),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for rank, (name, line) in enumerate(VERBS.items()):
        module = f"speechtutor.commands.{name}"
        attribute = "app" if name in GROUPS else "run"
        app.command(f"{module}:{attribute}", name=name, help=line, sort_key=rank)
    return app


def _fail(message: str, argv: Sequence[str], status: int = FAILED) -> int:
    print(f"speechtutor: error: {guard.line(message, argv)}", file=sys.stderr)
    return status


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding lacks, as JSON writes them; a result is never lost to a console."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)), error.end


def _speak_any_encoding() -> None:
    codecs.register_error("speechtutor", _escaped)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors == "strict":
            stream.reconfigure(errors="speechtutor")


def _check_values(argv: Sequence[str]) -> None:
    """Refuse what no verb can use.

    As a path an empty value would be the folder one happens to be in; half a character can name a file
    that is there, and nothing else.

    Raises:
        InputError: for an option with an empty value, or a word that is no text.
    """
    for word in argv:
        if "\0" in word:
            raise InputError(f"{word!r:.80}: holds a zero byte")
        if word.isascii() or os.path.lexists(word):
            continue
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(f"{word!r:.80}: neither text in UTF-8 nor a file that is there") from None
    for option, value in itertools.pairwise((*argv, "--")):
        if option == "--":
            return
        name, equals, given = option.partition("=")
        empty = not given if equals else not value
        if empty and name.startswith("-") and name not in MAY_BE_EMPTY:
            raise InputError(f"{name} got an empty value")


def _is_about(error: OSError, argv: Sequence[str]) -> bool:
    """Whether the system refused a file that the request names, or one in a folder that it names."""
    name = error.filename
    return isinstance(name, str) and any(len(word) > 1 and word in name for word in argv[1:])


def _doing(argv: Sequence[str]) -> str:
    """The request in a few words: the verb and what it was first asked about."""
    plain = list(itertools.takewhile(lambda word: not word.startswith("-"), argv))
    return " ".join(word if len(word) <= 80 else f"{word[:77]}…" for word in plain[:2]) or "speechtutor"


def _call(argv: Sequence[str]) -> int:
    _check_values(argv)
    status = build()(argv, exit_on_error=False, print_error=False)
    if sys.stdout is not None:
        sys.stdout.flush()
    return status if isinstance(status, int) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status; of a bug the traceback goes to a log."""
    engines.limit_threads()
    argv = list(sys.argv[1:] if argv is None else argv)
    _speak_any_encoding()
    try:
        return _call(argv)
    except (SpeechTutorError, CycloptsError) as error:
        return _fail(str(error), argv)
    except KeyboardInterrupt:
        print("speechtutor: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone; point stdout elsewhere so that the exit does not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if error.errno in _FULL:
            return _fail(f"no space left on the disk: {error.filename or 'while writing'}", argv)
        if _is_about(error, argv):
            return _fail(cause(error), argv)
        return _fail(guard.unforeseen(_doing(argv), error), argv, BUG)
    except Exception as error:
        return _fail(guard.unforeseen(_doing(argv), error), argv, BUG)
