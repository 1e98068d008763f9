"""Attention capture: a decoder's attention weights, block of rows by block, without all of them in memory at once.

During the capture the decoder computes as in the library's eager mode; before and after it runs in its own mode.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS, AttentionMaskInterface, eager_mask
from transformers.modeling_utils import AttentionInterface

from vlmtui.errors import ModelError

# the layer from 1, the first row of the block, its weights [heads, rows, positions]
Weights = Callable[[int, int, Tensor], None]
# the layer from 1, and which positions each position may attend to, bool [positions, positions]
Allowed = Callable[[int, Tensor], None]
_BLOCK_BYTES = 128 << 20
_COPIES = 3  # of a block of weights: the products, their softmax in float32, that in the model's dtype


@contextmanager
def capture_attention(
    decoder: Any, layers: nn.ModuleList, name: str, weights: Weights, allowed: Allowed | None = None
) -> Iterator[None]:
    """A context in which `weights` is called with every block of rows of every layer's attention, in order.

    `allowed` is called with every layer's mask before. An exception from either ends the pass.
    """
    numbers = {part: i for i, layer in enumerate(layers, 1) for part in layer.modules()}

    def attend(
        module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
    ) -> tuple[Tensor, None]:
        layer, rows, positions = numbers[module], query.shape[2], key.shape[2]
        eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
        if eager is None or attention_mask is None:
            raise _unknown(name)
        if allowed is not None:
            allowed(layer, _open(attention_mask)[0, 0])
        step = max(1, _BLOCK_BYTES // (_COPIES * 4 * query.shape[1] * positions))
        outputs = []
        for start in range(0, rows, step):
            part = slice(start, start + step)
            output, found = eager(module, query[:, :, part], key, value, attention_mask[:, :, part], **options)
            weights(layer, start, found[0])
            outputs.append(output)
        return torch.cat(outputs, dim=1), None

    configs = {id(part.config): part.config for part in decoder.modules() if hasattr(part, "config")}
    before = {key: config._attn_implementation for key, config in configs.items()}
    own = f"vlmtui-{uuid.uuid4().hex}"
    AttentionInterface.register(own, attend)
    AttentionMaskInterface.register(own, eager_mask)
    assert own in ALL_MASK_ATTENTION_FUNCTIONS
    try:
        for config in configs.values():
            config._attn_implementation = own
        yield
    finally:
        for key, config in configs.items():
            config._attn_implementation = before[key]
        del AttentionInterface._global_mapping[own], AttentionMaskInterface._global_mapping[own]


def _open(mask: Tensor) -> Tensor:
    """A mask as bool. Eager mode adds it to the scores, so masked positions have about the least finite number."""
    return mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2


def _unknown(name: str) -> ModelError:
    return ModelError(
        f"the attention of {name}'s language model is implemented in a way vlmtui does not support: "
        "choose another model"
    )
