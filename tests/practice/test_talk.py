"""Talks: the script keeps its promises, and whatever a learner says leads on, kindly, to the end."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from html import escape

import pytest

from speechtutor.content.tables import read
from speechtutor.core import Correction, GrammarEdit, GrammarKind
from speechtutor.errors import InputError, ServiceError
from speechtutor.practice import talk as talks
from speechtutor.practice.levels import LEVELS, phones_in, problems
from speechtutor.practice.partner import Wording, objections
from speechtutor.practice.scenarios import Scenario, Step, scenarios
from speechtutor.practice.talk import PATIENCE, Talk, begin, hear, help_text, needed, summarise
from speechtutor.stages import Message
from speechtutor.text.phones import PHONES
from speechtutor.tutor.engine import ReplyCache
from speechtutor.views import talk as talk_view
from tests.support.judged import SINK, fine, said, utterance

SCRIPTS = scenarios()
STEPS = [(script, step) for script in SCRIPTS for step in script.steps]
BARE = re.compile(r"\{\w+\}")


def lines(talk: Talk, *answers: str, needs: Sequence[str] = ()) -> Talk:
    for answer in answers:
        talk = hear(talk, answer, needs)
    return talk


def name(value: object) -> str:
    return getattr(value, "id", str(value))


# --- the script -----------------------------------------------------------------------------------


def test_the_talks_that_were_asked_for() -> None:
    assert [s.id for s in SCRIPTS] == ["restaurant", "interview", "picture", "small_talk", "free"]
    assert all(len(script.steps) >= 5 for script in SCRIPTS)


@pytest.mark.parametrize(("script", "step"), STEPS, ids=name)
def test_each_line_is_of_its_level(script: Scenario, step: Step) -> None:
    for texts in (step.say, step.example):
        assert tuple(texts) == LEVELS and texts["C1"] == texts["B2"]
        for level, text in texts.items():
            assert problems(BARE.sub("", text), level) == [], text
    assert all(text.rstrip(".").endswith("?") or "Tell me" in text for text in step.say.values())
    for branch in step.branches:
        assert not branch.reply or problems(branch.reply, "A2") == []
        assert branch.to is None or branch.to in {s.id for s in script.steps} | {""}
        assert branch.any and all(phrase == phrase.lower() for phrase in branch.any)


@pytest.mark.parametrize(("script", "step"), STEPS, ids=name)
def test_slots_come_from_earlier_steps(script: Scenario, step: Step) -> None:
    before = {s.id for s in script.steps[: script.steps.index(step)] if s.unfilled}
    for text in step.say.values():
        assert set(re.findall(r"\{(\w+)\}", text)) <= before
    assert bool(step.options) == bool(step.unfilled)


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
@pytest.mark.parametrize("level", LEVELS)
def test_the_examples_lead_through_the_talk(script: Scenario, level: str) -> None:
    talk = begin(script.id, level)
    assert talk.partner_line.startswith(script.opening)
    for step in script.steps:
        assert talk.step == step.id
        talk = hear(talk, step.example[level])
        assert talk.trouble == ""
    assert talk.is_over and talk.partner_line.endswith(script.closing.format(**talk.slots)[-20:])
    assert len([line for line in talk.lines if line.who == "partner"]) == len(script.steps) + 1
    assert "{" not in " ".join(line.text for line in talk.lines)
    with pytest.raises(InputError, match="over"):
        hear(talk, "more")


@pytest.mark.parametrize(
    "key", [*PHONES, "tense", "article", "plural", "agreement", "preposition", "word_order"]
)
def test_questions_call_for_what_they_are_for(key: str) -> None:
    row = {**read("questions")["phone"], **read("questions")["structure"]}[key]
    assert row["ask"].endswith("?") and problems(row["ask"], "A2") == []
    assert problems(row["example"], "A2") == []
    assert key not in PHONES or phones_in(row["example"])[key] >= 2


# --- what is understood ---------------------------------------------------------------------------


def test_what_was_told_is_remembered_and_used() -> None:
    talk = lines(begin("restaurant"), "A table for two please.", "I would like some tea.", "The fish please.")
    assert dict(talk.slots) == {"people": "two", "drink": "tea", "food": "fish"}
    assert "after fish" in talk.partner_line


def test_a_branch_answers_what_was_said() -> None:
    talk = lines(begin("restaurant"), "Just me.", "What do you have?")
    assert dict(talk.slots) == {"people": "one"}
    assert talk.step == "drink" and "orange juice. What would you like" in talk.partner_line
    talk = lines(talk, "Tea please.", "I am vegetarian.")
    assert talk.slots["food"] == "vegetables"
    talk = lines(talk, "no thank you", "The soup is cold.")
    assert talk.partner_line.startswith("I am sorry. I will tell the cook")


def test_what_is_denied_is_not_taken() -> None:
    talk = lines(begin("restaurant"), "two", "I don't want tea, I would like water.")
    assert talk.slots["drink"] == "water"
    assert "drink" not in lines(begin("restaurant"), "two", "I do not want any beer at all").slots


def test_equal_words_give_equal_talks_and_the_old_one_is_not_changed() -> None:
    talk = begin("free")
    assert hear(talk, "food please") == hear(talk, "food please")
    assert len(talk.lines) == 1 and not talk.slots


# --- what is no answer ----------------------------------------------------------------------------


def test_what_the_partner_says_between_is_of_a_low_level() -> None:
    own = [
        talks.GREETING,
        talks.LATER,
        talks.BACK,
        talks.MORE,
        talks.EXTRA,
    ]
    for text in (*own, *talks.ACKNOWLEDGED, talks.GO_ON, talks.AGAIN):
        assert problems(text, "A2") == [], text


@pytest.mark.parametrize("text", ["Hello", "Hello, good evening!", "Hi, my name is Li Wei.", "Good morning."])
def test_a_greeting_is_answered_and_the_question_stays(text: str) -> None:
    talk = hear(begin("restaurant"), text)
    assert talk.partner_line == "Hello, nice to meet you. How many people are you today?"
    assert (talk.step, talk.trouble, dict(talk.slots)) == ("people", "", {})
    # Whoever greets and answers in one turn has answered.
    assert hear(begin("restaurant"), f"{text} We are two.").slots == {"people": "two"}
    assert hear(hear(talk, "two please"), text).step != "people"


@pytest.mark.parametrize("text", ["Bye", "Thank you, goodbye!", "ok bye bye, see you"])
def test_a_goodbye_ends_the_talk_without_the_goal(text: str) -> None:
    talk = lines(begin("restaurant"), "two please", text)
    assert talk.is_over and talk.partner_line.startswith("Thank you for coming") and talk.left
    found = summarise(talk)
    assert not found.reached and found.told == (("people", "two"),)
    assert "reached the goal" not in talk_view.summary_html(found)
    assert not hear(begin("small_talk"), "I am good, see you").is_over, "a goodbye in words of greeting"


def test_a_question_of_the_learner_is_answered_before_ours_comes_again() -> None:
    talk = lines(begin("interview"), "I want to be a cook because I like food.", "What is the salary?")
    assert talk.partner_line.startswith("We will talk about the money next time. What work")
    assert (talk.step, talk.trouble, talk.stuck) == ("experience", "", 1)
    asked = hear(hear(begin("restaurant"), "two please"), "Where is the toilet?")
    assert asked.partner_line == "I will tell you later. What would you like to drink?"
    told = hear(hear(begin("restaurant"), "two please"), "what about some tea")
    assert told.slots["drink"] == "tea", "a question that answers ours is an answer"
    talk = begin("restaurant")
    for _ in range(PATIENCE):
        talk = hear(talk, "where is the toilet please")
    assert talk.step != "people", "nobody is kept at one question"


def test_what_the_script_knows_is_said_back_now_and_then() -> None:
    talk = lines(begin("picture"), "It is a park with a tree.")
    assert talk.partner_line.startswith("Park, I see.")
    for name in ("restaurant", "small_talk", "free"):
        talk = begin(name)
        for step in next(s for s in SCRIPTS if s.id == name).steps:
            talk = hear(talk, step.example["A2"])
            said = talk.partner_line.lower()
            for word in talk.slots.values():
                assert not re.search(rf"^{word}, i see\..*\b{word}\b", said), said


# --- stuck ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ("", "not_heard"),
        ("  ...  ", "not_heard"),
        ("help", "say_this"),
        ("Sorry, can you repeat that?", "say_this"),
        ("I don't understand", "say_this"),
        ("Can you help me, please?", "say_this"),
        ("hm", "longer"),
        ("you are stupid", "kind"),
    ],
)
def test_each_trouble_has_its_answer_and_the_question_stays(answer: str, trouble: str) -> None:
    talk = begin("small_talk")
    after = hear(talk, answer)
    assert (after.trouble, after.stuck, after.step) == (trouble, 1, talk.step)
    assert after.partner_line.endswith("How are you today?")


def test_hints_grow_from_a_start_to_a_whole_answer() -> None:
    talk = begin("small_talk")
    assert help_text(talk) == 'You can start like this: "I am …"'
    talk = hear(talk, "")
    assert "start like this" in help_text(talk)
    talk = hear(talk, "")
    assert help_text(talk) == 'You can say: "I am fine, but I am a little tired."'
    assert "可以这样说" in help_text(talk, "zh")
    assert "whole" not in help_text(hear(begin("small_talk"), "help")) and '"I am fine, but' in help_text(
        hear(begin("small_talk"), "help")
    )


def test_nobody_is_kept_at_one_question() -> None:
    talk = begin("interview")
    for _ in range(PATIENCE):
        assert talk.step == "job"
        talk = hear(talk, "")
    assert talk.step == "experience" and talk.partner_line.startswith(talks.GO_ON)
    talk = begin("restaurant")
    for _ in range(PATIENCE + 1):
        talk = hear(talk, "what do you have")
    assert talk.step != "drink" or talk.stuck < PATIENCE


@pytest.mark.parametrize("seed", range(20))
def test_every_talk_ends_whatever_is_said(seed: int) -> None:
    rng = random.Random(seed)
    talk = begin(rng.choice(SCRIPTS).id, rng.choice(LEVELS))
    pool = [
        "",
        "help",
        "yes",
        "no",
        "what do you have",
        "nobody",
        "I like tea and music",
        "ignore " * 500,
        "😀",
        "{food}",
    ]
    for _ in range(60):
        if talk.is_over:
            break
        talk = hear(talk, rng.choice(pool), rng.sample(PHONES, 3))
        assert "{" not in talk.partner_line and "ignore" not in talk.partner_line
        assert not re.search(r"\b(\w+) \1\b", talk.partner_line), "an unfilled slot doubles a word"
    assert talk.is_over


# --- questions for this learner -------------------------------------------------------------------


def test_a_question_for_the_weak_sound_is_put_in_once() -> None:
    talk = lines(begin("small_talk"), "I am fine.", "I like the sun.", needs=["TH", "article"])
    assert talk.question == "TH" and talk.partner_line.endswith("What do you do on Thursday?")
    assert talks.EXTRA in talk.partner_line, "it is no part of the scene, and that is said"
    assert phones_in(read("questions")["phone"]["TH"]["example"])["TH"] >= 2
    assert "On Thursday I think" in help_text(talk)
    talk = hear(talk, "On Thursday I work.", ["TH", "article"])
    assert talk.question == "" and talk.step == "weekend"
    talk = lines(talk, "I met my friends.", "I like music.", needs=["TH", "article"])
    assert talk.question == "article" and talk.asked == ("TH", "article")


def test_what_is_needed_comes_from_grammar_and_sounds() -> None:
    edit = GrammarEdit(0, 1, "go", "went", GrammarKind.TENSE)
    order = GrammarEdit(0, 1, "a", "b", GrammarKind.WORD_ORDER)
    found = Correction("I go", "I go", "I went", (edit, order))
    assert needed(["TH", "XX", "R"], [found]) == ("tense", "word_order", "TH", "R")
    assert needed([]) == ()


# --- the summary ----------------------------------------------------------------------------------


def test_the_summary_holds_only_what_was_there() -> None:
    talk = lines(begin("restaurant"), "two people", "tea please")
    two = utterance("we", said("think", "TH IH NG K", 0, "S"), said("light", "L AY T", 0, "R"), "so")
    edit = GrammarEdit(1, 2, "go", "went", GrammarKind.TENSE)
    found = summarise(talk, [SINK, two], [Correction("I go", "I go", "I went", (edit,))])
    assert (found.reached, found.n_turns) == (False, 2)
    assert found.told == (("people", "two"), ("drink", "tea"))
    assert found.sounds == (("TH", "think"), ("L", "light")), "missed twice comes before missed once"
    assert found.clear[0] == "weather"
    assert found.grammar == (("I go", "I went"),), "an edit is shown with the words around it"
    assert found.following is not None and "TH" in found.following.focus


def test_an_unsure_sound_and_silence_are_no_findings() -> None:
    unsure = said("think", "TH IH NG K", 0, "S", confidence=0.1)
    found = summarise(begin("free"), [utterance("I", unsure, "so")])
    assert found.sounds == () and found.n_turns == 0 and found.following is None
    assert "nothing to sum up" in talk_view.summary_html(found)


def test_other_evidence_gives_another_summary() -> None:
    talk = lines(begin("free"), "food please")
    pages = {
        talk_view.summary_html(summarise(talk, [score]), lang)
        for lang in ("en", "es", "zh")
        for score in (SINK, utterance("so", said("light", "L AY T", 0, "R")), utterance("very", fine("nice")))
    }
    assert len(pages) == 9


# --- what is seen ---------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS, ids=name)
@pytest.mark.parametrize("lang", ["en", "es", "zh"])
def test_the_scene_is_shown_and_said(script: Scenario, lang: str) -> None:
    page = talk_view.scene_html(script, lang)
    goal, scene = (escape(talk_view.worded(script, what, lang)) for what in ("goal", "scene"))
    assert goal in page and scene in page and (lang == "en" or script.goal not in page)
    assert ("<svg" in page) == bool(script.picture)


def test_what_a_learner_said_is_escaped() -> None:
    talk = hear(begin("free"), "<script>alert(1)</script> I like food")
    page = talk_view.talk_html(talk)
    assert "<script>" not in page and "&lt;script&gt;" in page
    assert "script" not in talk.partner_line


# --- a model's words ------------------------------------------------------------------------------


class Writer:
    """An engine that writes what it was told to."""

    name = "writer"

    def __init__(self, reply: str | ServiceError) -> None:
        self.reply, self.asked = reply, 0

    def generate(self, messages: Sequence[Message], *, max_tokens: int) -> Iterator[str]:
        self.asked += 1
        if isinstance(self.reply, ServiceError):
            raise self.reply
        yield from re.findall(r"\S+\s*", self.reply)


LINE = "I see. What would you like to drink?"


@pytest.mark.parametrize(
    "text",
    [
        LINE,
        "Very good. And what would you like to drink today?",
        "I see, thank you. What do you want to drink?",
    ],
)
def test_words_that_hold_are_said(text: str) -> None:
    assert objections(text, LINE, "A2") == []
    assert Wording(Writer(text)).line(LINE, "A2") == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not the same question"),
        ("I see.", "not the same question"),
        ("What would you like to eat?", "lost drink"),
        ("Nevertheless, what would you like to drink?", "unknown"),
        ("You are reluctant: what would you like to drink?", "above A2"),
        ("You are stupid. What would you like to drink?", "unsafe"),
        ("What would you like to drink? It costs 5 dollars, ok?", "more than words"),
        ("What would you like to drink? Where? When?", "not the same question"),
        ("What would you like to drink, " + "and now " * 8 + "and here?", "too long"),
        ("Write to me@example.org. What would you like to drink?", "more than words"),
        ("What would you like to drink\nor not?", "more than one line"),
        ("¿Qué quieres beber?", "more than words"),
    ],
)
def test_words_that_do_not_hold_are_not_said(text: str, why: str) -> None:
    assert any(why in objection for objection in objections(text, LINE, "A2"))
    assert Wording(Writer(text)).line(LINE, "A2") == LINE


def test_a_failing_or_hanging_engine_leaves_the_script() -> None:
    writer = Writer(ServiceError("gone"))
    wording = Wording(writer)
    assert wording.line(LINE, "A2") == wording.line(LINE, "A2") == LINE
    assert writer.asked == 2, "a failure is not remembered"
    assert Wording(Writer("x" * 100_000)).line(LINE, "A2") == LINE


def test_equal_lines_are_worded_once() -> None:
    writer = Writer("Very good. And what would you like to drink?")
    cache = ReplyCache()
    for _ in range(2):
        assert Wording(writer, cache=cache).line(LINE, "A2") == writer.reply
    assert writer.asked == 1
    assert Wording(writer, cache=cache).talk(replace(begin("free"), lines=())).lines == ()
