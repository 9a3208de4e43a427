"""The practice screen as one value, and what each wish of the learner makes of it; no widgets here.

A `Screen` holds the exercise that is shown and the takes of it: what is judged is what is shown, and saying
it again keeps the exercise. Every function takes a screen and gives another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from demo.prefs import Prefs
from demo.private import TAKES
from speechtutor.content.tables import message, minimal_pair
from speechtutor.core import (
    Correction,
    Exercise,
    Feedback,
    LearnerState,
    Outcome,
    Recording,
    Transcript,
    UtteranceScore,
)
from speechtutor.core.lesson import READ
from speechtutor.errors import InputError
from speechtutor.pipeline import Advised, Coach, Corrected, Heard, Piece, Remembered, Scored
from speechtutor.practice import path, placement
from speechtutor.practice.answers import outcome
from speechtutor.practice.exercises import next_step
from speechtutor.practice.path import Step
from speechtutor.practice.placement import Placed
from speechtutor.tutor.rules import RuleTutor

KINDS = {
    "for_you": ("sound", "pair", "translate", "vocabulary"),
    "sound": ("sound",),
    "echo": ("sound",),
    "pair": ("pair",),
    "shadow": ("sound",),
    "translate": ("translate",),
    "vocabulary": ("vocabulary",),
    "paraphrase": ("paraphrase",),
    "retell": ("retell",),
    "own": (),
    "free": (),
    "quiet": ("pair",),
}
"""What can be practised, in the order of the menu, with the kinds of exercises it is made of."""
FREE, OWN, PLACE = "free", "own", "placement"
HIDDEN = frozenset({"echo", "retell"})
"""Manners whose text is heard before it is seen."""
LAST = 8
"""Exercises of this sitting that the next one is chosen apart from."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a learner wants to practise; `sound` is a phone, or "" for whatever is needed."""

    manner: str = "for_you"
    level: str = "A2"
    sound: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """One try, as far as it has been judged; `learner` is what was known before it."""

    recording: Recording
    score: UtteranceScore | None = None
    transcript: Transcript | None = None
    outcome: Outcome | None = None
    written: str = ""
    feedback: Feedback | None = None
    correction: Correction | None = None
    learner: LearnerState = field(default_factory=LearnerState)
    done: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What the practice screen shows.

    `take` is the last one and `before` the one before it, of the same exercise. `secret` is the word of a
    pair that the voice says and `chosen` the one that was picked; `right` of `n` were right so far. `follow`
    is the sound for which the exercise was made, `given` are the sentences of a placement so far.
    """

    wish: Wish = Wish()
    step: Step | None = None
    manner: str = "for_you"
    take: Take | None = None
    before: Take | None = None
    problem: str = ""
    note: str = ""
    waiting: bool = False
    is_open: bool = False
    secret: int | None = None
    chosen: int | None = None
    right: int = 0
    n: int = 0
    follow: str = ""
    recent: tuple[Exercise, ...] = ()
    given: tuple[Exercise, ...] = ()
    placed: Placed | None = None

    @property
    def exercise(self) -> Exercise | None:
        """What is to be answered; None where the learner speaks freely."""
        return None if self.step is None else self.step.exercise

    @property
    def id(self) -> str:
        """What the page shows and an answer is held against."""
        return self.manner if self.exercise is None else self.exercise.id

    @property
    def words(self) -> tuple[str, ...]:
        """The two words of a pair."""
        is_pair = self.exercise is not None and self.exercise.kind == "pair"
        return tuple(self.exercise.text.split(", ")) if is_pair and self.exercise else ()

    @property
    def listens(self) -> bool:
        """Whether the learner is to listen and choose before anything is said."""
        return bool(self.words) and (self.chosen is None or self.manner == "quiet")

    @property
    def said(self) -> str:
        """What the model voice says."""
        if self.listens and self.chosen is None and self.secret is not None:
            return self.words[self.secret]
        if self.exercise is None or not (self.exercise.is_read or self.exercise.kind == "retell"):
            return ""
        return self.exercise.text


def fresh(
    coach: Coach, wish: Wish, who: str, lang: str, rng: np.random.Generator, before: Screen | None = None
) -> Screen:
    """A new exercise for a learner, whose last ones are not given again; `before` is the screen until now.

    Raises:
        SpeechTutorError: when nothing fits, or the store refuses.
    """
    recent = before.recent if before is not None else recently(coach, who)
    kept = Screen(wish, manner=wish.manner, recent=recent)
    if wish.manner == FREE:
        return kept
    if wish.manner == OWN:
        text = " ".join(wish.text.split())
        return replace(kept, step=Step(Exercise(text, kind=READ), "", "new", 1.0) if text else None)
    follow = _followed(before, wish)
    sounds = (follow,) if follow else (wish.sound,) if wish.sound else ()
    step = _step(coach, wish, who, lang, rng, sounds, recent)
    manner = step.exercise.kind if wish.manner == "for_you" else wish.manner
    secret = int(rng.integers(2)) if step.exercise.kind == "pair" else None
    counted = (before.right, before.n) if before is not None and before.manner == manner else (0, 0)
    return replace(
        kept, step=step, manner=manner, secret=secret, follow=follow, right=counted[0], n=counted[1],
        recent=(*recent, step.exercise)[-LAST:],
    )  # fmt: skip


def _step(
    coach: Coach,
    wish: Wish,
    who: str,
    lang: str,
    rng: np.random.Generator,
    sounds: tuple[str, ...],
    recent: tuple[Exercise, ...],
) -> Step:
    state, now = coach.learner(who, lang), datetime.now(UTC)
    kinds = ("sound",) if sounds and wish.manner == "for_you" else KINDS[wish.manner]
    try:
        return next_step(
            state, rng, now, level=wish.level, sounds=sounds, kinds=kinds, lang=lang, recent=recent
        )
    except InputError:
        if not sounds:
            raise
        # Few sentences of a level hold a rare sound: another level's is better than none.
        return next_step(state, rng, now, level=wish.level, kinds=kinds, lang=lang, recent=recent)


def _followed(before: Screen | None, wish: Wish) -> str:
    """The sound that the last advice was about, once: the next sentence goes on with it."""
    if before is None or before.take is None or before.take.feedback is None or wish.manner != "for_you":
        return ""
    tips = before.take.feedback.tips
    sound = tips[0].phone if tips else ""
    return "" if sound == before.follow else sound


def recently(coach: Coach, who: str) -> tuple[Exercise, ...]:
    """The exercises of a learner's last attempts, where the store can tell."""
    from speechtutor.learner.store import SqlStore

    return coach.store.recent(who, LAST) if isinstance(coach.store, SqlStore) else ()


def place(coach: Coach, who: str, lang: str, before: Screen | None = None) -> Screen:
    """The next sentence of a placement, or, when it is sure enough, where the learner stands."""
    state = coach.learner(who, lang)
    given = before.given if before is not None and before.manner == PLACE else ()
    one = placement.item(given, {exercise.id for exercise in given}, state)
    wish = Wish(PLACE) if before is None else before.wish
    if one is None:
        placed = placement.placed(state)
        level = placed.level if placed.level in ("A1", "A2", "B1", "B2") else "B2"
        return Screen(replace(wish, manner="for_you", level=level), manner="for_you", placed=placed)
    step = replace(path.explained(state, one, datetime.now(UTC)), skill="")
    return Screen(replace(wish, manner=PLACE), step, PLACE, given=(*given, one), recent=(one,))


def following(coach: Coach, screen: Screen, who: str, lang: str, rng: np.random.Generator) -> Screen:
    """What comes next: the next sentence of a placement, else another exercise of the same wish."""
    if screen.manner == PLACE:
        ended = place(coach, who, lang, screen)
        if ended.placed is None:
            return ended
        return replace(fresh(coach, ended.wish, who, lang, rng), placed=ended.placed)
    return fresh(coach, screen.wish, who, lang, rng, screen)


def again(screen: Screen) -> Screen:
    """The same exercise once more; the last take stays to be compared with."""
    if screen.take is None:
        return screen
    # Its sound is not needed for that, and may be ten minutes long.
    before = replace(screen.take, recording=Recording(np.zeros(0, np.float32)))
    return replace(screen, take=None, before=before, problem="", note="")


def opened(screen: Screen) -> Screen:
    """The hidden text, shown."""
    return replace(screen, is_open=True)


def choose(screen: Screen, index: int) -> Screen:
    """A word of the pair was picked; what counts is the first pick after listening."""
    if not screen.words or screen.chosen is not None or not 0 <= index < len(screen.words):
        return screen
    right = screen.right + (index == screen.secret)
    return replace(screen, chosen=index, right=right, n=screen.n + 1)


def judged(
    coach: Coach, screen: Screen, recording: str | None, shown: str, who: str, prefs: Prefs
) -> Iterator[Screen]:
    """The score at once, then the feedback as it is written, then the grammar.

    `recording` is the path of the take, `shown` the id of what was on the page when it was made; where that
    is something else by now, nothing is judged.

    Raises:
        SpeechTutorError: when the recording, a stage or the store fails.
    """
    lang = prefs.lang
    why = _not_judged(screen, recording, shown)
    if why or recording is None:
        yield replace(screen, note=message("app", why, lang), waiting=False)
        return
    screen = again(screen) if screen.take is not None and screen.take.done else screen
    yield replace(screen, waiting=True, problem="", note="")
    take = Take(TAKES.load(recording))
    exercise = screen.exercise
    text = exercise.text if exercise is not None and exercise.is_read else None
    for step in coach.steps(take.recording, text, who, explain=lang, exercise=exercise, judge=outcome):
        match step:
            case Heard():
                take = replace(take, transcript=step.transcript, outcome=step.outcome)
            case Scored():
                take = replace(take, score=step.score, learner=step.learner)
            case Piece():
                take = replace(take, written=take.written + step.text)
            case Advised():
                take = replace(take, feedback=step.feedback)
            case Corrected():
                take = replace(take, correction=step.correction)
            case Remembered():
                continue
        if take.score is not None:
            yield replace(screen, take=take, waiting=False)
    yield replace(screen, take=replace(take, done=True), waiting=False)


def _not_judged(screen: Screen, recording: str | None, shown: str) -> str:
    """The message for a take that cannot be judged, "" for one that can."""
    if recording is None:
        return "no_take"
    if screen.exercise is None and screen.manner != FREE:
        return "no_text" if screen.manner == OWN else "restarted"
    return "moved" if shown and shown != screen.id else ""


def explained(screen: Screen, lang: str) -> Screen:
    """The advice in another language, by the rules: at once, whatever wrote it first."""
    take = screen.take
    if take is None or take.score is None or take.feedback is None:
        return screen
    feedback = RuleTutor().advise(take.score, replace(take.learner, explain=lang))
    return replace(screen, take=replace(take, feedback=feedback, written=feedback.summary))


def first_word(screen: Screen) -> str:
    """The word that the advice is about: what is tapped first."""
    feedback = screen.take.feedback if screen.take is not None else None
    return feedback.tips[0].word if feedback is not None and feedback.tips else ""


def compared(screen: Screen) -> tuple[str, ...]:
    """The two words that the advice compares, to be heard by the same voice."""
    feedback = screen.take.feedback if screen.take is not None else None
    tip = feedback.tips[0] if feedback is not None and feedback.tips else None
    return minimal_pair(tip.phone, tip.heard) or () if tip is not None and tip.phone else ()
