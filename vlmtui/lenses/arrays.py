"""Array conversion: tensors to NumPy arrays, and arrays to and from MessagePack. Does not import torch."""

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
"""Scalar types that are not Python's own, mostly NumPy's, and how each becomes one."""


def array(values: Any) -> np.ndarray[Any, Any]:
    """Convert to an array: a tensor on any device is copied, bfloat16 as float32; else as NumPy does."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
        return np.array(values.numpy())
    return np.asarray(values)


def encode_other(value: Any) -> Any:
    """Encode what MessagePack does not know: an array as (dtype, shape, bytes). `TypeError` for other objects."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
    for kinds, plain in _PLAIN:
        if isinstance(value, kinds):
            return plain(value)
    raise TypeError(f"{type(value).__name__} cannot be sent between processes")


def decode_array(wanted: type, value: Any) -> Any:
    """Decode an array encoded by `encode_other`; it is read-only."""
    if getattr(wanted, "__origin__", wanted) is not np.ndarray:
        raise TypeError(f"{wanted} cannot be sent between processes")
    kind, shape, data = value
    dtype = np.dtype(kind)
    if dtype.kind not in _KINDS:
        raise TypeError(f"an array of {dtype} cannot be sent between processes")
    return np.frombuffer(data, dtype=dtype).reshape(shape)
