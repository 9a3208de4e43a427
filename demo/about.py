"""What a learner says of themselves in the settings: minutes, goals, interests, language, recordings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from types import SimpleNamespace
from typing import Any

import gradio as gr

from demo import planned
from demo.guard import Guard
from demo.labels import Labels, choices, text
from demo.learners import who
from demo.prefs import Prefs
from speechtutor.content.tables import message
from speechtutor.core.profile import Profile
from speechtutor.errors import require
from speechtutor.learner.profiles import GOALS, MOST_MINUTES
from speechtutor.learner.store import SqlStore
from speechtutor.pipeline import Coach
from speechtutor.practice import library
from speechtutor.views.score import error_html

LANGUAGES = ("zh", "es")
"""First languages that may be chosen, besides "another": those explained in."""
OTHER = "other"
Wanted = tuple[float | None, str, list[str], list[str], bool]
"""What the widgets hold: minutes, first language, goals, interests, whether recordings are kept."""


def layout(labels: Labels) -> SimpleNamespace:
    """The widgets from top to bottom, by name."""
    w = SimpleNamespace()
    labels.add(gr.HTML, value=heading("you"))
    with gr.Row():
        w.minutes = labels.add(
            gr.Number, label=text("settings.minutes"), value=15, precision=0, minimum=1,
            maximum=MOST_MINUTES, elem_id="minutes", min_width=120,
        )  # fmt: skip
        languages = [("settings.l1_none", ""), *((f"settings.l1_{one}", one) for one in LANGUAGES)]
        languages.append(("settings.l1_other", OTHER))
        w.l1 = labels.add(
            gr.Dropdown, label=text("settings.l1"), choices=choices(languages),
            value="", elem_id="l1", filterable=False, min_width=170,
        )  # fmt: skip
    w.goals = labels.add(
        gr.CheckboxGroup, label=text("settings.goals"), value=[], elem_id="goals",
        choices=choices([(f"settings.goal_{one}", one) for one in GOALS]),
    )  # fmt: skip
    w.interests = labels.add(
        gr.CheckboxGroup, label=text("settings.interests"), value=[], elem_id="interests",
        choices=choices([(f"topic.{one}", one) for one in library.topics()]),
    )  # fmt: skip
    w.keep = labels.add(gr.Checkbox, label=_keep, value=False, elem_id="keep-audio")
    w.save = labels.add(gr.Button, value=text("settings.save_you"), elem_id="save-you", interactive=False)
    w.told = gr.HTML(elem_id="saved-you")
    w.all = [w.minutes, w.l1, w.goals, w.interests, w.keep]
    return w


def heading(key: str) -> Any:
    """A heading of the settings, in a language."""
    return lambda lang: f"<h2>{message('settings', key, lang)}</h2>"


def _keep(lang: str) -> str:
    return message("settings", "keep_audio", lang, days=str(Profile("").keep_days))


def held(profile: Profile) -> tuple[int, str, list[str], list[str], bool]:
    """A profile as the widgets hold it."""
    l1 = "" if profile.l1 is None else profile.l1 if profile.l1 in LANGUAGES else OTHER
    return profile.minutes, l1, list(profile.goals), list(profile.interests), profile.keep_audio


def kept(
    coach: Coach,
    name: str,
    wanted: tuple[float | None, str, list[str], list[str], bool],
    now: datetime,
    lang: str,
) -> str:
    """Keep what a learner said; what to say.

    Raises:
        InputError: naming what cannot be.
        StorageError: when the store refuses.
    """
    if not isinstance(coach.store, SqlStore):
        return error_html(message("settings", "no_store", lang))
    minutes, l1, goals, interests, keep = wanted
    if keep:
        require("cryptography", extra="privacy")  # said here, and not when the first take is to be sealed
    before = coach.store.profiles.get(name)
    # "another" changes nothing: a first language set elsewhere, such as Japanese, stays what it is.
    language = before.l1 if l1 == OTHER else l1 or None
    profile = replace(
        before, minutes=int(minutes or 0), l1=language, goals=tuple(goals),
        interests=tuple(interests), keep_audio=keep,
    )  # fmt: skip
    coach.store.profiles.put(profile, now)
    return f'<p class="st-fine">✓ {escape(message("settings", "saved_you", lang))}</p>'


def wire(w: SimpleNamespace, blocks: gr.Blocks, coach: Coach, guard: Guard, state: SimpleNamespace) -> None:
    """Filled when the page comes up or somebody else practises, kept when it is asked for.

    Nothing can be kept before it is filled, and what was chosen since is not filled over.
    """

    def fill(
        name: str, prefs: Prefs,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> tuple[Any, ...]:  # fmt: skip
        try:
            profile = planned.profile_of(coach, who(name, request))
            return (*held(profile), gr.update(interactive=True), "")
        except Exception as error:
            return (*(gr.skip() for _ in w.all), gr.skip(), guard.told(error, lang=prefs.lang))

    def keep(
        name: str, prefs: Prefs, minutes: Any, l1: str, goals: list[str], interests: list[str], audio: bool,
        request: gr.Request = None,  # type: ignore[assignment]
    ) -> str:  # fmt: skip
        try:
            wanted = (minutes, l1, goals, interests, audio)
            return kept(coach, who(name, request), wanted, datetime.now(UTC), prefs.lang)
        except Exception as error:
            return guard.told(error, lang=prefs.lang)

    for event in (blocks.load, state.known.change):
        event(fill, [state.known, state.prefs], [*w.all, w.save, w.told], show_progress="hidden")
    w.save.click(keep, [state.learner, state.prefs, *w.all], w.told, show_progress="hidden")
