"""The page of one utterance for a grader, as HTML: until the grader has spoken it holds no other opinion.

What is shown of the machine and the labels comes in as a `Grade` that was saved; without one there is nothing
in the page that could be found by looking at its source. What it does when it is clicked is `grading.js` of
the demo; the words are the catalogue's (`grading`).
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from speechtutor.content.tables import message
from speechtutor.evaluation.result import Row
from speechtutor.report.grades import REASONS, Grade, Sound, Word, blank
from speechtutor.report.heat import ipa
from speechtutor.report.rubric import SCALES

Judged = Grade | Word | Sound


def html(
    row: Row, mine: Grade | None, revealed: bool, lang: str = "en", skipped: str = "", version: str = ""
) -> str:
    """The sheet of a row with what the grader said before; `revealed` puts the others' scores beside it.

    `version` is another one whenever the page must begin anew with it.
    """
    plain = blank(row)
    shown = mine if mine is not None and len(mine.words) == len(plain.words) else plain
    others = plain if revealed else None
    return (
        f'<div class="gr" data-id="{escape(row.id)}" data-version="{escape(version)}"'
        f' data-unsaved="{_told("unsaved", lang)}" data-chosen="{_told("chosen", lang)}"'
        f"{' data-graded' if mine else ''}>"
        f"{_skipped(skipped, lang)}{_targets(shown, others, lang)}{_pads(lang)}{_below(shown, lang)}</div>"
    )


def _told(key: str, lang: str, **values: str) -> str:
    return escape(message("grading", key, lang, **values))


def _skipped(reason: str, lang: str) -> str:
    if not reason:
        return ""
    return (
        f'<p class="gr-note">{_told("was_skipped", lang, why=message("grading", f"skip_{reason}", lang))}</p>'
    )


def _targets(mine: Grade, others: Grade | None, lang: str) -> str:
    """What can be graded: the sentence, its words, and the sounds of the word that is chosen."""
    words, sounds = [], []
    for number, word in enumerate(mine.words, start=1):
        other = others.words[number - 1] if others else None
        words.append(_target(f"w{number}", "word", word, other, escape(word.text), lang))
        chips = [
            _target(
                f"p{number}.{place}", "sound", sound, other.sounds[place - 1] if other else None,
                f"/{escape(ipa(sound.expected))}/", lang,
            )
            for place, sound in enumerate(word.sounds, start=1)
        ]  # fmt: skip
        if chips:
            heading = _told("sounds_of", lang, word=word.text)
            sounds.append(
                f'<div class="gr-sounds" data-of="{number}" role="group" aria-label="{heading}" hidden>'
                f"<span>{heading}</span>{''.join(chips)}</div>"
            )
    sentence = _target("s", "sentence", mine, others, _told("sentence", lang), lang)
    return (
        f'<p class="gr-text" lang="en">{escape(mine.text)}</p><div class="gr-whole">{sentence}</div>'
        f'<div class="gr-words" role="group" aria-label="{_told("words", lang)}">{"".join(words)}</div>'
        f"{''.join(sounds)}"
    )


def _target(at: str, unit: str, mine: Judged, other: Judged | None, name: str, lang: str) -> str:
    grade = SCALES[unit].grade(mine.score)
    value = "" if grade is None else f"{grade:.0f}"
    beside = "".join(_beside(other, unit, lang)) if other else ""
    return (
        f'<button type="button" class="gr-target" data-at="{at}" data-unit="{unit}" data-grade="{value}"'
        f' aria-pressed="false"><span class="gr-name">{name}</span><b class="gr-grade">{value or "–"}</b>'
        f"{beside}</button>"
    )


def _beside(other: Judged, unit: str, lang: str) -> Iterable[str]:
    """The scores of the machine and of the labels, on the grader's scale."""
    for key, score in (("machine", other.machine), ("label", other.rated)):
        grade = SCALES[unit].grade(score)
        if grade is not None:
            yield f'<small class="gr-{key}">{_told(key, lang, grade=f"{grade:.1f}")}</small>'


def _pads(lang: str) -> str:
    """The numbers of each scale with what they mean; the page shows those of what is chosen."""
    parts = []
    for unit, scale in SCALES.items():
        digits = "".join(
            f'<button type="button" class="gr-digit" data-digit="{n}">{n}</button>'
            for n in range(scale.most + 1)
        )
        rows = "".join(
            f'<li data-low="{low}" data-high="{high}"><b>{low if low == high else f"{low}–{high}"}</b> '
            f"{escape(told)}</li>"
            for low, high, told in scale.descriptors(lang)
        )
        parts.append(
            f'<div class="gr-scale" data-unit="{unit}" hidden><p class="gr-asked" aria-live="polite"></p>'
            f'<div class="gr-pad" role="group" aria-label="{_told("grade", lang)}">{digits}'
            f'<button type="button" class="gr-digit gr-clear" data-digit="">{_told("clear", lang)}</button>'
            f'</div><ul class="gr-rubric">{rows}</ul></div>'
        )
    return "".join(parts)


def _below(mine: Grade, lang: str) -> str:
    reasons = "".join(
        f'<option value="{reason}">{_told(f"skip_{reason}", lang)}</option>' for reason in REASONS
    )
    save = "save_again" if mine.who else "save"
    skip = (
        ""
        if mine.who
        else f'<span class="gr-skip"><select data-reason aria-label="{_told("why", lang)}">{reasons}</select>'
        f'<button type="button" data-skip>{_told("skip", lang)}</button></span>'
    )
    return (
        f'<label class="gr-remark">{_told("note", lang)} <input data-note maxlength="500"'
        f' value="{escape(mine.note)}"></label>'
        f'<div class="gr-row"><button type="button" class="gr-save" data-save>{_told(save, lang)}</button>'
        f'<button type="button" data-go="open">{_told("next_open", lang)}</button>'
        f'<button type="button" data-go="back">{_told("back", lang)}</button>'
        f'<button type="button" data-go="on">{_told("on", lang)}</button>{skip}</div>'
        f'<p class="gr-keys">{_told("keys", lang)}</p>'
    )


CSS = """
.gr{display:grid;gap:.7rem}
.gr p{margin:0}
.gr-text{font-size:1.3rem;line-height:1.4}
.gr-words,.gr-sounds,.gr-pad,.gr-row,.gr-skip{display:flex;flex-wrap:wrap;gap:.4rem;align-items:center}
.gr-sounds{border-left:4px solid #0072b2;padding-left:.6rem}
.gr-sounds[hidden],.gr-scale[hidden]{display:none}
.gr-sounds>span{flex-basis:100%;font-size:.92rem}
.gr button,.gr select,.gr input{font:inherit;color:inherit;background:none;border:1.5px solid #71717a;
 border-radius:.5rem;min-height:44px;padding:.2rem .6rem}
.gr button{cursor:pointer;margin:0!important}
.gr-target{display:inline-grid;justify-items:center;line-height:1.25;min-width:44px}
.gr-whole .gr-target{grid-auto-flow:column;gap:.7rem;align-items:center}
.gr-grade{font-variant-numeric:tabular-nums}
.gr-target small{font-size:.78rem;display:block}
.gr-target[aria-pressed=true]{outline:3px solid #0072b2;outline-offset:1px}
.gr-target:not([data-grade=""]){background:#e6f1f8;color:#12324a}
.gr-target:not([data-grade=""]) *{color:#12324a!important}
.gr-digit{min-width:44px;font-variant-numeric:tabular-nums}
.gr-digit[aria-pressed=true]{background:#005a8c;color:#fff}
.gr-rubric{list-style:none;margin:.5rem 0 0;padding:0;font-size:.95rem}
.gr-rubric li{padding:.15rem .5rem;border-left:4px solid transparent;margin:0!important;display:grid;
 grid-template-columns:2.8rem 1fr}
.gr-rubric li.gr-on{border-left-color:#005a8c;font-weight:600}
.gr-rubric b{font-variant-numeric:tabular-nums}
.gr-remark{display:flex;gap:.5rem;align-items:center}
.gr-remark input{flex:1;min-width:0}
.gr .gr-save{background:#005a8c;color:#fff;border-color:#005a8c;font-weight:600}
.gr-skip{margin-left:auto}
.gr-skip select{max-width:14rem}
.gr-keys,.gr-note{font-size:.92rem}
.gr-clip audio{width:100%;height:48px}
.gr-table{overflow-x:auto;margin:.6rem 0}
.gr-table caption{text-align:left;font-weight:700;caption-side:top}
.gr-table thead th{white-space:nowrap}
.gr-table td{white-space:nowrap}
.gr-table table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
.gr-table th,.gr-table td{border-bottom:1px solid #a1a1aa;padding:.3rem .5rem;text-align:left}
@media(max-width:480px){.gr-pad .gr-digit{flex:1 0 15%;padding:.2rem}.gr-skip{margin-left:0}
 .gr-pad .gr-clear{min-width:max-content}
 .gr-keys{display:none}}
"""
