"""The one place where a tensor becomes an array."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor


def array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """A copy on the CPU, bfloat16 as float32."""
    tensor = tensor.detach().cpu()
    return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy().copy()
