"""The one place where a tensor becomes an array; and how arrays cross the wire. No torch: it is not imported."""

from __future__ import annotations

from typing import Any

import numpy as np

_KINDS = frozenset("fiub")


def array(values: Any) -> np.ndarray[Any, Any]:
    """An array of its own: of a tensor on any device a copy, bfloat16 as float32; of anything else what NumPy makes."""
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        if "bfloat16" in str(values.dtype):
            values = values.float()
        return np.array(values.numpy())
    return np.asarray(values)


def encode_array(value: Any) -> Any:
    """An array as (dtype, shape, bytes); `TypeError` for anything else."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, np.ascontiguousarray(value).tobytes()
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
