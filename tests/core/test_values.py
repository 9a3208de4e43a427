"""Every core value, with every field set, comes back from JSON as it was."""

from __future__ import annotations

import importlib
import json
import pkgutil
from dataclasses import is_dataclass, replace
from typing import Any

import numpy as np
import pytest

from speechtutor import core
from speechtutor.core import LearnerState, Pitch, UtteranceScore
from speechtutor.errors import InputError
from speechtutor.files import jsonio
from tests.support.built import build, same
from tests.support.judged import SINK


def values() -> list[Any]:
    """All dataclasses of the room, found and not listed."""
    modules = [
        importlib.import_module(f"speechtutor.core.{m.name}") for m in pkgutil.iter_modules(core.__path__)
    ]
    found = {thing for module in modules for thing in vars(module).values() if isinstance(thing, type)}
    return sorted((kind for kind in found if is_dataclass(kind)), key=lambda kind: kind.__name__)


def test_the_values_are_found() -> None:
    assert {"Attempt", "Exercise", "Outcome", "UtteranceScore", "Emission", "Correction"} <= {
        kind.__name__ for kind in values()
    }


@pytest.mark.parametrize("kind", values(), ids=lambda kind: kind.__name__)
def test_a_value_with_every_field_comes_back(kind: Any) -> None:
    before = build(kind)
    after = jsonio.decode(jsonio.dumps(before), kind, "it")
    assert same(after, before), (after, before)


def test_the_store_leaves_defaults_out_and_reads_both_forms() -> None:
    short, long = jsonio.dumps(SINK), json.dumps(jsonio.encode(SINK))
    assert "null" in long and "null" not in short and len(short) < 0.6 * len(long)
    assert jsonio.decode(short, UtteranceScore, "") == jsonio.decode(long, UtteranceScore, "") == SINK
    assert set(json.loads(jsonio.dumps(LearnerState("ana", n_attempts=0)))) == {"learner", "phones", "skills"}
    assert jsonio.dumps(replace(SINK.words[0].phones[0], start=0)).count('"start":0,') == 1


def test_the_builder_sees_a_difference() -> None:
    one = build(UtteranceScore)
    assert one.words[0].inserted[0] != one.words[0].inserted[1] and one.pitch is not None
    assert same(one, build(UtteranceScore)) and not same(one, replace(one, snr_db=None))
    assert not same(one, replace(one, pitch=replace(one.pitch, hz=one.pitch.hz[:2])))


def test_scores_that_come_out_of_numpy_and_other_mappings_are_written() -> None:
    from types import MappingProxyType

    assert jsonio.decode(jsonio.dumps(replace(SINK, overall=np.float32(0.5))), UtteranceScore, "") == replace(
        SINK, overall=0.5
    )
    state = LearnerState("ana", MappingProxyType({}))
    assert jsonio.decode(jsonio.dumps(state), LearnerState, "") == state
    with pytest.raises(ValueError, match="not JSON compliant"):
        jsonio.dumps(replace(SINK, overall=float("nan")))
    with pytest.raises(TypeError, match="has no form in JSON"):
        jsonio.dumps({"a": object()})


def test_zero_none_and_empty_stay_apart() -> None:
    for heard in ("", None, "S"):
        word = replace(SINK.words[1], phones=(replace(SINK.words[1].phones[0], heard=heard),))
        back = jsonio.decode(jsonio.dumps(replace(SINK, words=(word,))), UtteranceScore, "it")
        assert back.words[0].phones[0].heard == heard
    for overall in (0.0, None):
        back = jsonio.decode(jsonio.dumps(replace(SINK, overall=overall)), UtteranceScore, "it")
        assert back.overall == overall


@pytest.mark.parametrize(
    ("array", "says"),
    [
        ("3", "hz: expected `object`"),
        ('{"dtype": "float32"}', "hz: object missing required field `values`"),
        ('{"dtype": "float64", "values": [1]}', "hz: expected an array of float32, got 'float64'"),
        ('{"dtype": "object", "values": [1]}', "hz: expected an array of float32"),
        ('{"dtype": "float32", "values": ["x"]}', "hz: values[0]: invalid enum value 'x'"),
        ('{"dtype": "float32", "values": [true]}', "hz: values[0]: expected"),
        ('{"dtype": "float32", "values": [1], "shape": [2, 2]}', "hz: cannot reshape"),
        ('{"dtype": "float32", "values": [1], "shape": [-1]}', "hz: shape[0]: expected"),
    ],
)
def test_an_array_of_another_kind_is_named(array: str, says: str) -> None:
    empty = '{"dtype": "float32", "values": []}'
    text = f'{{"times": {empty}, "hz": {array}, "voiced": {{"dtype": "bool", "values": [true]}}}}'
    with pytest.raises(InputError) as error:
        jsonio.decode(text, Pitch, "it")
    assert f"it: {says}" in str(error.value) and "\n" not in str(error.value)
