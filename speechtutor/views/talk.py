"""What a learner sees of a talk, as HTML and SVG; pure functions, all text from outside escaped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from importlib.resources import files

from speechtutor.content.tables import catalogue, headed, listed, message, named
from speechtutor.practice.scenarios import Scenario
from speechtutor.practice.talk import Talk, TalkSummary

CSS = """
.st-talk{display:flex;flex-direction:column;gap:.5rem;padding:.2rem 0}
.st-line{max-width:85%;border-radius:1rem;padding:.5rem .9rem;font-size:1.1rem;line-height:1.35;
 overflow-wrap:anywhere}
.st-line small{display:block;font-size:.75rem}
.st-line *{color:inherit!important}
.st-partner{align-self:flex-start;background:#e3f1fa;color:#00344f;border-bottom-left-radius:.2rem}
.st-learner{align-self:flex-end;background:#f0f0f0;color:#222;border-bottom-right-radius:.2rem}
.st-goal{border-left:5px solid #0072b2;padding:.4rem .8rem;margin:.2rem 0}
.st-picture{width:100%;height:auto;max-width:34rem;border-radius:.6rem;display:block;margin:.4rem 0}
.st-hint{border-left:5px solid #009e73;background:#e0f3ec;color:#00382a;padding:.5rem .8rem;margin:.3rem 0}
.st-hint *,.st-summary *{color:inherit!important}
.st-summary{border:2px solid #0072b2;border-radius:.8rem;padding:.6rem 1rem;margin:.4rem 0}
.st-summary h3{margin:.6rem 0 .2rem;font-size:1rem}
.st-summary ul{margin:.1rem 0 .1rem 1.1rem}
"""


@cache
def drawing(name: str) -> str:
    """The shapes of one of our own pictures, 400 by 250 units."""
    text = files("speechtutor.content").joinpath(f"{name}.svg").read_text(encoding="utf-8")
    return text.partition(">")[2].rpartition("</svg>")[0]


def worded(script: Scenario, what: str, lang: str = "en") -> str:
    """The title, goal or scene of a talk in a language of explanation, or else in English."""
    known: dict[str, str] = catalogue(lang)["scenario"]
    return known.get(f"{script.id}_{what}", str(getattr(script, what)))


def scene_html(script: Scenario, lang: str = "en") -> str:
    """Where the talk takes place, its goal, and its picture; the picture's description is its text."""
    goal = escape(message("talk", "goal", lang, goal=worded(script, "goal", lang)))
    scene = escape(worded(script, "scene", lang), quote=True)
    if not script.picture:
        return f'<div class="st-goal">{scene}<br><b>{goal}</b></div>'
    picture = (
        f'<svg class="st-picture" viewBox="0 0 400 250" role="img" aria-label="{scene}">'
        f"<title>{scene}</title>{drawing(script.picture)}</svg>"
    )
    return f'{picture}<div class="st-goal"><b>{goal}</b></div>'


def talk_html(talk: Talk, lang: str = "en") -> str:
    """The lines of both, the newest last; who spoke is said in words too."""
    rows = []
    for line in talk.lines:
        if line.text:
            who = message("talk", "partner" if line.who == "partner" else "you", lang)
            rows.append(
                f'<div class="st-line st-{line.who}"><small>{escape(who)}</small>{escape(line.text)}</div>'
            )
    return f'<div class="st-talk" role="log" aria-live="polite">{"".join(rows)}</div>'


def hint_html(talk: Talk, text: str, lang: str = "en") -> str:
    """Help with the open question, after why the last answer did not do."""
    if not text:
        return ""
    trouble = message("talk", talk.trouble, lang) if talk.trouble in ("not_heard", "longer", "kind") else ""
    parts = [trouble, f"<b>{message('talk', 'hint', lang)}</b>{headed('', escape(text), lang)}"]
    return f'<div class="st-hint" role="status">{"<br>".join(part for part in parts if part)}</div>'


def summary_html(summary: TalkSummary, lang: str = "en") -> str:
    """What the talk has shown: what went well, sounds, grammar, the next step."""
    if not summary.n_turns:
        return f'<div class="st-summary" role="status">{message("talk", "nothing_said", lang)}</div>'
    parts = [_listed("well", _went_well(summary, lang), lang)]
    sounds = [
        message("talk", "sound_row", lang, sound=named(phone, lang), word=word)
        for phone, word in summary.sounds
    ]
    grammar = [
        message("talk", "grammar_row", lang, said=said or "–", better=better or "–")
        for said, better in summary.grammar
    ]
    parts += [_listed("sounds", sounds, lang), _listed("grammar", grammar, lang)]
    if summary.following is not None:
        step = message("follow_up", "practise", lang, sentence=summary.following.text)
        parts.append(_listed("next_step", [step], lang))
    return f'<div class="st-summary" role="status">{"".join(parts)}</div>'


def _went_well(summary: TalkSummary, lang: str) -> Iterator[str]:
    if summary.reached:
        yield message("talk", "done", lang)
    yield message("talk", "turns", lang, n=str(summary.n_turns))
    if summary.told:
        yield message("talk", "told", lang, facts=listed((value for _, value in summary.told), lang))
    yield from (message("talk", "clear_word", lang, word=word) for word in summary.clear)


def _listed(heading: str, rows: Iterator[str] | list[str], lang: str) -> str:
    items = "".join(f"<li>{escape(row)}</li>" for row in rows)
    return f"<h3>{message('talk', heading, lang)}</h3><ul>{items}</ul>" if items else ""
