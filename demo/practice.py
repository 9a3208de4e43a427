"""The practice screen as one value, and what each wish of the learner makes of it; no widgets here.

A `Screen` holds the exercise that is shown and the takes of it: what is judged is what is shown, and saying
it again keeps the exercise. Every function takes a screen and gives another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from demo import planned
from demo.prefs import Prefs
from demo.private import TAKES
from demo.working import LONG, Share, Work
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
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Advised, Coach, Corrected, Heard, Piece, Remembered, Scored
from speechtutor.pipeline import Step as Judged
from speechtutor.practice import course, path, placement
from speechtutor.practice.answers import outcome
from speechtutor.practice.given import Asked, topical
from speechtutor.practice.grading import Grade
from speechtutor.practice.path import Step
from speechtutor.practice.placement import Placed
from speechtutor.practice.written import writer_of
from speechtutor.text.verbatim import Sounded
from speechtutor.tutor.rules import RuleTutor
from speechtutor.views.verbatim import others

KINDS = {
    "for_you": ("sound", "pair", "translate", "vocabulary"),
    "session": (),
    "homework": (),
    "sound": ("sound",),
    "echo": ("repeat",),
    "pair": ("pair",),
    "shadow": ("shadow",),
    "twister": ("twister",),
    "question": ("question",),
    "picture": ("picture",),
    "translate": ("translate",),
    "vocabulary": ("vocabulary",),
    "paraphrase": ("paraphrase",),
    "retell": ("retell",),
    "own": (),
    "free": (),
    "quiet": ("pair",),
}
"""What can be practised, in the order of the menu, with the kinds of exercises it is made of."""
FREE, OWN, PLACE, SESSION, HOMEWORK = "free", "own", "placement", "session", "homework"
GIVEN = frozenset({"for_you", SESSION, HOMEWORK})
"""Wishes under which the exercise itself says how it is done."""
MANNERS = {"repeat": "echo", "listen": "pair"}
"""How kinds of exercises are called on the menu, where they have another name there."""
HIDDEN = frozenset({"echo", "retell"})
"""Manners whose text is heard before it is seen."""
LAST = 8
"""Exercises of this sitting that the next one is chosen apart from."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a learner wants to practise; `sound` is a phone, `topic` one of the library, "" any of them.

    `task` is the id of an exercise of their homework.
    """

    manner: str = "for_you"
    level: str = "A2"
    sound: str = ""
    text: str = ""
    topic: str = ""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Take:
    """One try, as far as it has been judged; `learner` is what was known before it.

    `others` are words of free speech that sounded like others.
    """

    recording: Recording
    score: UtteranceScore | None = None
    transcript: Transcript | None = None
    outcome: Outcome | None = None
    written: str = ""
    feedback: Feedback | None = None
    correction: Correction | None = None
    others: tuple[Sounded, ...] = ()
    learner: LearnerState = field(default_factory=LearnerState)
    done: bool = False


@dataclass(frozen=True, slots=True)
class Screen:
    """What the practice screen shows.

    `take` is the last one and `before` the one before it, of the same exercise. `secret` is the word of a
    pair that the voice says and `chosen` the one that was picked; `right` of `n` were right so far. `follow`
    is the sound for which the exercise was made, `given` are the sentences of a placement so far, `rest` the
    exercises of a session or of homework that are still to come. `work` is what is going on with the take
    (`demo.working`); while it is `waiting` for a score, `share` is how much is done, where that is told.
    """

    wish: Wish = Wish()
    step: Step | None = None
    manner: str = "for_you"
    take: Take | None = None
    before: Take | None = None
    problem: str = ""
    note: str = ""
    waiting: bool = False
    work: str = ""
    share: float | None = None
    is_open: bool = False
    secret: int | None = None
    chosen: int | None = None
    right: int = 0
    n: int = 0
    follow: str = ""
    recent: tuple[Exercise, ...] = ()
    given: tuple[Exercise, ...] = ()
    placed: Placed | None = None
    rest: tuple[Step, ...] = ()
    minutes: int = 0
    all: int = 0
    grade: Grade | None = None

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
        if self.exercise is None or self.exercise.kind not in ("pair", "listen"):
            return ()
        return tuple((self.exercise.given or self.exercise.text).split(", "))

    @property
    def listens(self) -> bool:
        """Whether the learner is to listen and choose before anything is said."""
        return bool(self.words) and (self.chosen is None or self.manner == "quiet")

    @property
    def said(self) -> str:
        """What the model voice says."""
        if self.listens and self.chosen is None and self.secret is not None:
            return self.words[self.secret]
        if self.exercise is None:
            return ""
        if self.exercise.kind == "question":
            return self.exercise.given
        return self.exercise.text if self.exercise.is_read or self.exercise.kind == "retell" else ""


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
    if wish.manner in (SESSION, HOMEWORK):
        plan = _session if wish.manner == SESSION else _homework
        return plan(coach, kept, who, lang, rng, before)
    follow = _followed(before, wish)
    sounds = (follow,) if follow else (wish.sound,) if wish.sound else ()
    step = _step(coach, wish, who, lang, rng, sounds, recent)
    return _shown(kept, step, rng, before, follow)


def _shown(
    kept: Screen, step: Step, rng: np.random.Generator, before: Screen | None, follow: str = ""
) -> Screen:
    """An exercise on the screen, in the manner that its kind or the wish asks for."""
    one, wish = step.exercise, kept.wish
    manner = MANNERS.get(one.kind, one.kind) if wish.manner in GIVEN else wish.manner
    counted = (before.right, before.n) if before is not None and before.manner == manner else (0, 0)
    made = replace(
        kept, step=step, manner=manner, follow=follow, right=counted[0], n=counted[1],
        recent=(*kept.recent, one)[-LAST:],
    )  # fmt: skip
    if not made.words:
        return made
    secret = made.words.index(one.text) if one.kind == "listen" else int(rng.integers(2))
    return replace(made, secret=secret)


def _session(
    coach: Coach, kept: Screen, who: str, lang: str, rng: np.random.Generator, before: Screen | None
) -> Screen:
    """The next exercise of a session by the learner's minutes, goals and interests; none when it is over."""
    if before is not None and before.wish.manner == SESSION and before.all:
        steps, minutes, n = before.rest, before.minutes, before.all
    else:
        minutes, steps = planned.session(coach, who, lang, rng, kept.recent)
        n = len(steps)
    kept = replace(kept, minutes=minutes, all=n, rest=steps[1:])
    return _shown(kept, steps[0], rng, before) if steps else kept


def _homework(
    coach: Coach, kept: Screen, who: str, lang: str, rng: np.random.Generator, before: Screen | None
) -> Screen:
    """The exercise of their homework that a learner asked for, or the next that is not done; or none."""
    shown = before.exercise.id if before is not None and before.exercise is not None else ""
    grade, n = planned.homework(coach, who, lang, kept.wish.task, shown)
    kept = replace(kept, wish=replace(kept.wish, task=""), all=n, grade=grade)
    return kept if grade is None else _shown(kept, planned.step(coach, who, lang, grade), rng, before)


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
    kinds = KINDS[wish.manner]
    if wish.manner == "for_you":
        goals = planned.profile_of(coach, who).goals
        kinds = ("sound",) if sounds else tuple(k for goal in goals for k in course.KINDS[goal]) or kinds
    asked = Asked(wish.level, sounds, (), kinds)
    lent = lambda: writer_of(coach.tutor)  # noqa: E731
    try:
        return topical(state, rng, asked, lang, now, recent, wish.topic, lent)
    except InputError:
        if not sounds:
            raise
        # Few sentences of a level hold a rare sound: another level's is better than none.
        return topical(state, rng, replace(asked, sounds=()), lang, now, recent, wish.topic, lent)


def _followed(before: Screen | None, wish: Wish) -> str:
    """The sound that the last advice was about, once: the next sentence goes on with it."""
    if before is None or before.take is None or before.take.feedback is None or wish.manner != "for_you":
        return ""
    tips = before.take.feedback.tips
    sound = tips[0].phone if tips else ""
    return "" if sound == before.follow else sound


def recently(coach: Coach, who: str) -> tuple[Exercise, ...]:
    """The exercises of a learner's last attempts, where the store can tell."""
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
    work, screen = Work(), replace(screen, problem="", note="")
    waiting = replace(screen, waiting=True, work=work.id)
    yield waiting
    take = Take(TAKES.load(recording))
    exercise = screen.exercise
    text = exercise.text if exercise is not None and exercise.is_read else None
    spoken, tells = take.recording, take.recording.duration > LONG
    steps = lambda: coach.steps(spoken, text, who, explain=lang, exercise=exercise, judge=outcome)  # noqa: E731
    for step in work.steps(steps, tells=tells):
        if isinstance(step, Share):
            if take.score is None:
                yield replace(waiting, share=step.done)
            continue
        take = _heard(take, step)
        if take.score is not None and not isinstance(step, Remembered):
            yield replace(screen, take=take, waiting=False, work=work.id)
    if take.score is None or work.is_off:
        return
    grade = planned.graded(coach, screen.grade, who, lang)
    is_new = grade is not None and screen.grade is not None and grade.done and not screen.grade.done
    screen = replace(screen, grade=grade, all=screen.all - is_new)
    yield replace(screen, take=replace(take, done=True), waiting=False)


def _heard(take: Take, step: Judged) -> Take:
    """A take with what one more step has found."""
    match step:
        case Heard():
            return replace(take, transcript=step.transcript, outcome=step.outcome)
        case Scored():
            return replace(take, score=step.score, learner=step.learner)
        case Piece():
            return replace(take, written=take.written + step.text)
        case Advised():
            return replace(take, feedback=step.feedback)
        case Corrected():
            score = take.score if take.transcript is not None else None
            return replace(take, correction=step.correction, others=others(score) if score else ())
        case Remembered():
            return take


def _not_judged(screen: Screen, recording: str | None, shown: str) -> str:
    """The message for a take that cannot be judged, "" for one that can."""
    if recording is None:
        return "no_take"
    if screen.exercise is None and screen.manner != FREE:
        return {OWN: "no_text", HOMEWORK: "nothing_here", SESSION: "nothing_here"}.get(
            screen.manner, "restarted"
        )
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
