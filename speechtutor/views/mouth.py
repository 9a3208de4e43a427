"""The mouth from the side while it makes a sound: our own drawing, from the numbers of `content/mouth.toml`.

Nose to the right, as learners are used to. The tongue is the filled shape; a broken line is where it goes
in a vowel that moves; waves at the throat mean that the voice is on, and the arrow is the air.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape

from speechtutor.content.tables import mark, message, read
from speechtutor.core.inventory import CONSONANT_FEATURES

CSS = """
.st-mouth{width:13rem;max-width:45%;height:auto;flex:none}
.st-mouth .skin{fill:none;stroke:currentColor;stroke-width:3;stroke-linecap:round;stroke-linejoin:round}
.st-mouth .teeth{fill:#fff;stroke:#555;stroke-width:1.5}
.st-mouth .tongue{fill:#e8806f;stroke:#8c2f20;stroke-width:2}
.st-mouth .goes{fill:none;stroke:#8c2f20;stroke-width:2.5;stroke-dasharray:5 4}
.st-mouth .voice{fill:none;stroke:#0072b2;stroke-width:3}
.st-mouth .air{fill:none;stroke:#0072b2;stroke-width:2.5}
.st-mouth .lip{fill:#c96a5b;stroke:#8c2f20;stroke-width:2}
"""

_TIPS = {"between": (196, 92), "ridge": (172, 74), "near": (174, 84), "back": (142, 74), "low": (168, 116)}
"""Where the tip is, in units of the drawing; the jaw moves the low one down with it."""
_LIPS = {"spread": (-3, 0.0), "neutral": (0, 0.0), "round": (12, 0.0), "closed": (2, 1.0), "teeth": (0, 0.6)}
"""How far the lips stand out, and how far the lower one is drawn up to the upper."""


@dataclass(frozen=True, slots=True)
class Mouth:
    """A row of the table (see there)."""

    open: float
    lips: str
    tip: str
    body: tuple[float, float]
    nose: bool = False
    to: tuple[float, float] | None = None


@cache
def mouths() -> dict[str, Mouth]:
    """All sounds by their phone."""
    found = {}
    for phone, row in read("mouth").items():
        to = (row["to"][0], row["to"][1]) if "to" in row else None
        nose = CONSONANT_FEATURES.get(phone, ("", "", True))[1] == "nasal"
        body = (row["body"][0], row["body"][1])
        found[phone] = Mouth(row["open"], row["lips"], row["tip"], body, nose, to)
    return found


def mouth_svg(phone: str, sound: str, lang: str = "en") -> str:
    """The drawing of a phone; `sound` is how the phone is called in the drawing's description."""
    mouth = mouths()[phone]
    voiced = phone not in CONSONANT_FEATURES or CONSONANT_FEATURES[phone][2]
    parts = [message("take", "mouth", lang, sound=sound)]
    parts.append(message("take", "voiced" if voiced else "voiceless", lang))
    parts += [message("take", "through_nose", lang)] if mouth.nose else []
    label = escape(mark("comma", lang).join(parts), quote=True)
    jaw = 44 * mouth.open
    shapes = [_head(jaw, mouth), _teeth(jaw), _tongue(mouth, jaw)]
    if mouth.to is not None:
        shapes.append(f'<path class="goes" d="{_curve(mouth, mouth.to, jaw * 0.5)}"/>')
    shapes += [_lips(mouth, jaw), _air(mouth)]
    if voiced:
        shapes.append('<path class="voice" d="M58 168q6-6 12 0t12 0t12 0M58 178q6-6 12 0t12 0t12 0"/>')
    return (
        f'<svg class="st-mouth" viewBox="40 0 220 222" role="img" aria-label="{label}">'
        f"<title>{label}</title>{''.join(shapes)}</svg>"
    )


def _head(jaw: float, mouth: Mouth) -> str:
    """Nose, palate with or without a way to the nose, and the chin."""
    velum = "M112 56Q96 62 92 84" if mouth.nose else "M112 56Q92 56 78 66"
    chin = 142 + jaw * 0.8
    face = [
        "M196 8Q206 26 226 40Q232 48 214 56Q208 58 208 64",
        f"M184 70Q176 62 160 56Q134 50 112 56{velum}",
        f"M206 {104 + jaw:.0f}Q204 {chin - 14:.0f} 206 {chin:.0f}q-10 20-56 22L120 196",
        "M62 60Q56 110 60 160L58 196M96 150L98 196",
    ]
    return "".join(f'<path class="skin" d="{line}"/>' for line in face)


def _teeth(jaw: float) -> str:
    lower = 98 + jaw
    return (
        '<path class="teeth" d="M184 70L198 70L196 88L188 88Z"/>'
        f'<path class="teeth" d="M184 {lower + 18:.0f}h12L194 {lower:.0f}h-7Z"/>'
    )


def _tongue(mouth: Mouth, jaw: float) -> str:
    floor = 134 + jaw * 0.7
    below = f"L160 {floor:.0f}Q120 {floor + 14:.0f} 84 156Z"
    return f'<path class="tongue" d="{_curve(mouth, mouth.body, jaw)}{below}"/>'


def _curve(mouth: Mouth, body: tuple[float, float], jaw: float) -> str:
    """The upper edge of the tongue from the throat over its highest place to the tip."""
    x, y = 84 + 80 * body[0], 124 - 62 * body[1] + jaw * 0.35 * (1 - body[1])
    tip_x, tip_y = map(float, _TIPS[mouth.tip])
    tip_y += {"low": jaw, "between": 0.3 * jaw}.get(mouth.tip, 0.0)
    middle = (x + tip_x) / 2
    return (
        f"M84 156Q{min(x, 84) - 6:.0f} {y + 26:.0f} {x - 14:.0f} {y + 4:.0f}"
        f"Q{x:.0f} {y - 4:.0f} {middle:.0f} {(y + tip_y) / 2 + 4:.0f}T{tip_x:.0f} {tip_y:.0f}"
    )


def _lips(mouth: Mouth, jaw: float) -> str:
    out, up = _LIPS[mouth.lips]
    low = 96 + jaw * (1 - up) + (2 if up < 1 else -4)
    inward = -9 if mouth.lips == "teeth" else 0
    return (
        f'<ellipse class="lip" cx="{210 + out:.0f}" cy="76" rx="{9 + max(out, 0) * 0.4:.0f}" ry="10"/>'
        f'<ellipse class="lip" cx="{208 + out + inward:.0f}" cy="{low + 4:.0f}" '
        f'rx="{9 + max(out, 0) * 0.4:.0f}" ry="10"/>'
    )


def _air(mouth: Mouth) -> str:
    if mouth.nose:
        return '<path class="air" d="M78 66Q120 34 190 40L222 56M222 56l-10-1M222 56l-5-9"/>'
    if mouth.lips == "closed":
        return ""
    return '<path class="air" d="M226 88L250 88M250 88l-8-6M250 88l-8 6"/>'
