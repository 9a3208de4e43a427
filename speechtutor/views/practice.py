"""What a learner sees of an exercise and of a take of it, as HTML; pure functions, all text escaped.

Nothing here judges: what to say of a take is the tutor's (`Feedback`), what has changed is
`practice.retake`'s, why an exercise was chosen is `practice.path`'s.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from speechtutor.content.tables import headed, listed, message, minimal_pair, sounds
from speechtutor.core import Feedback, Recording
from speechtutor.practice import library
from speechtutor.practice.placement import MOST, Placed
from speechtutor.practice.retake import Changes
from speechtutor.tutor.rules import unsaid
from speechtutor.views.mouth import mouth_svg, mouths
from speechtutor.views.score import sound_name

CSS = """
.st-card{border:2px solid #0072b2;border-radius:.9rem;padding:.7rem 1rem;min-height:8.5rem}
.st-card .what{margin:0 0 .3rem;font-size:1rem}
.st-card .say{font-size:1.6rem;line-height:1.3;margin:.2rem 0;font-weight:600;overflow-wrap:anywhere}
.st-card .say.long{font-size:1.15rem;font-weight:400;max-height:16rem;overflow:auto}
.st-card .why{margin:.4rem 0 0;font-size:.9rem}
.st-card .hidden{font-style:italic;font-size:1.1rem}
.st-choices{display:flex;gap:.6rem;flex-wrap:wrap;margin:.4rem 0}
.st-choice,.st-listen{font:inherit;font-size:1.15rem;min-height:48px;min-width:6rem;border-radius:.6rem;
 border:2px solid #0072b2;background:#e3f1fa;color:#00344f;cursor:pointer;padding:.2rem .8rem}
.st-choice:focus-visible,.st-listen:focus-visible{outline:3px solid #d55e00;outline-offset:2px}
.st-choice[aria-pressed=true]{outline:3px solid currentColor}
.st-advice{border-left:5px solid #0072b2;background:#e3f1fa;color:#00344f;padding:.5rem .9rem;
 border-radius:.3rem}
.st-advice *{color:inherit!important}
.st-advice h2{margin:.1rem 0 .3rem;font-size:1.05rem}
.st-advice .with{display:flex;gap:.8rem;align-items:center}
.st-advice p{margin:.2rem 0}
.st-changes{border-left:5px solid #009e73;background:#e0f3ec;color:#00382a;padding:.4rem .9rem;margin:.4rem 0;
 border-radius:.3rem}
.st-changes *{color:inherit!important}
.st-drawn{width:100%;height:auto;max-width:26rem;border-radius:.6rem;display:block;margin:.4rem 0}
.st-play{display:flex;gap:.5rem;flex-wrap:wrap;margin:.3rem 0}
.st-wait progress{width:10rem;max-width:40%;height:1rem;accent-color:#0072b2;vertical-align:middle}
.st-sound{width:100%;max-width:26rem;height:40px;display:block}
@media(max-width:480px){.st-advice .with{flex-direction:column;align-items:flex-start}
 .st-advice .st-mouth{max-width:70%}.st-card .say{font-size:1.35rem}}
"""
LONG = 140
"""Characters from which a text is set smaller."""


def card_html(
    what: str,
    say: str,
    *,
    why: str = "",
    lang: str = "en",
    hidden: bool = False,
    id: str = "",
    voice: str = "",
    along: bool = False,
    silent: bool = False,
    extra: str = "",
) -> str:
    """A card: what to do, what to say, and why; `extra` is HTML that belongs to the kind of exercise.

    `id` is that of the exercise, by which a page says what was shown when it was answered; `voice` is what a
    browser's own voice would say, and `along` that the model voice plays while the learner speaks. Where
    nothing is to be said (`silent`) the page has no recorder.
    """
    shown = ""
    if say and hidden:
        shown = f'<p class="hidden">{escape(message("card", "hidden", lang))}</p>'
    elif say:
        # What scrolls has to be reached by the keyboard.
        long = ' class="say long" tabindex="0"' if len(say) > LONG else ' class="say"'
        shown = f'<p{long} lang="en">{escape(say)}</p>'
    reason = f'<p class="why">{escape(why)}</p>' if why else ""
    return (
        f'<section class="st-card" data-id="{escape(id, quote=True)}"'
        f' data-voice="{escape(voice, quote=True)}"{" data-along" if along else ""}'
        f"{' data-silent' if silent else ''}>"
        f'<p class="what">{escape(what)}</p>{shown}{extra}{reason}</section>'
    )


def choices_html(words: Sequence[str], chosen: int | None, right: int | None, lang: str = "en") -> str:
    """The words of a pair to choose from; once one was chosen, which it was, in words."""
    buttons = "".join(
        f'<button type="button" class="st-choice" data-choice="{i}" lang="en"'
        f' aria-pressed="{str(i == chosen).lower()}">{escape(word)}</button>'
        for i, word in enumerate(words)
    )
    told = ""
    if chosen is not None and right is not None:
        key = "right" if chosen == right else "not_right"
        mark = "✓" if chosen == right else "✗"
        text = message("card", key, lang, word=words[right], first=words[0], second=words[1])
        told = f'<p role="status">{mark} {escape(text)}</p>'
    return f'<div class="st-choices">{buttons}</div>{told}'


def picture_html(picture: str, lang: str = "en") -> str:
    """A drawing to describe; what it shows is the answer, so it is named and not described."""
    named = escape(message("card", "picture_alt", lang), quote=True)
    shapes = library.drawing(picture).partition(">")[2].rpartition("</svg>")[0]
    return (
        f'<svg class="st-drawn" viewBox="0 0 400 250" role="img" aria-label="{named}">'
        f"<title>{named}</title>{shapes}</svg>"
    )


def placed_html(placed: Placed, lang: str = "en", notation: str = "respelling") -> str:
    """Where a placement ended."""
    lines = [message("card", "placement_done", lang, level=placed.level)]
    phones = dict.fromkeys(phone for skill in placed.weak for phone in _phones(skill))
    if phones:
        named = listed((sound_name(phone, notation, lang) for phone in list(phones)[:3]), lang)
        lines.append(message("card", "placement_weak", lang, sounds=named))
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="st-changes" role="status">{told}</div>'


def placement_line(n: int, lang: str = "en") -> str:
    """Which sentence of a placement this is."""
    return message("card", "placement", lang, n=str(n), most=str(MOST))


def _phones(skill: str) -> Sequence[str]:
    kind, _, of = skill.partition(":")
    found = {"sound": [of.partition(":")[0]], "contrast": of.split("-")}.get(kind, [])
    return [phone for phone in found if phone in sounds()]


def advice_html(
    written: str, feedback: Feedback | None, lang: str = "en", notation: str = "respelling"
) -> str:
    """What the tutor says; once the advice is whole, with the mouth of the sound and a pair to compare."""
    if feedback is None:
        return f'<div class="st-advice"><p>{escape(written)}</p></div>' if written else ""
    tip = feedback.tips[0] if feedback.tips else None
    heading = message("take", "first_thing" if tip else "all_good", lang)
    parts = [f"<p>{escape(feedback.summary)}</p>"]
    rest = [(one, more) for one, more in unsaid(feedback) if one != tip]
    if tip is not None and (pair := minimal_pair(tip.phone, tip.heard) if tip.phone else None):
        parts.append(_pair(pair, lang))
    if rest:
        rows = "".join(
            f'<li><b lang="en">{escape(one.word)}</b>{headed("", escape(more), lang)}</li>'
            for one, more in rest
        )
        parts.append(f"<p>{escape(headed(message('take', 'more', lang), '', lang))}</p><ul>{rows}</ul>")
    by_rules = message("result", "worded_by_rules", lang)
    who = (
        by_rules if feedback.source == "rules" else message("result", "worded_by", lang, who=feedback.source)
    )
    parts.append(f'<p class="by"><small>{escape(who)}</small></p>')
    picture = ""
    if tip is not None and tip.phone in mouths():
        picture = mouth_svg(tip.phone, sound_name(tip.phone, notation, lang), lang)
    body = f'<div class="with">{picture}<div>{"".join(parts)}</div></div>'
    return f'<div class="st-advice"><h2>{escape(heading)}</h2>{body}</div>'


def _pair(pair: tuple[str, str], lang: str) -> str:
    """Two words by the same voice, to be heard one after the other."""
    buttons = "".join(
        f'<button type="button" class="st-listen" data-hear="{escape(word, quote=True)}" lang="en">'
        f"▶ {escape(word)}</button>"
        for word in pair
    )
    heading = headed(message("take", "compare", lang), "", lang)
    return f'<p>{escape(heading)}</p><div class="st-play">{buttons}</div>'


def changes_html(found: Changes | None, lang: str = "en") -> str:
    """What has changed since the last take; "" where the takes cannot be compared."""
    if found is None:
        return ""
    lines = []
    if found.better:
        lines.append("▲ " + message("take", "better", lang, words=listed(found.better, lang)))
    if found.worse:
        lines.append("▽ " + message("take", "worse", lang, words=listed(found.worse, lang)))
    if found.overall:
        lines.append(message("take", "overall_up" if found.overall > 0 else "overall_down", lang))
    if found.none:
        lines.append("＝ " + message("take", "same", lang))
    told = "".join(f"<p>{escape(line)}</p>" for line in lines)
    return f'<div class="st-changes" role="status">{told}</div>'


def waiting_html(share: float | None = None, lang: str = "en") -> str:
    """That a take is being judged; with `share`, in [0, 1], how far that is."""
    told = escape(message("app", "listening", lang))
    if share is None:
        return f'<p class="st-wait">{told}</p>'
    done = f"{100 * share:.0f}"
    bar = f'<progress max="100" value="{done}" aria-label="{told}">{done} %</progress>'
    return f'<p class="st-wait">{told} {bar} <span aria-hidden="true">{done} %</span></p>'


def sound_html(recording: Recording | None, label: str, *, autoplay: bool = False, of: str = "") -> str:
    """A recording to play, inside the page itself: no file of it is written.

    `of` is the id of the exercise it belongs to: a page that has gone on is silent about it.
    """
    if recording is None:
        return ""
    play = " autoplay" if autoplay else ""
    named = escape(label, quote=True)
    attributes = f'controls{play}{_beside(of)} preload="auto" aria-label="{named}"'
    return f'<audio class="st-sound" {attributes} src="{_data(recording)}"></audio>'


def sounds_html(voices: Sequence[tuple[str, Recording]], *, autoplay: bool = False) -> str:
    """A few short recordings, each with its name; with `autoplay` they are played one after another."""
    rows = "".join(
        f'<button type="button" class="st-listen" data-sound="{_data(one)}">▶ {escape(name)}</button>'
        for name, one in voices
    )
    return f'<div class="st-play"{" data-autoplay" if autoplay else ""}>{rows}</div>' if rows else ""


def beside_html(id: str, html: str) -> str:
    """A part of the page that belongs to an exercise, and is not seen beside another one."""
    return f"<div{_beside(id)}>{html}</div>" if html else ""


def _beside(id: str) -> str:
    return f' data-exercise="{escape(id, quote=True)}"' if id else ""


def _data(recording: Recording) -> str:
    """A recording as the address of a wav file, 16 bits a sample."""
    import soundfile

    out = io.BytesIO()
    soundfile.write(out, recording.samples, recording.sample_rate, format="WAV", subtype="PCM_16")
    return "data:audio/wav;base64," + base64.b64encode(out.getvalue()).decode("ascii")
