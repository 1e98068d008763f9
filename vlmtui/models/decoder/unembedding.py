"""The unembedding: logits from the residual stream after a decoder layer, as the model itself computes them."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from vlmtui.errors import ModelError
from vlmtui.models.families.decoder_structure import decoder_layers, decoder_of, final_norm, residual_streams

Finish = Callable[[Tensor], Tensor]
_IDS = [0, 1, 2, 3]
_BLOCK_BYTES = 64 << 20
_RAMP_END = 60.0  # beyond the bend of every soft cap in use


class Unembedding:
    """Final norm, output head, and the model's scaling or soft cap of its logits.

    Families differ in the last step, and not as their configs say: the same text model caps or scales its logits
    inside one vision-language model and not inside another. So the step is measured: the head's output is replaced by
    known numbers, and compared with the logits that the model returns.
    """

    def __init__(self, model: Any, name: str) -> None:
        head = model.get_output_embeddings()
        if head is None:
            raise ModelError(f"{name} has no language model, so no logits: choose a vision-language model")
        decoder = decoder_of(model)
        if why := why_no_stream(model, name):
            raise ModelError(why)
        self._norm = final_norm(decoder, name)
        # OPT of some sizes is wider inside than its embeddings
        self._narrow: nn.Module | None = getattr(decoder, "project_out", None)
        self._head: Any = head
        self._finish = _measured_finish(model, head, name)
        self._float32: tuple[nn.Module, nn.Module | None] | None = None
        self.rows = int(head.weight.shape[0])

    @torch.no_grad()
    def __call__(self, states: Tensor) -> Tensor:
        """The logits [..., rows] of the residual stream after a decoder layer [..., hidden], before any final norm."""
        normed = self._norm(states)
        if self._narrow is not None:
            normed = self._narrow(normed)
        return self._finish(self._head(normed))

    @torch.no_grad()
    def float32(self, states: Tensor) -> Tensor:
        """The logits [n, rows] of states [n, hidden] computed in float32, whatever the model's dtype.

        In 16 bits many of a vocabulary's largest logits round to the same number. The head's rows are converted block
        by block.
        """
        if not self._coarse:
            return self(states.to(self._norm_dtype())).float()
        if self._float32 is None:
            narrow = None if self._narrow is None else copy.deepcopy(self._narrow).float()
            self._float32 = copy.deepcopy(self._norm).float(), narrow
        norm, narrow = self._float32
        normed = norm(states.float())
        return self._float32_logits(normed if narrow is None else narrow(normed))

    def from_output(self, output: Tensor, coarse: bool = False) -> Tensor:
        """The logits [n, rows], float32, of the decoder's output [n, hidden], which is after its final norm.

        `coarse` computes them in the model's own dtype, so a gradient needs no float32 copy of the head.
        """
        if coarse or not self._coarse:
            return self._finish(self._head(output)).float()
        return self._float32_logits(output.float())

    @property
    def _coarse(self) -> bool:
        """Whether logits in the head's own dtype are rounded to 16 bits."""
        dtype: torch.dtype = self._head.weight.dtype
        return dtype.is_floating_point and dtype != torch.float32

    def _float32_logits(self, normed: Tensor) -> Tensor:
        """The logits of float32 states [n, hidden], the head's rows converted to float32 block by block."""
        weight: Tensor = self._head.weight
        bias: Tensor | None = getattr(self._head, "bias", None)
        logits = torch.empty(len(normed), self.rows, device=normed.device)
        step = max(1, _BLOCK_BYTES // (4 * weight.shape[1]))
        for start in range(0, self.rows, step):
            part = slice(start, start + step)
            logits[:, part] = nn.functional.linear(
                normed, weight[part].float(), None if bias is None else bias[part].float()
            )
        return self._finish(logits)

    def _norm_dtype(self) -> torch.dtype:
        return next((p.dtype for p in self._norm.parameters()), torch.float32)


def refuse_without_answers(model: Any, name: str) -> None:
    """Raise `ModelError` for a language model whose answers are not read.

    One with an encoder (T5), which its image tokens enter; one that puts them in by itself (Kosmos-2), so that they can
    be neither replaced nor differentiated, and computes attention in a way of its own.
    """
    if encoder_of(model) is not None:
        raise ModelError(_encoder_decoder(name))
    if "image_embeds" in inspect.signature(decoder_of(model).forward).parameters:
        raise ModelError(
            f"the decoder of {name} puts the image's tokens in by itself, and its answers are not read: look at its "
            "stages llm.1 and later instead"
        )


def _encoder_decoder(name: str) -> str:
    return (
        f"the language model of {name} is an encoder–decoder, whose layers and answers vlmtui does not read: look at "
        "vision stages or tokens instead"
    )


def why_no_stream(model: Any, name: str) -> str:
    """Why no residual stream can be read between the layers of a language model, a sentence, or ""."""
    if encoder_of(model) is not None:
        return _encoder_decoder(name)
    if (count := residual_streams(decoder_of(model))) > 1:
        return (
            f"the language model of {name} keeps {count} residual streams for each token, so no llm "
            "stage has one vector a token: look at vision stages or tokens instead, or ask"
        )
    return ""


def encoder_of(model: Any) -> Any:
    """The encoder of a language model that has one (T5, BART), which its image tokens enter; else None."""
    if not getattr(model.config.get_text_config(), "is_encoder_decoder", False):
        return None
    inner = getattr(model, "model", model)
    return inner.language_model.get_encoder()


def layers_of(decoder: Any, name: str) -> nn.ModuleList:
    """The layers of a decoder; `ModelError` where it has none, or where they go by no name that is known."""
    found = decoder_layers(decoder)
    if found is None:
        raise ModelError(f"the decoder of {name} has no layers that vlmtui recognises: choose another model")
    return found


@torch.no_grad()
def _measured_finish(model: Any, head: nn.Module, name: str) -> Finish:
    """The function that the model applies to the output of its head, by measurement."""
    given: list[Tensor] = []

    def replaced(_: nn.Module, __: Any, output: Tensor) -> Tensor:
        ramp = torch.linspace(-_RAMP_END, _RAMP_END, output.shape[-1], device=output.device).to(output.dtype)
        given.append(ramp.expand_as(output))
        return given[-1]

    hook = head.register_forward_hook(replaced)
    try:
        ids = torch.tensor([_IDS], device=next(head.parameters()).device)
        made = text_model(model)(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
    finally:
        hook.remove()
    for finish in _finishes(model.config):
        if given and torch.allclose(finish(given[-1]).float(), made.float(), rtol=1e-2, atol=1e-2):
            return finish
    raise ModelError(f"{name} computes its logits in a way vlmtui does not support: choose another model")


def text_model(model: Any) -> Any:
    """The module that computes logits without an image, which the forward pass of BLIP-2 and Kosmos-2 requires."""
    inner = getattr(model, "text_model", None)
    if hasattr(inner, "lm_head"):
        return inner
    pixels = inspect.signature(model.forward).parameters.get("pixel_values")
    needed = pixels is not None and pixels.default is pixels.empty
    return model.language_model if needed else model


def _finishes(config: Any) -> Iterator[Finish]:
    """The functions that families apply to logits, with the numbers of this config, the simplest first."""
    text = config.get_text_config()
    cap = getattr(text, "final_logit_softcapping", None)
    divisor = getattr(text, "logits_scaling", None)
    scales: list[Finish] = [lambda logits: logits]
    if divisor:
        scales += [lambda logits: logits / divisor, lambda logits: logits * divisor]
    for factor in (getattr(text, "logit_scale", None), getattr(text, "output_multiplier", None)):
        if factor:
            scales.append(lambda logits, factor=factor: logits * factor)  # type: ignore[misc]
    yield from scales
    if cap:
        for scale in scales:
            yield lambda logits, scale=scale: torch.tanh(scale(logits) / cap) * cap  # type: ignore[misc]
