"""One learner's page: sounds over time, trends with their noise, what really changed, you then and now."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from speechtutor.core import Attempt, LearnerState, SentenceScore
from speechtutor.core.profile import Profile
from speechtutor.evaluation.result import clean
from speechtutor.files import disk
from speechtutor.learner import progress, skills, summary
from speechtutor.practice import path
from speechtutor.report import books, charts, export, html, trends
from speechtutor.report.charts import Estimate
from speechtutor.report.heat import ipa
from speechtutor.report.run_page import Built
from speechtutor.schema import dumps

MOST_ROWS = 24
"""Sounds in the map: those that came out right least, of those heard often enough."""

LEAST_HEARD = 5
MOST_READINGS = 5
"""Last readings of several sentences that are shown sentence by sentence."""
COLUMNS = ("phone", "ipa", "from", "right", "n")
ASPECTS = (("overall", "Overall"), ("fluency", "Fluency"))


def build(
    profile: Profile,
    state: LearnerState,
    attempts: Sequence[Attempt],
    out: Path,
    now: datetime,
    since: date | None = None,
) -> Built:
    """Write the page with JSON, CSV and a spreadsheet of the sounds over time beside it.

    Raises:
        StorageError: when the disk refuses.
        MissingExtraError: without openpyxl.
    """
    cells, found = progress.heat(attempts), summary.of(profile, state, attempts, now, since)
    known = {name: path.goal(name) for name in state.skills}
    ahead = progress.forecasts(attempts, state, known)
    pairs = progress.matched(attempts)
    beside = [out.with_name(out.stem + end) for end in (".json", "-sounds.csv", "-sounds.xlsx")]
    rows = [_row(one) for one in cells]
    text = html.render(
        "learner.html",
        title=f"{profile.learner}: what has become of it",
        linked=False,
        contents=[
            ("now", "Now"),
            ("time", "Over time"),
            ("then", "You then, you now"),
            ("passages", "Sentence by sentence"),
            ("reading", "How to read this"),
        ],
        found=found,
        overall=summary.said_of(found["overall"]),
        changed=summary.in_words(found["changed"]),
        map=_map(cells),
        trends=[(name, _trend(attempts, aspect, name)) for aspect, name in ASPECTS],
        contrasts=_intervals(found["hardest_contrasts"], "Hardest contrasts"),
        weak=_intervals(found["weak"], "Hardest sounds"),
        forecasts=[(skills.label(one.skill), one) for one in ahead],
        pairs=pairs,
        readings=_readings(attempts),
        not_yet=summary.NOT_YET,
        beside=[one.name for one in beside],
        lately=progress.LATELY,
    )
    disk.write_text(
        beside[0], dumps(clean(_json(found, cells, attempts, ahead, pairs)), indent=1) + "\n", mode=0o600
    )
    disk.write_text(beside[1], export.csv_text(rows, COLUMNS), mode=0o600)
    books.write(beside[2], {"sounds": (COLUMNS, rows)})
    disk.write_text(out, text, mode=0o600)
    return Built(out, beside, ())


def _row(one: progress.Cell) -> dict[str, Any]:
    return {
        "phone": one.phone, "ipa": ipa(one.phone), "from": one.start.isoformat(),
        "right": round(one.right, 3), "n": one.n,
    }  # fmt: skip


def _readings(attempts: Sequence[Attempt]) -> list[tuple[Attempt, list[tuple[str, SentenceScore]]]]:
    """The last readings of several sentences, the newest first, each sentence with its text."""
    several = [one for one in attempts if len(one.score.sentences) > 1][-MOST_READINGS:]
    return [
        (one, [(one.score.text_of(each), each) for each in one.score.sentences]) for one in reversed(several)
    ]


def _map(cells: Sequence[progress.Cell]) -> Markup:
    """The sounds that need it most, the hardest on top."""
    heard: dict[str, list[progress.Cell]] = {}
    for one in cells:
        heard.setdefault(one.phone, []).append(one)
    share = {
        phone: sum(one.right * one.n for one in own) / sum(one.n for one in own)
        for phone, own in heard.items()
        if sum(one.n for one in own) >= LEAST_HEARD
    }
    rows = sorted(share, key=lambda phone: (share[phone], phone))[:MOST_ROWS]
    starts = sorted({one.start for one in cells})
    values = {
        (rows.index(one.phone), starts.index(one.start)): (one.right, one.n)
        for one in cells
        if one.phone in rows
    }
    columns = [start.strftime("%d %b") for start in starts]
    return trends.heat_map([ipa(phone) for phone in rows], columns, values, "Sounds over time")


def _trend(attempts: Sequence[Attempt], aspect: str, name: str) -> Markup:
    points = [(one.day, one.value, one.band) for one in progress.trend(attempts, aspect)]
    return trends.trend(points, f"{name} day by day", f"{name.lower()} of 100, mean of a day")


def _intervals(rows: Sequence[dict[str, Any]], title: str) -> Markup:
    told = [
        Estimate(row["label"], row["p"], row["low"], row["high"], f"{100 * row['p']:.0f} %")
        for row in rows[:8]
    ]
    return charts.intervals(told, title, "comes out right, per cent", scale=100)


def _json(
    found: dict[str, Any],
    cells: Sequence[progress.Cell],
    attempts: Sequence[Attempt],
    ahead: Sequence[progress.Forecast],
    pairs: Sequence[progress.Pair],
) -> dict[str, Any]:
    return {
        "schema_version": 1,
        **found,
        "sounds": [_row(one) for one in cells],
        "trends": {
            aspect: [
                {"day": one.day.isoformat(), "value": one.value, "band": one.band, "n": one.n}
                for one in progress.trend(attempts, aspect)
            ]
            for aspect, _ in ASPECTS
        },
        "forecasts": [
            {"skill": one.skill, "p": one.p, "attempts": None if one.attempts is None else list(one.attempts)}
            for one in ahead
        ],
        "readings": [
            {
                "at": attempt.at.isoformat(),
                "sentences": [
                    {"text": text, "overall": one.overall, "accuracy": one.accuracy, "fluency": one.fluency}
                    for text, one in own
                ],
            }
            for attempt, own in _readings(attempts)
        ],
        "then_and_now": [
            {
                "text": one.text, "then": one.then.at.isoformat(), "now": one.now.at.isoformat(),
                "change": one.change.value, "error": one.change.error, "real": one.change.real,
            }
            for one in pairs
        ],
    }  # fmt: skip
