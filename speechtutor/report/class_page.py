"""The class report: one page for a teacher, with JSON and CSV beside it; no audio, no sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from speechtutor.core.wording import counted
from speechtutor.evaluation.result import clean
from speechtutor.files import disk
from speechtutor.report import books, charts, classroom, export, html, lesson
from speechtutor.report.attempts import AttemptLog
from speechtutor.report.charts import Estimate
from speechtutor.report.classroom import Classroom, Heard, Learner, Verdict
from speechtutor.report.heat import ipa
from speechtutor.report.run_page import Built
from speechtutor.schema import dumps

MARKS = {Verdict.WORK: "✗", Verdict.MAYBE: "?", Verdict.FINE: "✓", Verdict.FEW: "·"}
STYLES = {Verdict.WORK: "fix", Verdict.MAYBE: "likely", Verdict.FINE: "fine", Verdict.FEW: "few"}
MOST_COLUMNS = 12
ERRORS = ("phone", "heard", "learners", "times")
COLUMNS = (
    "learner", "phone", "ipa", "heard", "attempts", "right", "low", "high", "verdict", "instead", "words",
)  # fmt: skip


def build(found: AttemptLog, out: Path, *, words: bool = True) -> Built:
    """Write the class report; `words` also names the words in which a sound came out wrong.

    Raises:
        StorageError: when the disk refuses.
    """
    room = classroom.classroom(found.attempts)
    beside = [out.with_name(out.stem + suffix) for suffix in (".json", "-sounds.csv", "-sounds.xlsx")]
    text = _page(room, found, words, [path.name for path in beside])
    disk.write_text(beside[0], dumps(clean(_json(room, words)), indent=1) + "\n")
    records = [_record(one, sound, words) for one in room.learners for sound in one.sounds]
    errors = [asdict(one) for one in lesson.mistakes(room)]
    books.write(beside[2], {"sounds": (COLUMNS, records), "errors": (ERRORS, errors)})
    disk.write_text(beside[1], export.csv_text(records, COLUMNS))
    disk.write_text(out, text)
    return Built(out, beside, found.problems)


def _page(room: Classroom, found: AttemptLog, words: bool, beside: Sequence[str]) -> str:
    shown = room.phones[:MOST_COLUMNS]
    contents = (
        [("together", "Together"), ("lesson", "Next lesson"), ("overview", "Overview")]
        if room.learners
        else []
    )
    return html.render(
        "class.html",
        title="Class report",
        linked=False,
        contents=[
            *contents,
            *([("learners", "Learners")] if room.learners else []),
            ("reading", "How to read this"),
        ],
        room=room,
        mistakes=lesson.mistakes(room),
        lesson=lesson.lesson(room),
        problems=found.problems,
        shown_phones=shown,
        n_more=len(room.phones) - len(shown),
        cell=_cell,
        chart=_chart,
        advice=classroom.advice,
        first_heard=_first,
        words=words,
        marks=MARKS,
        styles=STYLES,
        limits=classroom,
        key=[(STYLES[v], MARKS[v], v.value) for v in Verdict],
        beside=beside,
    )


def _first(sound: Heard) -> str | None:
    return sound.instead[0][0] if sound.instead else None


def _cell(one: Learner, phone: str) -> Heard | None:
    return next((sound for sound in one.sounds if sound.phone == phone), None)


def _chart(one: Learner) -> Markup:
    """The sounds of a learner that are not fine, as intervals."""
    rows = [
        Estimate(f"{ipa(s.phone)} ({counted(s.n, 'time')})", s.mean, s.low, s.high, f"{100 * s.mean:.0f} %")
        for s in one.sounds
        if s.verdict in (Verdict.WORK, Verdict.MAYBE)
    ]
    return charts.intervals(rows[:8], f"Sounds of {one.name}", "comes out right, per cent", scale=100)


def _record(one: Learner, sound: Heard, words: bool) -> dict[str, Any]:
    return {
        "learner": one.name, "phone": sound.phone, "ipa": ipa(sound.phone), "heard": sound.n,
        "attempts": sound.n_attempts, "right": round(sound.mean, 3), "low": round(sound.low, 3),
        "high": round(sound.high, 3), "verdict": sound.verdict.value,
        "instead": "; ".join(f"{ipa(p) if p else 'nothing'} {n}" for p, n in sound.instead),
        "words": "; ".join(sound.words) if words else "",
    }  # fmt: skip


def _json(room: Classroom, words: bool) -> dict[str, Any]:
    next_one = lesson.lesson(room)
    value = {"schema_version": 1, **asdict(room)}
    value["mistakes"] = [asdict(one) for one in lesson.mistakes(room)]
    value["lesson"] = None if next_one is None else asdict(next_one)
    for one in value["learners"]:
        for sound in one["sounds"] if not words else ():
            sound.pop("words")
    return value
