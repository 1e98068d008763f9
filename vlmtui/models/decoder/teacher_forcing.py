"""Teacher forcing: a prompt and its answer in one pass, for log-probabilities, attention, gradients and ablations.

The decoder's inputs are captured once; then the decoder is run alone, with image tokens replaced or with gradients. The
vision tower and the projector are not run again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from vlmtui.errors import ModelError, OutOfMemoryError
from vlmtui.models.decoder.attention_capture import capture_attention
from vlmtui.models.decoder.batched_interventions import BUDGET, batched_arguments, interventions_a_pass
from vlmtui.models.decoder.unembedding import Unembedding, layers_of
from vlmtui.models.families.decoder_structure import final_norm
from vlmtui.models.hooks import StopForward
from vlmtui.models.loading.device import available_memory, gigabytes

Replacement = Literal["mean", "zero"]
_PER_STATE = 24  # vectors of the hidden width that a layer keeps for a position's gradient, about


@dataclass(frozen=True)
class TokenReplacement:
    """Image tokens to replace: their indices among the image's tokens, int64 [n], and the replacement.

    "mean" is the mean of all of the image's tokens, "zero" the zero vector. What the tower adds to them in later layers
    (Qwen3-VL's deepstack) is replaced in the same way.
    """

    tokens: Tensor
    by: Replacement


class TeacherForcing:
    """An image, a prompt and an answer, as inputs of the decoder.

    `places` int64 [tokens] are the image's positions, `answer` int64 [answer tokens]; `positions` counts the prompt's
    and the answer's, without its last token, which nothing follows.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        arguments: dict[str, Any],
        prompt: int,
        answer: Sequence[int],
        decoder: Any,
        head: Unembedding,
        image_token: int,
        name: str,
    ) -> None:
        """`run(**arguments)` is the model's own forward pass over prompt and answer."""
        self._run, self._arguments, self._prompt = run, arguments, prompt
        self._decoder, self._layers, self._head, self._name = decoder, layers_of(decoder, name), head, name
        ids: Tensor = arguments["input_ids"]
        self.answer = torch.tensor(list(answer), dtype=torch.int64)
        self.positions = int(ids.shape[1])
        self.places = torch.nonzero(ids[0] == image_token).flatten()
        assert self.positions == prompt + len(answer) - 1, "every token of the answer but the last is followed by one"
        self._given: dict[str, Any] | None = None

    @property
    def answer_positions(self) -> slice:
        """The positions whose logits each token of the answer was chosen from."""
        return slice(self._prompt - 1, self._prompt - 1 + len(self.answer))

    @property
    def attention_layers(self) -> tuple[int, ...]:
        """The layers, counted from 1, that have attention weights: of a hybrid decoder not all."""
        kinds = getattr(self._decoder.config, "layer_types", None) or ["full_attention"] * len(self._layers)
        numbered = enumerate(kinds[: len(self._layers)], 1)
        return tuple(layer for layer, kind in numbered if kind.endswith("attention") and not kind.startswith("linear"))

    @torch.no_grad()
    def log_probs(self, change: TokenReplacement | None = None) -> Tensor:
        """The log-probability of every token of the answer, float32 [answer tokens], natural logarithm, on the CPU."""
        given = self._decoder_arguments()
        if change is not None:
            given = given | replaced_arguments(given, self.places, change)
        return self._of_answer(self._logits(given)).cpu()

    @torch.no_grad()
    def log_probs_of(self, changes: Sequence[TokenReplacement], budget: int = BUDGET) -> Iterator[Tensor]:
        """As `log_probs` for each of these replacements, as many in one pass as a budget of bytes allows.

        One by one where the decoder's arguments cannot be batched.
        """
        given, rows = self._decoder_arguments(), self._head.rows
        step = interventions_a_pass(given["inputs_embeds"], self._decoder.config, 2 * len(self.answer) * rows, budget)
        for start in range(0, len(changes), step):
            some = changes[start : start + step]
            wide = (
                batched_arguments(given, [replaced_arguments(given, self.places, change) for change in some])
                if len(some) > 1
                else None
            )
            if wide is None:
                for change in some:
                    yield self.log_probs(change)
                continue
            output: Tensor = self._decoder(**wide)[0]
            if output.shape[:2] != (len(some), self.positions):
                raise self._unknown()
            for row in output:
                yield self._of_answer(self._head.from_output(row[self.answer_positions])).cpu()

    def gradient(self, token: int | None) -> Tensor:
        """Gradient × input of an answer token's log-probability, or with None of the whole answer's.

        The derivative by every image token as it enters the decoder, times that token, summed over its hidden width:
        float32 [tokens], on the CPU (Simonyan et al. 2013; Shrikumar et al. 2016). `OutOfMemoryError` where the
        activations that the gradient needs do not fit in memory.
        """
        given = self._decoder_arguments()
        self._check_memory(given["inputs_embeds"])
        entered: Tensor = given["inputs_embeds"].detach().clone().requires_grad_(True)
        try:
            with torch.enable_grad():
                log_probs = self._of_answer(self._logits(given | {"inputs_embeds": entered}, coarse=True))
                of = log_probs.sum() if token is None else log_probs[token]
                slope: Tensor = torch.autograd.grad(of, entered)[0]
        except torch.OutOfMemoryError as error:
            raise self._too_large() from error
        return (slope.float() * entered.detach().float())[0, self.places].sum(dim=-1).cpu()

    @torch.no_grad()
    def attention(self, seen: Callable[[int, Tensor], None]) -> None:
        """Pass each of `attention_layers`, and the attention of the answer's tokens there, to `seen`.

        The weights are [heads, answer tokens, positions], at the positions that each token was chosen from, computed in
        the library's eager mode. An exception from `seen` ends the pass.
        """
        at = self.answer_positions
        rows: list[Tensor] = []

        def block(layer: int, start: int, weights: Tensor) -> None:
            wanted = weights[:, max(0, at.start - start) : max(0, at.stop - start)]
            if wanted.shape[1]:
                rows.append(wanted.clone())
            if start + weights.shape[1] == self.positions:
                seen(layer, torch.cat(rows, dim=1))
                rows.clear()

        self._capture_attention(block)

    @torch.no_grad()
    def mean_attention(self, seen: Callable[[int, Tensor], None]) -> None:
        """Pass each of `attention_layers`, and its attention averaged over heads, to `seen`.

        The mean is float32 [positions, positions]. One layer is in memory at a time. An exception from `seen` ends the
        pass.
        """
        mean = torch.empty(self.positions, self.positions, device=self.places.device)

        def block(layer: int, start: int, weights: Tensor) -> None:
            mean[start : start + weights.shape[1]] = weights.mean(dim=0, dtype=torch.float32)
            if start + weights.shape[1] == self.positions:
                seen(layer, mean)

        self._capture_attention(block)

    @torch.no_grad()
    def mask(self, layer: int) -> Tensor:
        """The attention mask of one of `attention_layers`: bool [positions, positions], on the CPU.

        As the model itself makes it: causal, bidirectional over an image or a prompt, or within a window.
        """
        found: list[Tensor] = []

        def allowed(at: int, mask: Tensor) -> None:
            if at == layer:
                found.append(mask.cpu())
                raise StopForward

        self._capture_attention(lambda *_: None, allowed)
        if not found:
            raise self._unknown()
        return found[0]

    # -- the passes

    def _capture_attention(
        self,
        weights: Callable[[int, int, Tensor], None],
        allowed: Callable[[int, Tensor], None] | None = None,
    ) -> None:
        """The model's own pass, with its own masks, up to the final norm."""
        seen = 0

        def counted(layer: int, start: int, found: Tensor) -> None:
            nonlocal seen
            seen += start == 0
            weights(layer, start, found)

        def stop(*_: Any) -> None:
            raise StopForward

        hook = final_norm(self._decoder, self._name).register_forward_pre_hook(stop)
        try:
            with capture_attention(self._decoder, self._layers, self._name, counted, allowed), suppress(StopForward):
                self._run(**self._arguments)
        finally:
            hook.remove()
        if allowed is None and seen != len(self.attention_layers):
            raise self._unknown()

    def _decoder_arguments(self) -> dict[str, Any]:
        """The decoder's arguments in the model's own pass, by name."""
        if self._given is None:
            names = inspect.signature(self._decoder.forward)

            def catch(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
                bound = names.bind(*args, **options)
                bound.arguments |= bound.arguments.pop("kwargs", {})
                self._given = dict(bound.arguments)
                raise StopForward

            hook = self._decoder.register_forward_pre_hook(catch, with_kwargs=True)
            try:
                with torch.no_grad(), suppress(StopForward):
                    self._run(**self._arguments)
            finally:
                hook.remove()
        given = self._given
        if given is None or given.get("inputs_embeds") is None:
            raise self._unknown()
        return given

    def _logits(self, given: dict[str, Any], coarse: bool = False) -> Tensor:
        """The logits that each token of the answer was chosen from, float32 [answer tokens, rows]."""
        output: Tensor = self._decoder(**given)[0]
        if output.shape[:2] != (1, self.positions):
            raise self._unknown()
        return self._head.from_output(output[0, self.answer_positions], coarse)

    def _of_answer(self, logits: Tensor) -> Tensor:
        return torch.log_softmax(logits, dim=-1).gather(1, self.answer.to(logits.device)[:, None])[:, 0]

    def _check_memory(self, entered: Tensor) -> None:
        """Refuse a gradient that does not fit in RAM, since the system would otherwise end the process."""
        wide = getattr(self._decoder.config, "intermediate_size", 0)
        wide = wide if isinstance(wide, int) else max(wide, default=0)
        numbers = len(self._layers) * self.positions * (_PER_STATE * entered.shape[-1] + 4 * wide)
        need, free = numbers * entered.element_size(), available_memory()
        if entered.device.type == "cpu" and free is not None and need > free:
            raise self._too_large(f" (it needs about {gigabytes(need)}, and {gigabytes(free)} are available)")

    def _too_large(self, numbers: str = "") -> OutOfMemoryError:
        return OutOfMemoryError(
            f"there is not enough memory for a gradient through {self._name} over {self.positions} "
            f"positions{numbers}: use attention or ablation instead, or choose a smaller model"
        )

    def _unknown(self) -> ModelError:
        return ModelError(
            f"the decoder of {self._name} is implemented in a way vlmtui does not support: choose another model"
        )


def replaced_arguments(given: dict[str, Any], places: Tensor, change: TokenReplacement) -> dict[str, Any]:
    """The decoder's arguments that differ where image tokens are replaced; `places` are the image's positions."""
    embeds: Tensor = given["inputs_embeds"].clone()
    embeds[0, places] = _replaced(embeds[0, places], change)
    # each [tokens, hidden]: what the decoder adds to the image's positions after its first layers
    added = given.get("deepstack_visual_embeds")
    others = {} if added is None else {"deepstack_visual_embeds": [_replaced(part, change) for part in added]}
    return {"inputs_embeds": embeds, **others}


def _replaced(tokens: Tensor, change: TokenReplacement) -> Tensor:
    replaced = tokens.clone()
    replacement = tokens.float().mean(dim=0).to(tokens.dtype) if change.by == "mean" else torch.zeros_like(tokens[0])
    replaced[change.tokens.to(tokens.device)] = replacement
    return replaced
