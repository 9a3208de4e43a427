"""What a learner wants of the app: language, notation, looks, voice; kept by the browser, never trusted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from speechtutor.content.tables import languages
from speechtutor.views.score import NOTATIONS

SIZES = ("normal", "large", "larger")
COLOURS = ("automatic", "light", "dark", "contrast")
STRICTNESS = ("lenient", "standard", "strict")
VOICES = {
    "": "voice_default",
    "af_heart": "american_woman",
    "am_michael": "american_man",
    "bf_emma": "british_woman",
    "bm_george": "british_man",
}
"""Voices that may be chosen where the model voice has them, with what they are called."""
SPEEDS = (0.8, 0.9, 1.0, 1.1)
SLOWLY = 0.7
"""What "slowly" makes of the chosen speed."""


@dataclass(frozen=True, slots=True)
class Prefs:
    """One learner's wishes; `lang` "" is the browser's language."""

    lang: str = ""
    notation: str = "respelling"
    size: str = "normal"
    colours: str = "automatic"
    speed: float = 1.0
    voice: str = ""
    strictness: str = "standard"
    level: str = "A2"

    def to_json(self) -> dict[str, Any]:
        """As the browser keeps it."""
        return asdict(self)


_ALLOWED: dict[str, tuple[Any, ...]] = {
    "notation": NOTATIONS,
    "size": SIZES,
    "colours": COLOURS,
    "speed": SPEEDS,
    "voice": tuple(VOICES),
    "strictness": STRICTNESS,
    "level": ("A1", "A2", "B1", "B2"),
}


def read(kept: Any, accepted: str = "") -> Prefs:
    """The wishes that a browser has kept; what is none is the default, a missing language the browser's."""
    found = kept if isinstance(kept, dict) else {}
    known = {field.name: found[field.name] for field in fields(Prefs) if field.name in found}
    valid = {name: value for name, value in known.items() if value in _ALLOWED.get(name, ())}
    lang = known.get("lang")
    return replace(Prefs(**valid), lang=lang if lang in languages() else preferred(accepted))


def preferred(accepted: str) -> str:
    """The first language of explanation in a browser's list such as `zh-CN,zh;q=0.9,en;q=0.8`."""
    codes = [part.split(";")[0].strip().lower().split("-")[0] for part in accepted.split(",")]
    return next((code for code in codes if code in languages()), "en")
