"""Structure of decoders: their layers, final norm and residual streams, by the names that families give them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vlmtui.errors import ModelError

if TYPE_CHECKING:
    from torch import nn

_LAYERS = ("layers", "h", "block", "blocks")
# tables of positions that are added to the embeddings before the first layer
_POSITIONS = ("embed_positions", "wpe")
_FINAL_NORMS = ("norm", "final_layernorm", "final_layer_norm", "embedding_norm", "ln_f", "norm_f", "layer_norm")
# the number of streams that hyper-connections mix, or AltUp (Gemma 3n)
_STREAMS = ("hc_mult", "hc_count", "altup_num_inputs")


def decoder_of(model: Any) -> Any:
    """The module with a language model's layers and final norm, however deeply it is wrapped."""
    decoder = model.get_decoder()
    while hasattr(decoder, "get_decoder") and (inner := decoder.get_decoder()) is not None and inner is not decoder:
        decoder = inner
    # a language model that does not name its decoder (Kosmos-2) is what it keeps its embeddings in
    while decoder is not model and getattr(decoder, "model", None) is not None and hasattr(decoder, "lm_head"):
        decoder = decoder.model
    return decoder


def decoder_layers(decoder: nn.Module) -> nn.ModuleList | None:
    """A decoder's layers; None where it has none, or where they go by no name that is known."""
    from torch import nn

    found = (getattr(decoder, name, None) for name in _LAYERS)
    return next((layers for layers in found if isinstance(layers, nn.ModuleList) and len(layers)), None)


def find_final_norm(decoder: nn.Module) -> nn.Module | None:
    """The norm after a decoder's last layer; None where it goes by no name that is known."""
    from torch import nn

    found = (getattr(decoder, name, None) for name in _FINAL_NORMS)
    return next((module for module in found if isinstance(module, nn.Module)), None)


def final_norm(decoder: nn.Module, name: str) -> nn.Module:
    """The norm after a decoder's last layer; `ModelError` where it goes by no name that is known."""
    found = find_final_norm(decoder)
    if found is None:
        raise ModelError(f"the decoder of {name} has no final norm that vlmtui recognises: choose another model")
    return found


def residual_streams(decoder: nn.Module) -> int:
    """How many vectors a decoder keeps for each token between its layers: with hyper-connections or AltUp several.

    Its first layer then receives copies of the token's vector, or projections of it.
    """
    config = getattr(decoder, "config", None)
    counts = (getattr(config, name, None) for name in _STREAMS)
    return max((int(count) for count in counts if isinstance(count, int)), default=1)


def changes_embeddings(decoder: nn.Module) -> bool:
    """Whether a decoder adds positions to what it is given (OPT, GPT-2), or copies it into several streams."""
    return residual_streams(decoder) > 1 or any(hasattr(decoder, name) for name in _POSITIONS)
