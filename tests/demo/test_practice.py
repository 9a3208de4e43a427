"""The practice screen as a value: what is shown is what is judged, and saying it again keeps it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo import practice, practice_view
from demo.practice import KINDS, Screen, Wish, again, choose, following, fresh, judged, place
from demo.prefs import Prefs
from speechtutor import audio
from speechtutor.content.tables import languages
from speechtutor.core import Exercise, Recording
from speechtutor.errors import AudioError, InputError
from speechtutor.grammar import load_rules
from speechtutor.learner.store import SqlStore
from speechtutor.models import fake
from speechtutor.pipeline import Coach
from speechtutor.practice.path import Step
from speechtutor.practice.placement import LEAST, MOST
from speechtutor.tutor.rules import RuleTutor
from tests.conftest import EXAMPLES

GOOD = str(EXAMPLES / "weather-good.flac")
TEXT = "I think the weather is very nice today."
EN = Prefs(lang="en")
SCREEN = Screen(Wish("own", text=TEXT), Step(Exercise(TEXT), "", "new", 1.0), "own")


def coach(heard: str = "hello think", **stages: Any) -> Coach:
    made: dict[str, Any] = {
        "transcriber": fake.FakeTranscriber(heard),
        "scorer": fake.FakeScorer(),
        "tutor": RuleTutor(),
        "synthesizer": fake.FakeSynthesizer(),
    }
    return Coach(**{**made, **stages})


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def said(judge: Coach, screen: Screen, prefs: Prefs = EN, path: str | None = GOOD) -> Screen:
    *_, last = judged(judge, screen, path, screen.id, "ana", prefs)
    return last


def only(one: str) -> Screen:
    return fresh(coach(), Wish(one), "ana", "en", rng())


# What is given


@pytest.mark.parametrize("manner", [name for name, kinds in KINDS.items() if kinds])
def test_every_kind_gives_what_it_says(manner: str) -> None:
    screen = only(manner)
    assert screen.exercise is not None and screen.exercise.kind in KINDS[manner]
    seen = practice_view.shown(screen, EN)
    hidden = manner in practice.HIDDEN or not screen.exercise.is_read
    assert (screen.exercise.text in seen.card) == (not hidden and not screen.words)
    assert all(word in seen.card for word in screen.words)
    if manner in ("translate", "vocabulary", "paraphrase"):
        assert not any(answer in seen.card for answer in screen.exercise.answers), "the answer is given away"
    assert seen.words == seen.advice == seen.message == "" and not seen.retry


def test_what_is_given_has_its_reason_in_the_learners_language_and_notation() -> None:
    screen = only("sound")
    assert "Chosen because" in practice_view.shown(screen, EN).card
    assert "选这一题" in practice_view.shown(screen, Prefs(lang="zh")).card
    assert "/" in practice_view.shown(screen, Prefs(lang="en", notation="ipa")).card.split("Chosen")[1]


def test_the_same_two_sentences_never_come_for_ever(tmp_path: Path) -> None:
    """Eight rounds of a perfect reader: no sentence twice among any five, seven at least in all."""
    judge = coach(scorer=fake.FakeScorer(errors={}), store=SqlStore(f"sqlite:///{tmp_path / 'l.db'}"))
    chance, screen, given = rng(), fresh(judge, Wish("sound"), "ana", "en", rng()), []
    for _ in range(8):
        assert screen.exercise is not None
        given.append(screen.exercise.text)
        screen = following(judge, said(judge, screen), "ana", "en", chance)
    assert len(set(given)) >= 7
    assert all(len(set(given[i : i + 5])) == 5 for i in range(len(given) - 4))


def test_a_new_visit_does_not_begin_with_what_was_said_last(tmp_path: Path) -> None:
    judge = coach(store=SqlStore(f"sqlite:///{tmp_path / 'l.db'}"))
    first = fresh(judge, Wish("sound"), "ana", "en", rng())
    said(judge, first)
    assert practice.recently(judge, "ana") == (first.exercise,)
    assert fresh(judge, Wish("sound"), "ana", "en", rng()).exercise != first.exercise


def test_the_next_sentence_goes_on_with_the_sound_of_the_advice_once() -> None:
    judge, chance = coach(), rng()
    first = said(judge, Screen(Wish(), SCREEN.step, "sound"))
    second = following(judge, first, "ana", "en", chance)
    assert second.follow == "TH" and second.exercise is not None and "TH" in second.exercise.focus
    assert "This goes on with" in practice_view.shown(second, EN).card
    third = following(judge, said(judge, second), "ana", "en", chance)
    assert third.follow == "", "not the same sound for ever"


def test_a_rare_sound_at_a_level_without_it_gives_another_sentence() -> None:
    screen = fresh(coach(), Wish("sound", "A1", "ZH"), "ana", "en", rng())
    assert screen.exercise is not None
    with pytest.raises(InputError, match="no level"):
        fresh(coach(), Wish("sound", "C9"), "ana", "en", rng())


def test_own_text_and_free_talk() -> None:
    own = fresh(coach(), Wish("own", text="  My  text.\n"), "ana", "en", rng())
    assert own.exercise == Exercise("My text.") and "My text." in practice_view.shown(own, EN).card
    assert fresh(coach(), Wish("own"), "ana", "en", rng()).exercise is None
    assert fresh(coach(), Wish("free"), "ana", "en", rng()).id == "free"


# What is judged


def test_the_score_comes_before_the_advice() -> None:
    steps = list(judged(coach(), SCREEN, GOOD, SCREEN.id, "ana", EN))
    waiting, first, *_, last = steps
    assert waiting.waiting and waiting.take is None
    assert "listening" in practice_view.shown(waiting, EN).message
    assert first.take is not None and first.take.score is not None and first.take.feedback is None
    assert 'data-word="7"' in practice_view.shown(first, EN).words
    assert last.take is not None and last.take.feedback is not None and last.take.done
    assert not last.waiting
    assert last.take.recording.duration == pytest.approx(audio.load(GOOD).duration)


def test_what_is_shown_is_what_is_judged() -> None:
    """The task on the page when it was said is held against the one that is here now."""
    *_, refused = judged(coach(), SCREEN, GOOD, "another", "ana", EN)
    assert refused.take is None and "task changed" in practice_view.shown(refused, EN).message
    last = said(coach(), SCREEN)
    assert last.take is not None and last.take.score is not None and last.take.score.text == TEXT


@pytest.mark.parametrize(
    ("screen", "path", "told"),
    [(SCREEN, None, "Record yourself first"), (Screen(Wish("own"), None, "own"), GOOD, "Type a sentence"),
     (Screen(), GOOD, "started again")],
)  # fmt: skip
def test_what_cannot_be_judged_is_said(screen: Screen, path: str | None, told: str) -> None:
    (only_one,) = judged(coach(), screen, path, "", "ana", EN)
    assert told in practice_view.shown(only_one, EN).message and only_one.take is None


def test_saying_it_again_keeps_the_exercise_and_tells_what_changed() -> None:
    """After an exercise in own words it is that exercise again, never what was misheard."""
    task = fresh(coach(), Wish("translate"), "ana", "en", rng())
    once = said(coach("next layer will be different"), task)
    retry = again(once)
    assert retry.exercise is task.exercise and retry.take is None and retry.before is not None
    assert len(retry.before.recording.samples) == 0, "an earlier take's sound is not kept"
    assert practice_view.shown(retry, EN).card == practice_view.shown(task, EN).card

    worse = said(coach(), SCREEN)
    better = said(coach(scorer=fake.FakeScorer(errors={})), again(worse))
    assert "Better than your last take: think." in practice_view.shown(better, EN).advice


def test_another_take_without_pressing_again_is_compared_too() -> None:
    worse = said(coach(), SCREEN)
    better = said(coach(scorer=fake.FakeScorer(errors={})), worse)
    assert "Better than your last take" in practice_view.shown(better, EN).advice


def test_an_answer_in_own_words_is_told_and_its_grammar_mended() -> None:
    judge = coach("she don't like the ticket", grammar=load_rules())
    task = Exercise("I bought a ticket.", (), "vocabulary", "A2", points=(("ticket",),))
    screen = said(judge, Screen(Wish("vocabulary"), Step(task, "", "new", 1.0), "vocabulary"))
    seen = practice_view.shown(screen, Prefs(lang="zh"))
    assert "该说的我都听到了" in seen.message and "I bought a ticket." in seen.message
    assert "<ins>doesn&#x27;t</ins>" in seen.advice
    read = said(judge, SCREEN)
    assert "st-grammar" not in practice_view.shown(read, EN).advice, "what is read has its own grammar"


def test_silence_is_told_once_and_has_no_chips(tmp_path: Path) -> None:
    path = tmp_path / "silence.wav"
    audio.save(Recording(np.zeros(32_000, np.float32)), path)
    seen = practice_view.shown(said(coach(), SCREEN, path=str(path)), EN)
    assert "I heard no speech" in seen.message and seen.words == seen.advice == seen.result == ""


def test_a_bad_file_is_an_error_with_its_cause(tmp_path: Path) -> None:
    path = tmp_path / "text.wav"
    path.write_text("this is no sound")
    with pytest.raises(AudioError, match="not an audio file"):
        said(coach(), SCREEN, path=str(path))


# Pairs


def test_a_pair_is_heard_before_it_is_said() -> None:
    screen = only("pair")
    assert screen.secret in (0, 1) and screen.said == screen.words[screen.secret]
    assert "which word do you hear" in practice_view.shown(screen, EN).card
    right = choose(screen, screen.secret or 0)
    assert (right.right, right.n) == (1, 1) and right.said == ", ".join(right.words)
    assert "say both words" in practice_view.shown(right, EN).card
    assert choose(right, 0) == right, "only the first choice counts"
    assert choose(screen, 7) == screen and choose(SCREEN, 0) == SCREEN
    wrong = choose(screen, 1 - (screen.secret or 0))
    assert (wrong.right, wrong.n) == (0, 1)


def test_listening_only_counts_over_the_sitting() -> None:
    judge, chance = coach(), rng()
    screen = choose(only("quiet"), 0)
    for _ in range(3):
        screen = following(judge, screen, "ana", "en", chance)
        assert screen.listens
        screen = choose(screen, 0)
    assert screen.n == 4 and f"{screen.right} of 4" in practice_view.shown(screen, EN).card


def test_both_words_come_as_the_one_to_hear() -> None:
    secrets = {fresh(coach(), Wish("pair"), "ana", "en", np.random.default_rng(i)).secret for i in range(12)}
    assert secrets == {0, 1}


# Placement


def test_a_placement_ends_with_a_level_and_goes_on(tmp_path: Path) -> None:
    judge = coach(store=SqlStore(f"sqlite:///{tmp_path / 'l.db'}"))
    chance, screen, texts = rng(), place(judge, "ana", "en"), []
    for n in range(1, MOST + 2):
        if screen.placed is not None:
            break
        assert screen.exercise is not None
        texts.append(screen.exercise.text)
        assert f"Sentence {n} of at most {MOST}" in practice_view.shown(screen, EN).card
        screen = following(judge, said(judge, screen), "ana", "en", chance)
    assert screen.placed is not None and LEAST <= len(texts) <= MOST and len(set(texts)) == len(texts)
    assert screen.wish.level == screen.placed.level and screen.exercise is not None
    assert "Your level here is about" in practice_view.shown(screen, EN).card
    assert following(judge, screen, "ana", "en", chance).placed is None


# Words, languages


def test_a_tapped_word_is_cut_out_of_the_take() -> None:
    screen = said(coach(), SCREEN)
    own = practice_view.own_word(screen, 1)
    assert screen.take is not None and screen.take.score is not None and own is not None
    word = screen.take.score.words[1]
    assert word.start is not None and word.end is not None
    assert own.duration == pytest.approx(word.end - word.start + 2 * practice_view.MARGIN, abs=0.01)
    html = practice_view.word(screen, 1, EN, own)
    assert html.count("data-sound") == 2 and "Instead of" in html
    assert practice_view.word(screen, 99, EN) == practice_view.word(Screen(), 0, EN) == ""
    assert practice_view.own_word(screen, -1) is None


def test_the_words_that_are_tapped_first_are_known() -> None:
    screen = said(coach(), SCREEN)
    assert practice.first_word(screen) == "think" and practice.compared(screen) == ("think", "sink")
    assert practice.first_word(Screen()) == "" and practice.compared(Screen()) == ()


@pytest.mark.parametrize("lang", list(languages()))
def test_the_language_changes_what_is_on_the_screen(lang: str) -> None:
    screen = practice.explained(said(coach(), SCREEN), lang)
    seen = practice_view.shown(screen, Prefs(lang=lang))
    told = {"en": "Put the tip of your tongue", "zh": "舌尖放在上下齿之间", "es": "Pon la punta de la lengua"}
    assert told[lang] in seen.advice
    assert practice.explained(Screen(), lang) == Screen()


def test_without_a_model_voice_the_browsers_speaks_and_it_is_said() -> None:
    seen = practice_view.shown(only("sound"), EN, has_voice=False)
    assert "your browser's own voice" in seen.card.replace("&#x27;", "'") and "data-voice=" in seen.card
    assert "browser" not in practice_view.shown(only("sound"), EN).card


def test_a_screen_with_an_error_shows_only_that() -> None:
    screen = replace(said(coach(), SCREEN), problem="<p>oh</p>")
    assert practice_view.shown(screen, EN).message == "<p>oh</p>"
