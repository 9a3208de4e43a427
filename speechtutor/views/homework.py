"""Homework as a learner and as a teacher see it, as HTML; grades are `practice.grading`'s."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from speechtutor.content.tables import headed, message
from speechtutor.learner.audit import Entry
from speechtutor.practice.grading import Grade
from speechtutor.schema import percent

CSS = """
.st-work{list-style:none;margin:.3rem 0 1rem;padding:0}
.st-work li{display:flex;flex-wrap:wrap;gap:.3rem .8rem;align-items:center;justify-content:space-between;
 border:2px solid #8a8a8a;border-radius:.7rem;padding:.5rem .8rem;margin:.4rem 0!important}
.st-work li.done{border-color:#0072b2}
.st-work .what{flex:1 1 14rem;margin:0}
.st-work .what small{display:block}
.st-work .each{flex-basis:100%;margin:0;padding:0 0 0 1.2rem;font-size:.85rem}
.st-work .each li{display:list-item;border:0;padding:.1rem 0;margin:0!important}
.st-work button{font:inherit;min-height:44px;min-width:8rem;border-radius:.6rem;border:2px solid #005a8c;
 background:#005a8c;color:#fff;cursor:pointer;padding:.2rem .8rem}
.st-work li.done button{background:none;color:inherit}
.st-work button:focus-visible{outline:3px solid #e69f00;outline-offset:2px}
.st-scroll{overflow-x:auto}
.st-scroll table{min-width:34rem}
"""
LONGEST = 90
"""Letters of an exercise that a teacher's table shows."""


def _what(grade: Grade) -> str:
    exercise = grade.task.exercise
    word = exercise.points[0][0] if exercise.kind == "vocabulary" and exercise.points else ""
    return word or exercise.given or exercise.text


def state_of(grade: Grade) -> str:
    """How far an exercise is: a key of the group `homework` of the messages."""
    if grade.done:
        return "late" if grade.late else "done"
    return "not_yet" if grade.tries else "open"


_MARKS = {"done": "✓", "late": "✓", "not_yet": "◐", "open": "·"}


def _state(grade: Grade, lang: str) -> str:
    key = state_of(grade)
    told = f"{_MARKS[key]} {message('homework', key, lang)}"
    return headed(told, _value(grade, lang), lang) if grade.value is not None else told


def _value(grade: Grade, lang: str) -> str:
    return message(
        "homework", "grade", lang, grade=f"{percent(grade.value or 0.0):.0f}", tries=str(grade.tries)
    )


def line_html(grade: Grade, left: int, lang: str = "en") -> str:
    """Beside an exercise on the card: whose homework it is, and what it is worth so far."""
    due = grade.task.due.date().isoformat()
    lines = [message("card", "homework_for", lang, title=grade.task.title, due=due, n=str(left))]
    if grade.tries:
        lines += [_state(grade, lang), grade.why]
    return "".join(f'<p class="why">{escape(line)}</p>' for line in lines)


def waiting_line(found: Sequence[Grade], lang: str = "en") -> str:
    """When the next exercise that is left is due; "" where all is done."""
    left = [grade for grade in found if not grade.done]
    if not left:
        return ""
    due = min(grade.task.due for grade in left).date().isoformat()
    return message("homework", "waiting", lang, due=due)


def list_html(found: Sequence[Grade], now_day: str, lang: str = "en") -> str:
    """A learner's homework by its titles: each exercise with how far it is, and a button to say it.

    `now_day` is today in ISO form; buttons carry the id of the exercise in `data-task`.
    """
    parts = [f"<h2>{escape(message('homework', 'heading', lang))}</h2>"]
    if not found:
        parts.append(f"<p>{escape(message('homework', 'none', lang))}</p>")
    for title in dict.fromkeys(grade.task.title for grade in found):
        own = [grade for grade in found if grade.task.title == title]
        due = own[0].task.due.date().isoformat()
        key = "overdue" if due < now_day and not all(one.done for one in own) else "by"
        done = message("homework", "done_of", lang, done=str(sum(one.done for one in own)), n=str(len(own)))
        who = message("homework", key, lang, who=own[0].task.by, due=due)
        rows = "".join(_item(one, lang) for one in own)
        parts.append(
            f'<h3>{escape(title)}</h3><p>{escape(who)}<br>{escape(done)}</p><ul class="st-work">{rows}</ul>'
        )
    return "".join(parts)


def _item(grade: Grade, lang: str) -> str:
    say = message("homework", "better" if grade.tries else "say", lang)
    what, id_ = _what(grade), escape(grade.task.exercise.id, quote=True)
    told = (_state(grade, lang), grade.why if grade.tries else "")
    state = "".join(f"<small>{escape(line)}</small>" for line in told if line)
    kept = ' class="done"' if grade.done else ""
    return (
        f'<li{kept}><p class="what"><span lang="en">{escape(what)}</span>{state}</p>'
        f'<button type="button" data-task="{id_}" aria-label="{escape(headed(say, what, lang), quote=True)}">'
        f"{escape(say)}</button>{_each(grade, lang)}"
        "</li>"
    )


def _each(grade: Grade, lang: str) -> str:
    """The sentences of a text with what each is worth; "" for one alone."""
    rows = "".join(
        f'<li><b>{percent(value):.0f}</b> <span lang="en">{escape(text)}</span></li>'
        for text, value in grade.sentences
    )
    heading = escape(message("homework", "each", lang), quote=True)
    return f'<ol class="each" aria-label="{heading}">{rows}</ol>' if rows else ""


def results_html(found: Sequence[Grade], lang: str = "en") -> str:
    """What became of homework, a row an exercise of a learner."""
    if not found:
        return f"<p>{escape(message('homework', 'no_results', lang))}</p>"
    rows = (
        (
            grade.task.learner,
            grade.task.title,
            _shortened(_what(grade)),
            f"{_MARKS[state_of(grade)]} {message('homework', state_of(grade), lang)}",
            "–" if grade.value is None else f"{percent(grade.value):.0f}",
            grade.why,
        )
        for grade in found
    )
    heads = [message("class", "learner", lang)]
    heads += [message("homework", key, lang) for key in ("title", "exercise", "done", "mark", "why")]
    return table_html(message("homework", "results", lang), heads, rows)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} …"


def log_html(entries: Sequence[Entry], lang: str = "en") -> str:
    """Who looked at whose record, changed it or took it along; the newest first."""
    if not entries:
        return f"<p>{escape(message('admin', 'empty', lang))}</p>"
    heads = [message("admin", key, lang) for key in ("when", "who", "did")]
    heads.append(message("class", "learner", lang))
    rows = ((one.at[:16].replace("T", " "), one.who, one.what, one.learner) for one in reversed(entries))
    return table_html(message("admin", "log", lang), heads, rows)


def table_html(label: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of words under a name that is read aloud; the first cell of a row names it."""
    named = "".join(f"<th scope='col'>{escape(head)}</th>" for head in heads)
    body = "".join(
        f"<tr><th scope='row'>{escape(row[0])}</th>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return (
        f'<div class="st-scroll" tabindex="0" role="region" aria-label="{escape(label, quote=True)}">'
        f"<table class='st-class'>"
        f"<thead><tr>{named}</tr></thead><tbody>{body}</tbody></table></div>"
    )
