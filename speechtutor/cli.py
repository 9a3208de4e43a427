"""The command line: verbs by name, imported when they are called.

Results go to stdout, everything else to stderr. Exit status: 0 done, 1 some of several inputs
failed, 2 the request cannot be met (one line says why), 130 interrupted.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError, Parameter

from speechtutor import __version__
from speechtutor.errors import SpeechTutorError, StorageError

VERBS = {
    "doctor": "Say what is installed, which models are present and what stands in the way.",
    "models": "List, pull and verify models.",
    "transcribe": "Write down what was said, with times and confidence.",
    "align": "Say when each word and phone of a text was said.",
    "score": "Assess the pronunciation of a text.",
    "coach": "Run the whole loop: transcribe, score, feedback, what to say next.",
    "speak": "Say a text with the model voice.",
    "practice": "Give the next exercise for a learner.",
    "batch": "Score a corpus; a stopped batch goes on where it was.",
    "evaluate": "Measure a recogniser or a scorer on a manifest.",
    "report": "Turn an evaluation or a class's attempts into one page for people.",
    "learner": "List, hand out or forget what is known of learners.",
    "bench": "Measure latency, real-time factor and memory on this machine.",
    "app": "Open the learner's app in the browser.",
    "serve": "Serve the JSON API.",
}
GROUPS = {"models", "evaluate", "report", "learner"}
"""Verbs that have verbs of their own."""
FAILED, INTERRUPTED = 2, 130
_FULL = (errno.ENOSPC, errno.EDQUOT)


def build() -> App:
    """The command line; no verb's module is imported."""
    app = App(
        name="speechtutor",
        help="Pronunciation scoring and feedback for language learners.",
        version=__version__,
        help_format="plaintext",  # Markdown would load a parser for a page that has none: a third of the time
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for rank, (name, line) in enumerate(VERBS.items()):
        module = f"speechtutor.commands.{name}"
        attribute = "app" if name in GROUPS else "run"
        app.command(f"{module}:{attribute}", name=name, help=line, sort_key=rank)
    return app


def _fail(error: SpeechTutorError | CycloptsError) -> int:
    print(f"speechtutor: error: {' '.join(str(error).split())}", file=sys.stderr)
    return FAILED


def _call(argv: Sequence[str] | None) -> int:
    status = build()(argv, exit_on_error=False, print_error=False)
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit status; a bug keeps its traceback."""
    try:
        return _call(argv)
    except (SpeechTutorError, CycloptsError) as error:
        return _fail(error)
    except KeyboardInterrupt:
        print("speechtutor: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader (`| head`) has gone; point stdout elsewhere so that the exit does not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        if error.errno not in _FULL:
            raise
        return _fail(StorageError(f"no space left on the disk: {error.filename or 'while writing'}"))
