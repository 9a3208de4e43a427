"""Templates to pages: everything from files is escaped, and nothing is fetched from anywhere."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from speechtutor import config
from speechtutor.core.wording import counted
from speechtutor.report import grading, heat, sections
from speechtutor.report.runs import shown
from speechtutor.views import score as score_view


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("speechtutor.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": shown, "ipa": heat.ipa, "points": points, "spoken": grading.spoken, "counted": counted,
    }  # fmt: skip
    environment.globals["interval_text"] = sections.interval_text
    return environment


def points(score: float | None) -> str:
    """A score of 0-100 in whole points; a dash when nobody gave one."""
    return "–" if score is None else f"{score:.0f}"


def style() -> Markup:
    """The style sheet of every report."""
    own = files("speechtutor.report").joinpath("templates/report.css").read_text(encoding="utf-8")
    return Markup(score_view.CSS + own)


def render(template: str, **context: Any) -> str:
    """A page."""
    version = config.versions().get("speechtutor", "")  # none where it is run without being installed
    text = _environment().get_template(template).render(style=style(), version=version, **context)
    text = "\n".join(line.rstrip() for line in text.split("\n") if line.strip()) + "\n"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")  # a file's name need not be UTF-8
