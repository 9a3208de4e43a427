"""A talk as one value: choose a scene, answer the partner aloud, get help, end with a summary."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from demo.learners import GUEST
from demo.practice import Take
from demo.prefs import Prefs
from demo.private import TAKES
from demo.working import LONG, Share, Work
from speechtutor.content.tables import message
from speechtutor.core import Correction, LearnerState, Recording, Transcript, UtteranceScore
from speechtutor.errors import SpeechTutorError
from speechtutor.pipeline import Coach, Corrected, Heard, Scored
from speechtutor.practice import talk as talks
from speechtutor.practice.partner import Wording
from speechtutor.practice.scenarios import scenario
from speechtutor.practice.talk import Talk
from speechtutor.stages import TextEngine, Worded
from speechtutor.views import practice as view
from speechtutor.views import score as score_view
from speechtutor.views import talk as talk_view
from speechtutor.views.grammar import grammar_html
from speechtutor.views.verbatim import others, verbatim_html

RATES = {"A1": 0.85, "A2": 0.92}
"""How fast the partner speaks to beginners."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """A talk with what was measured of the learner's turns, and what the screen says beside it.

    `take` is the last turn, `problem` is HTML, `voice` the partner's last line once it was made;
    `summary` is true when the talk is to be summed up. `work` is what is going on with the last turn
    (`demo.working`); while it is `waiting` for it, `share` is how much is done, where that is told.
    """

    talk: Talk | None = None
    scores: tuple[UtteranceScore, ...] = ()
    corrections: tuple[Correction, ...] = ()
    take: Take | None = None
    help: str = ""
    problem: str = ""
    waiting: bool = False
    work: str = ""
    share: float | None = None
    voice: Recording | None = None
    summary: bool = False

    @property
    def line(self) -> str:
        """What the partner said last."""
        return "" if self.talk is None else self.talk.partner_line


def start(name: str, level: str, before: Sitting | None = None) -> Sitting:
    """A new talk; what is still to be said of the one `before` does not bring it back."""
    if before is not None:
        Work.call_off(before.work)
    return Sitting(talks.begin(name, level))


def spoken(coach: Coach, sitting: Sitting, prefs: Prefs) -> Sitting:
    """With the partner's last line in the model voice; without one as it is.

    Raises:
        SpeechTutorError: when the voice fails.
    """
    if coach.synthesizer is None or sitting.talk is None or not sitting.line:
        return sitting
    rate = round(RATES.get(sitting.talk.level, 1.0) * prefs.speed, 2)
    return replace(sitting, voice=coach.synthesizer.speak(sitting.line, rate=rate))


def answer(
    coach: Coach, sitting: Sitting, path: str | None, prefs: Prefs, learner: str = GUEST
) -> Iterator[Sitting]:
    """A turn of the learner: what it led to, then the partner's voice.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
    lang, talk = prefs.lang, sitting.talk
    if talk is None or talk.is_over or path is None:
        missing = "no_answer" if talk is not None and not talk.is_over else "no_talk"
        problem = score_view.error_html(message("app", missing, lang))
        yield replace(sitting, problem=problem, waiting=False)
        return
    work, recording = Work(), TAKES.load(path)
    waiting = replace(sitting, problem="", help="", waiting=True, work=work.id)
    yield waiting
    heard: Sitting | None = None
    before = replace(sitting, problem="", waiting=False)
    turns = lambda: (turn(coach, before, recording, learner) for _ in range(1))  # noqa: E731
    for step in work.steps(turns, tells=recording.duration > LONG):
        if isinstance(step, Share):
            yield replace(waiting, share=step.done)
        else:
            heard = step
    if heard is None or work.is_off:
        return
    sitting = replace(heard, work=work.id)
    assert sitting.talk is not None
    help_ = talks.help_text(sitting.talk, lang) if sitting.talk.trouble else ""
    sitting = replace(sitting, help=help_, voice=None, summary=sitting.talk.is_over)
    yield sitting
    # A turn that was heard is not lost with the partner's voice.
    try:
        voiced = spoken(coach, sitting, prefs)
        if not work.is_off:
            yield replace(voiced, work="")
    except SpeechTutorError as error:
        if not work.is_off:
            yield replace(sitting, problem=score_view.error_html(str(error)), work="")


def stopped(sitting: Sitting, prefs: Prefs) -> Sitting:
    """Called off: what is being judged stops where it is, and nothing of it is kept."""
    Work.call_off(sitting.work)
    told = score_view.error_html(message("app", "stopped", prefs.lang))
    return replace(sitting, waiting=False, voice=None, problem=told)


def turn(coach: Coach, sitting: Sitting, recording: Recording, learner: str = GUEST) -> Sitting:
    """Hear, score and remember what was said, mend its grammar, and let the partner answer.

    Raises:
        SpeechTutorError: when the recording or a stage fails.
    """
    assert sitting.talk is not None
    heard, found = "", None
    for step in coach.steps(recording, learner=learner, advise=False):
        match step:
            case Heard(transcript=Transcript() as transcript):
                heard = transcript.text
            case Scored():
                score = step.score
            case Corrected():
                found = step.correction
    scores = (*sitting.scores, score) if score.words else sitting.scores
    corrections = (*sitting.corrections, found) if found and found.edits else sitting.corrections
    so_far = talks.summarise(sitting.talk, scores, corrections)
    needs = talks.needed([phone for phone, _ in so_far.sounds], corrections)
    talk = talks.hear(sitting.talk, heard, needs)
    if isinstance(coach.tutor, Worded) and coach.tutor.general:
        engine: Any = coach.tutor.engine  # the cache asks for a hash, which any object of ours has
        talk = wording(engine).talk(talk)
    take = Take(recording, score, correction=found, others=others(score), done=True)
    return replace(sitting, talk=talk, scores=scores, corrections=corrections, take=take)


@cache
def wording(engine: TextEngine) -> Wording:
    """What puts the partner's lines in the words of a tutor's model; it remembers them."""
    return Wording(engine)


def helped(sitting: Sitting, prefs: Prefs) -> Sitting:
    """A hint, and a whole answer when asked once more."""
    if sitting.talk is None or sitting.talk.is_over:
        return replace(sitting, problem=score_view.error_html(message("app", "no_talk", prefs.lang)))
    told = talks.help_text(sitting.talk, prefs.lang)
    return replace(sitting, talk=replace(sitting.talk, trouble=talks.Trouble.HELP), help=told, problem="")


@dataclass(frozen=True, slots=True)
class Shown:
    """The parts of the tab from top to bottom, as HTML."""

    scene: str = ""
    lines: str = ""
    voice: str = ""
    message: str = ""
    words: str = ""
    summary: str = ""
    cancel: bool = False


def shown(sitting: Sitting, prefs: Prefs, learner: LearnerState | None = None) -> Shown:
    """What a sitting looks like; `learner` is what is known, for the summary."""
    talk, lang = sitting.talk, prefs.lang
    if talk is None:
        return Shown(message=sitting.problem)
    said = sitting.problem
    if sitting.waiting:
        said = view.waiting_html(sitting.share, lang)
    words = ""
    if sitting.take is not None and sitting.take.score is not None:
        words = score_view.words_html(sitting.take.score, lang, prefs.notation)
        words += verbatim_html(sitting.take.others, lang) + grammar_html(sitting.take.correction, lang)
    summary = ""
    if sitting.summary:
        found = talks.summarise(talk, sitting.scores, sitting.corrections, learner)
        summary = talk_view.summary_html(found, lang)
    partner = message("app", "partner_voice", lang)
    return Shown(
        talk_view.scene_html(scenario(talk.scenario), lang),
        talk_view.talk_html(talk, lang),
        view.sound_html(sitting.voice, partner, autoplay=True),
        said + talk_view.hint_html(talk, sitting.help, lang),
        words,
        summary,
        sitting.waiting,
    )
