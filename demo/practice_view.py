"""What of a practice screen is seen, in a learner's language and notation: values in, HTML out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from html import escape

from demo.practice import FREE, HIDDEN, HOMEWORK, OWN, PLACE, SESSION, Screen, Take
from demo.prefs import Prefs
from speechtutor.content.tables import join, message
from speechtutor.core import ErrorType, Pitch, Recording
from speechtutor.practice.answers import example, told
from speechtutor.practice.exercises import in_language
from speechtutor.practice.path import reason
from speechtutor.practice.retake import changes
from speechtutor.views import homework as work_view
from speechtutor.views import practice as view
from speechtutor.views import score as score_view
from speechtutor.views.grammar import grammar_html
from speechtutor.views.melody import pitch_svg
from speechtutor.views.sentences import sentences_html
from speechtutor.views.sound import sound_html
from speechtutor.views.verbatim import verbatim_html

MARGIN = 0.06
"""Seconds around a word that is cut out."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the page from top to bottom as HTML, and which of its buttons there are."""

    card: str
    message: str
    words: str
    advice: str
    result: str
    hear: bool
    story: bool
    skip: bool
    retry: bool
    cancel: bool
    own: bool


def shown(screen: Screen, prefs: Prefs, has_voice: bool = True) -> Shown:
    """What a screen looks like; `has_voice` says whether there is a model voice here."""
    lang, take = prefs.lang, screen.take
    score = None if take is None else take.score
    words, result = "", ""
    if score is not None and score.overall is not None:
        hint = f"<p>{escape(message('take', 'tap', lang))}</p>"
        words = sentences_html(score, lang) + score_view.words_html(score, lang, prefs.notation) + hint
        result = score_view.summary_html(score, lang) + pitch_svg(score.pitch, score.words, lang)
    return Shown(
        card=_card(screen, prefs, has_voice),
        message=_message(screen, prefs),
        words=words,
        advice="" if take is None else _advice(screen, take, prefs),
        result=result,
        hear=bool(screen.said),
        story=bool(screen.said) and _hides(screen),
        skip=screen.manner not in (OWN, FREE),
        retry=take is not None and not screen.waiting,
        cancel=screen.waiting,
        own=screen.wish.manner == OWN,
    )


def _hides(screen: Screen) -> bool:
    return screen.manner in HIDDEN and not screen.is_open


def _card(screen: Screen, prefs: Prefs, has_voice: bool) -> str:
    """What to do, what to say and why."""
    lang, exercise = prefs.lang, screen.exercise
    over = {HOMEWORK: "no_homework", SESSION: "session_done"}
    if exercise is None and screen.manner in over:
        return view.card_html(
            message("card", over[screen.manner], lang), "", lang=lang, id=screen.id, silent=True
        )
    if exercise is None and screen.manner not in (FREE, OWN):
        return view.card_html(message("app", "loading", lang), "", lang=lang, id=screen.id)
    if exercise is None:
        key = FREE if screen.manner == FREE else OWN
        return view.card_html(message("card", key, lang), "", lang=lang, id=screen.id)
    say = exercise.text if exercise.is_read or exercise.kind == "retell" else ""
    written = partial(score_view.sounds_name, notation=prefs.notation, lang=lang)
    chosen = screen.step is not None and screen.grade is None  # homework was chosen by a teacher
    why = reason(screen.step, lang, written) if chosen and screen.step is not None else ""
    if screen.follow:
        why = message("card", "following", lang, sound=written(screen.follow))
    if not has_voice and screen.said:
        why = join([why, message("app", "browser_voice", lang)], lang)
    return view.card_html(
        _what(screen, lang),
        "" if screen.words else say,
        why=why,
        lang=lang,
        hidden=_hides(screen),
        id=screen.id,
        voice="" if has_voice else screen.said,
        along=screen.manner == "shadow",
        silent=screen.manner == "quiet",
        extra=_extra(screen, prefs),
    )


def _what(screen: Screen, lang: str) -> str:
    exercise = screen.exercise
    if exercise is None or screen.manner in ("echo", "shadow", "own"):
        return message("card", screen.manner, lang)
    if screen.manner == PLACE:
        return view.placement_line(len(screen.given), lang)
    if screen.words:
        if screen.manner == "quiet":
            return message("card", "quiet", lang)
        if screen.listens or exercise.kind == "pair":
            return message("card", "pair_listen" if screen.listens else "pair_say", lang)
    return in_language(exercise, lang).prompt


def _extra(screen: Screen, prefs: Prefs) -> str:
    parts = []
    if screen.placed is not None:
        parts.append(view.placed_html(screen.placed, prefs.lang, prefs.notation))
    if screen.wish.manner == SESSION:
        n, every = str(screen.all - len(screen.rest)), str(screen.all)
        line = message("card", "session", prefs.lang, n=n, all=every, minutes=str(screen.minutes))
        parts.append(f'<p class="why">{escape(line)}</p>')
    if screen.grade is not None:
        parts.append(work_view.line_html(screen.grade, screen.all, prefs.lang))
    if screen.exercise is not None and screen.exercise.picture:
        parts.append(view.picture_html(screen.exercise.picture, prefs.lang))
    if screen.words:
        parts.append(view.choices_html(screen.words, screen.chosen, screen.secret, prefs.lang))
    if screen.manner == "quiet" and screen.n:
        line = message("card", "score", prefs.lang, right=str(screen.right), n=str(screen.n))
        parts.append(f"<p>{escape(line)}</p>")
    return "".join(parts)


def _message(screen: Screen, prefs: Prefs) -> str:
    """What went wrong, what is going on, what was heard, and why to take it with care."""
    lang, take = prefs.lang, screen.take
    if screen.problem:
        return screen.problem
    if screen.note:
        return score_view.error_html(screen.note)
    if screen.waiting:
        return view.waiting_html(screen.share, lang)
    if take is None or take.score is None:
        return ""
    parts = []
    if take.transcript is not None and take.transcript.words:
        parts.append(f"<p>{escape(message('take', 'heard', lang, text=take.transcript.text))}</p>")
        parts.append(verbatim_html(take.others, lang))
    if take.outcome is not None and screen.exercise is not None:
        lines = [told(take.outcome, lang), example(screen.exercise, take.outcome, lang)]
        parts.append(f'<div class="st-task">{"<br>".join(escape(line) for line in lines if line)}</div>')
    judged = take.score.overall is not None
    parts.append(score_view.cautions_html(take.score.cautions, lang, judged=judged))
    return "".join(parts)


def _advice(screen: Screen, take: Take, prefs: Prefs) -> str:
    lang, parts = prefs.lang, []
    if take.score is None or take.score.overall is None:
        return ""
    before = screen.before.score if screen.before is not None else None
    if before is not None:
        parts.append(view.changes_html(changes(before, take.score), lang))
    parts.append(view.advice_html(take.written, take.feedback, lang, prefs.notation))
    if take.feedback is not None:
        parts += [f'<div class="st-note" role="note">{escape(one)}</div>' for one in take.feedback.warnings]
    parts.append(grammar_html(take.correction, lang))
    return "".join(parts)


def melody(screen: Screen, prefs: Prefs, model: Pitch | None) -> str:
    """The part with numbers again, the melody with the model's, and what the recording looks like."""
    take = screen.take
    if take is None or take.score is None:
        return ""
    score = take.score
    return (
        score_view.summary_html(score, prefs.lang)
        + pitch_svg(score.pitch, score.words, prefs.lang, model)
        + sound_html(take.recording, score, prefs.lang)
    )


def own_word(screen: Screen, index: int) -> Recording | None:
    """The learner's own voice saying one word of the last take; None where it was not said."""
    take = screen.take
    if take is None or take.score is None or not 0 <= index < len(take.score.words):
        return None
    word = take.score.words[index]
    if word.start is None or word.end is None or word.error_type is ErrorType.OMISSION:
        return None
    return take.recording.crop(word.start - MARGIN, word.end + MARGIN)


def word(screen: Screen, index: int, prefs: Prefs, model: Recording | None = None) -> str:
    """One word of the last take: its sounds, the learner's own voice and, once it is there, the model's."""
    take, lang = screen.take, prefs.lang
    if take is None or take.score is None or not 0 <= index < len(take.score.words):
        return ""
    own = own_word(screen, index)
    voices = [(message("app", "your_voice", lang), own)] if own is not None else []
    voices += [(message("app", "model_voice", lang), model)] if model is not None else []
    detail = score_view.word_html(take.score.words[index], lang, prefs.notation)
    return detail + view.sounds_html(voices, autoplay=model is not None or own is not None)
