"""What a browser kept is never trusted; everything on the page is in the catalogue, in all languages."""

from __future__ import annotations

import ast
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

import demo
from demo import about, app, planned, settings
from demo.labels import Labels, choices, text
from demo.learners import GUEST, LONGEST, name_of, who
from demo.prefs import Prefs, preferred, read
from speechtutor.core import Attempt, Exercise, UtteranceScore
from speechtutor.core.profile import Profile
from speechtutor.errors import InputError
from speechtutor.learner.store import SqlStore
from tests.demo.test_practice import coach


@pytest.mark.parametrize(
    ("accepted", "lang"),
    [("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fi, es-MX;q=0.5", "es"), ("fi", "en"), ("", "en"), (";,;", "en")],
)
def test_the_browser_says_which_language_comes_first(accepted: str, lang: str) -> None:
    assert preferred(accepted) == lang
    assert read({}, accepted).lang == lang


@pytest.mark.parametrize(
    "kept", [None, [], "x", {"lang": "xx", "size": "huge", "speed": "fast", "voice": "../etc"}, {"size": []}]
)
def test_what_is_no_wish_is_the_default(kept: Any) -> None:
    assert read(kept) == Prefs(lang="en")


def test_wishes_come_back_as_they_were_kept() -> None:
    wishes = Prefs("zh", "ipa", "large", "dark", 0.9, "bf_emma", "strict", "B1")
    assert read(wishes.to_json()) == wishes
    changed = settings.changed(wishes, "example", "normal", "light", 1.0, "", "lenient")
    assert (changed.lang, changed.level, changed.notation, changed.strictness) == (
        "zh",
        "B1",
        "example",
        "lenient",
    )


def test_whose_record_it_is() -> None:
    class Account:
        username = "ann"

    class Nobody:
        username = None

    assert who(" bob ", Nobody()) == who("bob") == "bob"
    assert who("bob", Account()) == "ann", "a signed-in learner reads no other's record"
    assert who(None, None) == who("  ") == GUEST
    assert name_of("a\nb") == "a b" and len(name_of("x" * 100)) == LONGEST


# Labels


def words_of(props: dict[str, Any]) -> list[str]:
    """What of a widget's options is read by people."""
    found = [props.get(key) for key in ("label", "info", "placeholder")]
    found += [name for name, *_ in props.get("choices") or []]
    return [word for word in found if isinstance(word, str) and word]


@pytest.fixture(scope="module")
def built() -> tuple[gr.Blocks, Labels]:
    """The page and its labels."""
    labels = Labels()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app, "Labels", lambda: labels)
        return app.build(coach()), labels


def test_every_word_on_the_page_is_told_in_every_language(built: tuple[gr.Blocks, Labels]) -> None:
    """All widgets with words are `Labels`', but the list of languages, which is in all of them."""
    page, labels = built
    seen: set[str] = set()
    for block in page.blocks.values():
        given = [block.value] if isinstance(block, gr.Button | gr.HTML) else []
        words = [str(word) for word in given if word]
        words += words_of({key: getattr(block, key, None) for key in ("label", "info", "choices")})
        if getattr(block, "elem_id", None) != "language" and getattr(block, "visible", True) != "hidden":
            seen.update(words)
    levels = {"A1", "A2", "B1", "B2", "C1"}
    assert seen - levels - app_words(labels, "en") == set()
    assert len(app_words(labels, "en")) > 60
    assert [word for word in app_words(labels, "zh") if not re.search(r"[\u4e00-\u9fff%]", word)] == []
    same = app_words(labels, "en") & app_words(labels, "es")
    assert {word for word in same if "%" not in word} == set()


def app_words(labels: Labels, lang: str) -> set[str]:
    """Every word that the page's labels have in a language."""
    found: set[str] = set()
    for _, worded in labels.rows:
        for key, make in worded.items():
            value = make(lang)
            found.update([value] if key != "choices" else [name for name, _ in value])
    return found


def test_no_words_for_people_stand_in_the_code_of_the_app() -> None:
    """Strings with a space that are handed to a widget as its words, in the source itself."""
    for path in Path(str(demo.__path__[0])).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            named = {"label", "info", "placeholder"}
            for keyword in node.keywords:
                if keyword.arg in named and isinstance(keyword.value, ast.Constant):
                    allowed = path.name == "welcome.py" and keyword.value.value == "check"
                    assert allowed, f"{path.name}: {keyword.value.value!r}"


def test_labels_are_told_again_in_the_order_of_their_widgets() -> None:
    labels = Labels()
    with gr.Blocks():
        button = labels.add(gr.Button, value=text("app.next"), elem_id="x")
        menu = labels.add(gr.Dropdown, label=text("app.level"), choices=choices([("kind.own", 1)]))
        labels.add(gr.Textbox, value="fixed")
    assert labels.widgets == [button, menu] and button.value == "Next"
    told = labels.told("es")
    assert told[0]["value"] == "Siguiente" and told[1]["choices"] == [("Tu propio texto", 1)]


# What a learner does with their data


def test_all_that_is_known_goes_out_and_is_forgotten_after_the_name_is_typed(tmp_path: Path) -> None:
    from datetime import UTC, datetime

    store = SqlStore(f"sqlite:///{tmp_path / 'l.db'}")
    store.append(Attempt("ana", Exercise("x"), UtteranceScore("x", (), overall=0.5), datetime.now(UTC)))
    judge = coach(store=store)
    data, told = settings.exported(judge, "ana", "en")
    assert '"learner": "ana"' in data and "browser" in told
    assert "Nothing was deleted" in settings.deleted(judge, "ana", "anna", "en")
    assert store.learners() == ("ana",)
    assert "1 take of ana" in settings.deleted(judge, "ana", " ana ", "en")
    assert store.learners() == ()


def test_without_a_store_there_is_nothing_to_hand_out() -> None:
    data, told = settings.exported(coach(), "ana", "en")
    assert data == "" and "Nothing is kept" in told
    assert "Nothing is kept" in settings.deleted(coach(), "ana", "ana", "en")


# What a learner says of themselves


def test_what_a_learner_wants_is_kept_and_shown_again(tmp_path: Path) -> None:
    judge = coach(store=SqlStore(f"sqlite:///{tmp_path / 'l.db'}"))
    wanted = (10, "zh", ["fluency"], ["food"], True)
    assert "Saved" in about.kept(judge, "ana", wanted, datetime.now(UTC), "en")
    assert about.held(planned.profile_of(judge, "ana")) == wanted
    about.kept(judge, "ana", (10, about.OTHER, [], [], False), datetime.now(UTC), "en")
    assert planned.profile_of(judge, "ana").l1 == "zh", "another is none that is named"
    about.kept(judge, "ana", (10, "", [], [], False), datetime.now(UTC), "en")
    assert planned.profile_of(judge, "ana") == Profile("ana", minutes=10)
    with pytest.raises(InputError, match="minutes a day"):
        about.kept(judge, "ana", (None, "", [], [], False), datetime.now(UTC), "en")
    assert "Nothing is kept here" in about.kept(coach(), "ana", wanted, datetime.now(UTC), "en")
