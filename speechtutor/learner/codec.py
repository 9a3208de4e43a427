"""The core values as JSON values and back, without loss and without hand-written fields.

This is the store's own format, in the library's scales; what people and programs see is
`speechtutor.schema`.
"""

from __future__ import annotations

import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


def encode(value: Any) -> Any:
    """A core value as dicts, lists, strings and numbers; nan in an array becomes null."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, np.ndarray):
        return {"dtype": str(value.dtype), "values": [_finite(item) for item in value.tolist()]}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    # Scores that come out of numpy would otherwise be refused by json.
    return value.item() if isinstance(value, np.generic) else value


def decode(kind: type[T], value: Any) -> T:
    """The value of a core type from what `encode` made of it; fields added later take their default.

    Raises:
        KeyError, TypeError, ValueError: when the value does not fit the type.
    """
    result: T = _decode(kind, value)
    return result


def _decode(kind: Any, value: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in get_args(kind) if arg is not type(None))
        return None if value is None else _decode(inner, value)
    if origin is tuple:
        return tuple(_decode(get_args(kind)[0], item) for item in _is(list, value))
    if origin is np.ndarray:
        return _array(_is(dict, value))
    if is_dataclass(kind):
        return _decode_fields(kind, _is(dict, value))
    if issubclass(kind, datetime):
        return datetime.fromisoformat(value)
    if issubclass(kind, Enum):
        return kind(value)
    # A whole number is a float to JSON.
    return float(_is((int, float), value)) if kind is float else _is(kind, value)


def _decode_fields(kind: Any, values: dict[str, Any]) -> Any:
    hints = get_type_hints(kind)
    if unknown := values.keys() - hints.keys():
        raise TypeError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    return kind(**{name: _decode(hints[name], item) for name, item in values.items()})


def _is(kind: Any, value: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"{value!r:.60} stands where {kind} belongs")
    return value


def _array(value: Mapping[str, Any]) -> NDArray[Any]:
    items = [math.nan if item is None else item for item in value["values"]]
    return np.array(items, dtype=value["dtype"])


def _finite(item: Any) -> Any:
    return None if isinstance(item, float) and not math.isfinite(item) else item
