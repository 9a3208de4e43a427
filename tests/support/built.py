"""A value for every field of a type, made from its hints, so that no field can be forgotten."""

from __future__ import annotations

import math
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from itertools import count
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from speechtutor.core import Emission


def build(kind: Any, numbers: Iterator[int] | None = None) -> Any:
    """A value whose every field is set and, where there may be several, different from its neighbours."""
    numbers = count(1) if numbers is None else numbers
    origin, args = get_origin(kind), get_args(kind)
    if kind is Emission:  # its arrays belong together
        log_probs = np.array([[-math.inf, 0.0], [-0.25, -1.5], [-1.5, -0.25]], np.float32)
        return Emission(log_probs, ("a", "b"), 0.02, 1, np.ones((3, 2), np.float32), -0.1)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{field.name: build(hints[field.name], numbers) for field in fields(kind)})
    if origin in (Union, types.UnionType):
        return build(next(arg for arg in args if arg is not type(None)), numbers)
    if origin is tuple:
        parts = (args[0],) * 2 if args[-1] is ... else args
        return tuple(build(part, numbers) for part in parts)
    if origin is np.ndarray:
        dtype = get_args(args[1])[0]
        return np.array([True, False] if dtype is np.bool_ else [0.1, math.nan, math.inf, -math.inf], dtype)
    if origin is not None and issubclass(origin, Mapping):
        return {build(args[0], numbers): build(args[1], numbers) for _ in range(2)}
    return _plain(kind, next(numbers))


def _plain(kind: type, number: int) -> Any:
    if issubclass(kind, Enum):
        return list(kind)[-1]
    if kind is datetime:
        return datetime(2026, 5, 1, 12, number % 60, tzinfo=UTC)
    made = {bool: True, int: number, float: number + 1 / 3, str: f"naïve 思\u2028🙂 {number}"}
    return made[kind]


def same(one: Any, two: Any) -> bool:
    """Whether two values are equal in type and content, arrays and nan included."""
    if type(one) is not type(two):
        return False
    if is_dataclass(one):
        return all(same(getattr(one, field.name), getattr(two, field.name)) for field in fields(one))
    if isinstance(one, np.ndarray):
        return one.dtype == two.dtype and one.shape == two.shape and one.tobytes() == two.tobytes()
    if isinstance(one, tuple | list):
        return len(one) == len(two) and all(map(same, one, two))
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same(one[key], two[key]) for key in one)
    return bool(one == two)
