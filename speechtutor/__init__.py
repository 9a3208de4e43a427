"""Pronunciation scoring and feedback for language learners.

    import speechtutor
    score = speechtutor.load("scorer").score(recording, "I think so")

Names are imported on first use, so that importing the package is free. It only sets how the engines will
run (see `speechtutor.engines`).
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from speechtutor import engines

if TYPE_CHECKING:
    from speechtutor.core import (
        Alignment,
        Attempt,
        Caution,
        Emission,
        Exercise,
        Feedback,
        LearnerState,
        PhoneScore,
        Recording,
        Tip,
        Transcript,
        Utterance,
        UtteranceScore,
        Word,
        WordScore,
    )
    from speechtutor.errors import SpeechTutorError
    from speechtutor.notebook.plots import plot
    from speechtutor.pipeline import Coach
    from speechtutor.registry import load
    from speechtutor.tables import frame

__version__ = "0.1.0"

# Before anything of ours loads an engine: they read the environment once.
engines.prepare()

__all__ = [
    "Alignment",
    "Attempt",
    "Caution",
    "Coach",
    "Emission",
    "Exercise",
    "Feedback",
    "LearnerState",
    "PhoneScore",
    "Recording",
    "SpeechTutorError",
    "Tip",
    "Transcript",
    "Utterance",
    "UtteranceScore",
    "Word",
    "WordScore",
    "__version__",
    "frame",
    "load",
    "plot",
]

_ELSEWHERE = {
    "Coach": "pipeline",
    "SpeechTutorError": "errors",
    "frame": "tables",
    "load": "registry",
    "plot": "notebook.plots",
}
"""Where a name lives that is not in `core`."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'core')}")
    importlib.import_module(f"{__name__}.core.display").register(_shown)
    return getattr(module, name)


def _shown(value: Any) -> str:
    """What a notebook shows of a score."""
    from speechtutor.notebook.heat import score_html

    return score_html(value)


def __dir__() -> list[str]:
    return sorted(__all__)
