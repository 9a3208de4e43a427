"""The typed reader: what it refuses, in one line that names the place."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import pytest
from msgspec import Meta

from speechtutor.errors import InputError
from speechtutor.files import jsonio


@dataclass(frozen=True, slots=True)
class Sound:
    phone: str
    score: Annotated[float, Meta(ge=0, le=100)] | None = None


@dataclass(frozen=True, slots=True)
class Word:
    text: str
    at: tuple[int, str]
    sounds: Sequence[Sound] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


GOOD = {"text": "a", "at": [1, "x"], "sounds": [{"phone": "AH", "score": 3}]}


def test_values_come_back_as_their_types() -> None:
    found = jsonio.decode(json.dumps({**GOOD, "of a later version": 1}), Word, "w")
    assert found == Word("a", (1, "x"), [Sound("AH", 3.0)])
    assert isinstance(found.sounds[0].score, float)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (json.dumps({**GOOD, "text": 1}), "w: text: expected `str`, got `int`"),
        (json.dumps({**GOOD, "at": ["x", "x"]}), "w: at[0]: expected `int`, got `str`"),
        (json.dumps({**GOOD, "sounds": [{"phone": "AH", "score": 101}]}), "w: sounds[0].score: expected"),
        (json.dumps({"text": "a"}), "w: object missing required field `at`"),
        ("[1]", "w: expected `object`, got `array`"),
        ("{", "w: not JSON (input data was truncated)"),
        ('{"text": "\\ud800"}', "w: not JSON"),
        ('{"text": "a", "at": [1, "x"], "notes": {"a": NaN}}', "w: not JSON (invalid character"),
        (
            '{"text": "a", "at": [1, "x"], "sounds": [{"phone": "AH", "score": 1e999}]}',
            "w: sounds[0].score: ",
        ),
        ("[" * 100_000, "w: "),
        ('{"text": "a", "at": [1, "x"], "notes": ' + '{"a":' * 100_000, "w: nested too deeply"),
    ],
)
def test_what_cannot_be_used_is_one_line_that_names_the_place(text: str, told: str) -> None:
    with pytest.raises(InputError) as caught:
        jsonio.decode(text, Word, "w")
    assert str(caught.value).startswith(told) and "\n" not in str(caught.value)


def test_what_is_not_utf8_is_said() -> None:
    with pytest.raises(InputError, match="w: not UTF-8 text"):
        jsonio.decode(b'{"text": "\xff", "at": [1, "x"]}', Word, "w")


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\u0085", "\x0b", "\x0c", "\x1c"])
def test_a_line_ends_at_a_line_feed_only(tmp_path: Path, mark: str) -> None:
    path = tmp_path / "rows.jsonl"
    texts = [f"one{mark}two", "three"]
    lines = [json.dumps({"phone": text}, ensure_ascii=False) for text in texts]
    path.write_text("\n\n".join(lines) + "\r\n", encoding="utf-8", newline="")
    assert [row.phone for row in jsonio.json_lines(path, Sound)] == texts
    path.write_text(lines[0] + '\n\n{"phone": 1}\n', encoding="utf-8", newline="")
    with pytest.raises(InputError, match="row 3: phone: expected `str`"):
        list(jsonio.json_lines(path, Sound))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        jsonio.read(tmp_path / "none.json", Sound)
    with pytest.raises(InputError, match="null byte"):
        jsonio.read(Path("a\0b"), Sound)
    deep: Any = 1
    for _ in range(jsonio.DEEPEST + 1):
        deep = {"a": deep}
    path = tmp_path / "deep.json"
    path.write_text(json.dumps(deep), encoding="utf-8")
    with pytest.raises(InputError, match="nested too deeply"):
        jsonio.read_object(path)
    path.write_text(json.dumps(deep["a"]), encoding="utf-8")
    assert jsonio.depth(jsonio.read_object(path)) == jsonio.DEEPEST
