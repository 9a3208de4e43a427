"""What a learner sees of a score, as HTML; pure functions, no web framework.

Every judgement is said three times: by colour (Okabe and Ito, 2008, safe for colour-blind readers), by
a mark and by words, in any language of explanation. All text from outside is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from speechtutor.content.tables import (
    aside,
    catalogue,
    ended,
    headed,
    join,
    listed,
    mark,
    message,
    named,
    sounds,
)
from speechtutor.core import Caution, ErrorType, PhoneScore, UtteranceScore, WordScore
from speechtutor.core.score import ASPECTS
from speechtutor.schema import percent
from speechtutor.text.phones import to_ipa
from speechtutor.tutor.labels import Label, heard_as, phone_label, word_label

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
"""


def label_text(label: Label, lang: str = "en") -> str:
    """A label in a language of explanation."""
    return message("label", label.name.lower(), lang)


def labelled(word: WordScore) -> list[tuple[str, str]]:
    """The sounds of a word in IPA, each with its label in words."""
    return [(to_ipa(phone.canonical), phone_label(phone).value) for phone in word.phones]


NOTATIONS = ("respelling", "ipa", "example")
"""How sounds may be written for a learner: "th", /θ/, or "th" as in "think"."""


def sound_name(phone: str, notation: str = "respelling", lang: str = "en") -> str:
    """A sound as a learner asked to have it written; one without a description is always in IPA."""
    if notation == "ipa" or phone not in sounds():
        return f"/{to_ipa(phone)}/"
    return named(phone, lang) if notation == "example" else f'"{sounds()[phone].label}"'


def sounds_name(phones: str, notation: str = "respelling", lang: str = "en") -> str:
    """One phone, or a cluster of them with spaces between, as a learner asked to have sounds written."""
    every = phones.split()
    if len(every) == 1:
        return sound_name(every[0], "ipa" if notation == "ipa" else "example", lang)
    if notation == "ipa" or not all(phone in sounds() for phone in every):
        return f"/{''.join(map(to_ipa, every))}/"
    return f'"{"".join(sounds()[phone].label for phone in every)}"'


def _plain_change(phone: PhoneScore, notation: str, lang: str) -> str:
    """A wrong sound in words, such as `"s" for "th"`; by example words where both are respelled alike."""
    heard = heard_as(phone)
    if phone_label(phone) is Label.MISSING:
        return message("take", "missing", lang, sound=sound_name(phone.canonical, notation, lang))
    if phone_label(phone) is not Label.WRONG or not heard:
        return ""
    names = [sound_name(one, notation, lang) for one in (heard, phone.canonical)]
    if names[0] == names[1]:
        names = [sound_name(one, "example", lang) for one in (heard, phone.canonical)]
    return message("take", "instead", lang, heard=names[0], sound=names[1])


def heard_instead(phone: PhoneScore, lang: str = "en") -> str:
    """What was heard in place of a wrong sound, such as `θ → s`; empty when that is not known."""
    if phone_label(phone) is Label.MISSING:
        return aside(f"{to_ipa(phone.canonical)} →", message("result", "nothing", lang), lang)
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


def _caption(word: WordScore, lang: str, notation: str | None) -> str:
    """The words under a word; `notation` None is the short form with arrows, for those who grade."""
    label = word_label(word)
    if word.error_type in _BREAKS and label in (Label.GOOD, Label.UNKNOWN):
        return message("result", _BREAKS[word.error_type], lang)
    if notation is None:
        changes = [change for phone in word.phones if (change := heard_instead(phone, lang))]
        changes += [f"+ {to_ipa(phone)}" for _, phone in word.inserted]
    else:
        changes = [told for phone in word.phones if (told := _plain_change(phone, notation, lang))]
        changes += [
            message("take", "extra", lang, heard=sound_name(phone, notation, lang))
            for _, phone in word.inserted
        ]
    if label in (Label.WRONG, Label.UNCLEAR) and changes:
        return listed(changes[:2], lang)
    return label_text(label, lang)


def words_html(score: UtteranceScore, lang: str = "en", notation: str | None = None) -> str:
    """The words as buttons that carry their index in `data-word`.

    With a notation (`NOTATIONS`) what was heard is told in words, and extra speech without a spelling is
    not shown: there is nothing to tap in it, and the advice says where it was.
    """
    if not score.words:
        return ""
    buttons = []
    for i, word in enumerate(score.words):
        if notation is not None and not shown(word).strip("/"):
            continue
        caption = escape(_caption(word, lang, notation))
        label, text = word_label(word), escape(shown(word))
        points = "" if word.score is None else mark("comma", lang) + _points(word.score, lang)
        # What is read aloud begins with what is seen, and says as much.
        seen = label_text(label, lang) if notation is None else caption.replace('"', "&quot;")
        said = join([ended(headed(text, seen + points, lang), lang), message("result", "tap", lang)], lang)
        buttons.append(
            f'<button type="button" class="st-word {_CLASSES[label]}" data-word="{i}"'
            f' aria-label="{said}">'
            f"<span>{text}</span><small>{MARKS[label]} {caption}</small></button>"
        )
    heading = message("result", "words", lang)
    return f'<div class="st-words" role="group" aria-label="{heading}">{"".join(buttons)}</div>'


def _points(score: float, lang: str) -> str:
    return message("result", "points", lang, points=f"{percent(score):.0f}")


def _sound(phone: str, lang: str, notation: str | None) -> str:
    if notation is not None:
        return sound_name(phone, "ipa" if notation == "ipa" else "example", lang)
    return (
        aside(f"/{to_ipa(phone)}/", named(phone, lang), lang) if phone in sounds() else f"/{to_ipa(phone)}/"
    )


def word_html(word: WordScore, lang: str = "en", notation: str | None = None) -> str:
    """One word sound by sound, with what was heard and how it should sound."""
    chips = []
    for phone in word.phones:
        label = phone_label(phone)
        points = "" if phone.score is None else f" {percent(phone.score):.0f}"
        name = to_ipa(phone.canonical)
        if notation not in (None, "ipa") and phone.canonical in sounds():
            name = sounds()[phone.canonical].label
        chips.append(
            f'<span class="st-phone {_CLASSES[label]}"><b>{escape(name)}</b>'
            f"<small>{MARKS[label]} {label_text(label, lang)}{points}</small></span>"
        )
    lines = []
    for phone in word.phones:
        label, sound = phone_label(phone), _sound(phone.canonical, lang, notation)
        if label is Label.MISSING:
            lines.append(message("result", "missed", lang, sound=sound))
        elif heard_instead(phone):
            heard = _sound(str(phone.heard), lang, notation)
            lines.append(message("result", "instead", lang, sound=sound, heard=heard))
    lines += [
        message("result", "extra", lang, heard=_sound(phone, lang, notation)) for _, phone in word.inserted
    ]
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


def cautions_html(cautions: Iterable[Caution], lang: str = "en", *, judged: bool = False) -> str:
    """What was wrong with a recording, one box each; `judged` where there is a result to take with care."""
    known = {**catalogue(lang)["caution"], **(catalogue(lang)["care"] if judged else {})}
    texts = [known.get(c.code.value, c.message) for c in cautions]
    return "".join(f'<div class="st-note" role="note">⚠ {escape(text)}</div>' for text in texts)


def error_html(message: str) -> str:
    """What went wrong and cannot be helped by reading on."""
    return f'<div class="st-error" role="alert">{escape(message)}</div>'
