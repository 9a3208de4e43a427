"""What a learner sees of a score, as HTML, SVG and Markdown; pure functions, no web framework.

Every judgement is said three times: by colour (Okabe and Ito, 2008, safe for colour-blind readers), by
a mark and by words, in any language of explanation. All text from outside is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape

import numpy as np

from speechtutor.content.tables import message, named, sounds
from speechtutor.core import Caution, ErrorType, Feedback, PhoneScore, Pitch, UtteranceScore, WordScore
from speechtutor.core.score import ASPECTS
from speechtutor.schema import percent
from speechtutor.text.phones import to_ipa
from speechtutor.tutor.labels import Label, heard_as, phone_label, word_label
from speechtutor.tutor.rules import unsaid

MARKS = {
    Label.GOOD: "✓",
    Label.UNCLEAR: "?",
    Label.WRONG: "✗",
    Label.MISSING: "∅",
    Label.EXTRA: "+",
    Label.UNKNOWN: "·",
}
_CLASSES = {label: f"st-{label.name.lower()}" for label in Label}

CSS = """
.st-words{display:flex;flex-wrap:wrap;gap:.45rem;padding:.2rem 0}
.st-word{font:inherit;font-size:1.15rem;border-radius:.6rem;border:2px solid;padding:.3rem .6rem;
 cursor:pointer;display:inline-flex;flex-direction:column;align-items:center;min-height:44px;line-height:1.25}
.st-word small,.st-phone small{font-size:.75rem}
.st-word:focus-visible{outline:3px solid #0072b2;outline-offset:2px}
.st-phones{display:flex;flex-wrap:wrap;gap:.35rem;margin:.4rem 0}
.st-phone{border:2px solid;border-radius:.5rem;padding:.15rem .5rem;text-align:center}
.st-phone b{display:block;font-size:1.1rem}
.st-good{background:#e3f1fa;border-color:#0072b2;color:#00344f}
.st-unclear{background:#fdf3d6;border-color:#e69f00;color:#4a3300;border-style:dashed}
.st-wrong{background:#fbe4d8;border-color:#d55e00;color:#5c2700;border-width:3px;font-weight:600}
.st-missing{background:#fff;border-color:#d55e00;color:#5c2700;border-style:dotted;border-width:3px}
.st-extra{background:#f6e6f0;border-color:#cc79a7;color:#4d1f38;border-style:dotted}
.st-unknown{background:#f0f0f0;border-color:#767676;color:#333}
.st-word *,.st-phone *,.st-heard *{color:inherit!important}
.st-missing>span,.st-extra>span{text-decoration:line-through}
.st-aspects{display:grid;grid-template-columns:auto 1fr auto;gap:.25rem .6rem;align-items:center;
 max-width:28rem}
.st-bar{height:.7rem;border-radius:.35rem;background:#dde3e8;overflow:hidden}
.st-bar i{display:block;height:100%;background:#0072b2}
.st-note{border-left:5px solid #e69f00;background:#fdf3d6;color:#4a3300;padding:.5rem .8rem;margin:.3rem 0}
.st-error{border-left:5px solid #d55e00;background:#fbe4d8;color:#5c2700;padding:.5rem .8rem}
.st-pitch{width:100%;height:auto;max-width:34rem}
"""


def label_text(label: Label, lang: str = "en") -> str:
    """A label in a language of explanation."""
    return message("label", label.name.lower(), lang)


def labelled(word: WordScore) -> list[tuple[str, str]]:
    """The sounds of a word in IPA, each with its label in words."""
    return [(to_ipa(phone.canonical), phone_label(phone).value) for phone in word.phones]


def heard_instead(phone: PhoneScore, lang: str = "en") -> str:
    """What was heard in place of a wrong sound, such as `θ → s`; empty when that is not known."""
    if phone_label(phone) is Label.MISSING:
        return f"{to_ipa(phone.canonical)} → ({message('result', 'nothing', lang)})"
    heard = heard_as(phone)
    if phone_label(phone) is Label.WRONG and heard:
        return f"{to_ipa(phone.canonical)} → {to_ipa(heard)}"
    return ""


_BREAKS = {
    ErrorType.UNEXPECTED_BREAK: "pause",
    ErrorType.MISSING_BREAK: "joined",
    ErrorType.MONOTONE: "flat",
}
"""What is shown of a word whose sounds are right, by the keys of the group `result` of the messages."""


def shown(word: WordScore) -> str:
    """A word as it is shown: as it is written, or the sounds of one that no text spells."""
    return word.text or f"/{''.join(to_ipa(phone.canonical) for phone in word.phones)}/"


def _caption(word: WordScore, lang: str) -> str:
    """The words under a word."""
    label = word_label(word)
    if word.error_type in _BREAKS and label in (Label.GOOD, Label.UNKNOWN):
        return message("result", _BREAKS[word.error_type], lang)
    changes = [change for phone in word.phones if (change := heard_instead(phone, lang))]
    changes += [f"+ {to_ipa(phone)}" for _, phone in word.inserted]
    if label in (Label.WRONG, Label.UNCLEAR) and changes:
        return ", ".join(changes[:2])
    return label_text(label, lang)


def words_html(score: UtteranceScore, lang: str = "en") -> str:
    """The words as buttons that carry their index in `data-word`."""
    if not score.words:
        return ""
    buttons = []
    for i, word in enumerate(score.words):
        label, text, caption = word_label(word), escape(shown(word)), escape(_caption(word, lang))
        points = "" if word.score is None else ", " + _points(word.score, lang)
        said = f"{text}: {label_text(label, lang)}{points}. {message('result', 'tap', lang)}"
        buttons.append(
            f'<button type="button" class="st-word {_CLASSES[label]}" data-word="{i}"'
            f' aria-label="{said}">'
            f"<span>{text}</span><small>{MARKS[label]} {caption}</small></button>"
        )
    heading = message("result", "words", lang)
    return f'<div class="st-words" role="group" aria-label="{heading}">{"".join(buttons)}</div>'


def _points(score: float, lang: str) -> str:
    return message("result", "points", lang, points=f"{percent(score):.0f}")


def _sound(phone: str, lang: str) -> str:
    return f"/{to_ipa(phone)}/" + (f" ({named(phone, lang)})" if phone in sounds() else "")


def word_html(word: WordScore, lang: str = "en") -> str:
    """One word sound by sound, with what was heard and how it should sound."""
    chips = []
    for phone in word.phones:
        label = phone_label(phone)
        points = "" if phone.score is None else f" {percent(phone.score):.0f}"
        chips.append(
            f'<span class="st-phone {_CLASSES[label]}"><b>{escape(to_ipa(phone.canonical))}</b>'
            f"<small>{MARKS[label]} {label_text(label, lang)}{points}</small></span>"
        )
    lines = []
    for phone in word.phones:
        label, sound = phone_label(phone), _sound(phone.canonical, lang)
        if label is Label.MISSING:
            lines.append(message("result", "missed", lang, sound=sound))
        elif heard_instead(phone):
            heard = _sound(str(phone.heard), lang)
            lines.append(message("result", "instead", lang, sound=sound, heard=heard))
    lines += [message("result", "extra", lang, heard=_sound(phone, lang)) for _, phone in word.inserted]
    notes = "".join(f"<li>{escape(line)}</li>" for line in lines)
    listing = f"<ul>{notes}</ul>" if notes else ""
    heading = f"<b>{escape(shown(word))}</b> · {label_text(word_label(word), lang)}"
    return f'<div class="st-detail">{heading}<div class="st-phones">{"".join(chips)}</div>{listing}</div>'


def summary_html(score: UtteranceScore, lang: str = "en") -> str:
    """The measured aspects as bars with their numbers; an aspect nobody measured is not shown."""
    rows = []
    for aspect in ASPECTS:
        points = percent(getattr(score, aspect))
        if points is not None:
            rows.append(
                f"<span>{message('aspect', aspect, lang)}</span>"
                f'<span class="st-bar"><i style="width:{points:.0f}%"></i></span><span>{points:.0f}</span>'
            )
    return f'<div class="st-aspects">{"".join(rows)}</div>' if rows else ""


def cautions_html(cautions: Iterable[Caution], lang: str = "en") -> str:
    """Why the result should be read with care, one box each."""
    texts = [c.message if lang == "en" else message("caution", c.code.value, lang) for c in cautions]
    return "".join(f'<div class="st-note" role="note">⚠ {escape(text)}</div>' for text in texts)


def error_html(message: str) -> str:
    """What went wrong and cannot be helped by reading on."""
    return f'<div class="st-error" role="alert">{escape(message)}</div>'


def result_html(score: UtteranceScore, lang: str = "en") -> str:
    """The aspects and the melody, to read after the words (`words_html`)."""
    return summary_html(score, lang) + pitch_svg(score.pitch, score.words, lang)


def feedback_markdown(summary: str, feedback: Feedback | None = None) -> str:
    """What the tutor says, then the tips and the next step once they are there."""
    parts = [_plain(summary)] if summary else []
    if feedback is not None:
        parts += [f"- **{_plain(tip.word)}**: {_plain(more)}" for tip, more in unsaid(feedback)]
        following = f"**{message('result', 'next', feedback.lang)}** {_plain(feedback.follow_up)}"
        parts += [following] if feedback.follow_up else []
        parts.append(f"*{_plain(message('result', 'worded_by', feedback.lang, who=feedback.source))}*")
    return "\n\n".join(parts)


def _plain(text: str) -> str:
    """Text that Markdown will show as it is."""
    return re.sub(r"([\\`*_\[\]<>#|~$])", r"\\\1", " ".join(text.split()))


def next_sentence(feedback: Feedback, current: str) -> str:
    """The sentence that the next step asks for, or the current one when it is to be repeated."""
    quoted = re.search(r'"([^"]+)"\s*$', feedback.follow_up)
    return quoted[1] if quoted else current


def _boundaries(words: Sequence[WordScore], scale: float, floor: float) -> Iterator[str]:
    """Where each word starts, with its text below where there is room for it."""
    free = 0.0
    for word in words:
        if word.start is None:
            continue
        x = word.start * scale
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{floor:.0f}" stroke="#999"/>'
        if x >= free:
            yield f'<text x="{x + 2:.1f}" y="{floor + 15:.0f}">{escape(word.text)}</text>'
            free = x + 7.0 * len(word.text) + 6


def pitch_svg(pitch: Pitch | None, words: Sequence[WordScore] = (), lang: str = "en") -> str:
    """The melody of the voice over the words, in semitones; empty when there is none to draw."""
    if pitch is None or not pitch.voiced.any():
        return ""
    width, height, foot = 360.0, 120.0, 20.0
    semitones = 12 * np.log2(pitch.hz[pitch.voiced] / np.median(pitch.hz[pitch.voiced]))
    # At least an octave, so that a flat voice looks flat.
    top = max(6.0, float(np.abs(semitones).max()))
    end = max(float(pitch.times[-1]), *(word.end or 0.0 for word in words), 0.1)
    x = pitch.times[pitch.voiced] / end * width
    y = (height - foot) * (0.5 - semitones / (2 * top))
    dots = "".join(f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.6"/>' for a, b in zip(x, y, strict=True))
    marks = "".join(_boundaries(words, width / end, height - foot))
    low, high = (float(np.percentile(pitch.hz[pitch.voiced], q)) for q in (5, 95))
    label = message("result", "pitch", lang, low=f"{low:.0f}", high=f"{high:.0f}")
    return (
        f'<svg class="st-pitch" viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="{label}">'
        f'<title>{label}</title><g fill="currentColor" font-size="12">{marks}</g>'
        f'<g fill="#0072b2">{dots}</g></svg>'
    )
