"""Everything that stands on widgets, by its name in the catalogue: the language changes at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import gradio as gr

from speechtutor.content.tables import message

Making = Callable[[str], Any]
"""Makes the value of a property in a language."""


def text(key: str) -> Making:
    """The message of a key such as `app.name`."""
    group, _, name = key.partition(".")
    return lambda lang: message(group, name, lang)


def choices(rows: Sequence[tuple[str | Making, Any]]) -> Making:
    """Choices from keys with their values; a `Making` says by itself what stands there."""
    return lambda lang: [((text(row) if isinstance(row, str) else row)(lang), value) for row, value in rows]


@dataclass(slots=True)
class Labels:
    """Widgets with the properties that are words; each is made once and told again in any language."""

    rows: list[tuple[Any, dict[str, Making]]] = field(default_factory=list)

    def add(self, make: Callable[..., Any], *, lang: str = "en", **given: Any) -> Any:
        """A widget: those of its options that are `Making` are words of the catalogue."""
        worded = {name: value for name, value in given.items() if callable(value)}
        fixed = {name: value for name, value in given.items() if name not in worded}
        widget = make(**fixed, **{name: value(lang) for name, value in worded.items()})
        if worded:
            self.rows.append((widget, worded))
        return widget

    @property
    def widgets(self) -> list[Any]:
        """Those with words, in the order of `told`."""
        return [widget for widget, _ in self.rows]

    def told(self, lang: str) -> list[Any]:
        """All words in a language, as updates of `widgets`."""
        return [gr.update(**{name: make(lang) for name, make in worded.items()}) for _, worded in self.rows]
