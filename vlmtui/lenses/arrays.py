"""The one place where a tensor becomes an array; and how arrays cross the wire. No torch: it is not imported."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_KINDS = frozenset("fiub")
_PLAIN: tuple[tuple[tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((np.bool_,), bool),
    ((np.integer, int), int),
    ((np.floating, float), float),
    ((str,), str.__str__),
)
"""Numbers and texts of other types than Python's own, NumPy's most often."""


def array(values: Any) -> np.ndarray[Any, Any]:
    """An array of its own: of a tensor on any device a copy, bfloat16 as float32; of anything else what NumPy makes."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
        return np.array(values.numpy())
    return np.asarray(values)


def encode_other(value: Any) -> Any:
    """What MessagePack has no word for, in words that it has: an array as (dtype, shape, bytes); else `TypeError`."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    for kinds, plain in _PLAIN:
        if isinstance(value, kinds):
            return plain(value)
    raise TypeError(f"{type(value).__name__} cannot cross the pipe")


def decode_array(wanted: type, value: Any) -> Any:
    """That array again, read-only."""
    if getattr(wanted, "__origin__", wanted) is not np.ndarray:
        raise TypeError(f"{wanted} cannot cross the pipe")
    kind, shape, data = value
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise TypeError(f"an array of {dtype} cannot cross the pipe")
    return np.frombuffer(data, dtype=dtype).reshape(shape)
