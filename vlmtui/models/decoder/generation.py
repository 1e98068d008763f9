"""Generation: the model's answer to a prompt with an image, token by token.

The answer is that of the library's `generate`, so every family uses its own positions, masks and cache. Attribution
afterwards runs over prompt and answer together (`teacher_forcing`).
"""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers.generation.streamers import BaseStreamer

from vlmtui.errors import UsageError
from vlmtui.models.decoder.full_model import forward_arguments
from vlmtui.models.decoder.teacher_forcing import TeacherForcing, TokenReplacement, replaced_arguments
from vlmtui.models.decoder.unembedding import Unembedding, layers_of, refuse_without_answers, text_model
from vlmtui.models.families.decoder_structure import decoder_of
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs
from vlmtui.results.answers import LEAST_TEMPERATURE


@dataclass(frozen=True)
class GeneratedToken:
    """A token of an answer: its id, and its log-probability (natural logarithm) without temperature."""

    id: int
    log_prob: float


@dataclass(frozen=True)
class GeneratedAnswer:
    """The tokens of an answer. `finished` says that an end-of-sequence token ends it, be it the one after its limit."""

    tokens: list[GeneratedToken]
    finished: bool


OnToken = Callable[[GeneratedToken], None]


@dataclass(frozen=True)
class GenerationOptions:
    """Greedy decoding, or sampling with a temperature above 0, the same for the same seed."""

    max_new_tokens: int = 128
    temperature: float | None = None
    seed: int = 0


class Generator:
    """Answers of a model that was loaded with all decoder layers (`decoder_layers=None`)."""

    def __init__(self, loaded: LoadedModel) -> None:
        refuse_without_answers(loaded.model, loaded.name)
        self._model, self._name, self._device = loaded.model, loaded.name, loaded.device
        self._image_token = int(loaded.config.image_token_id)
        self._decoder = decoder_of(loaded.model)
        self._layers = layers_of(self._decoder, loaded.name)
        self._fault = loaded.generation_fault

    @cached_property
    def _head(self) -> Unembedding:
        return Unembedding(self._model, self._name)

    @torch.no_grad()
    def generate(
        self,
        inputs: Inputs,
        on_token: OnToken = lambda token: None,
        options: GenerationOptions = GenerationOptions(),
        change: TokenReplacement | None = None,
        on_layer: Callable[[int, int], None] = lambda done, total: None,
    ) -> GeneratedAnswer:
        """Generate the answer to a prompt, its end-of-sequence token included where the limit allows.

        `on_token` is called with every token; before the first one `on_layer` is called with the number of layers that
        have read the prompt, and of all layers. An exception from either ends the answer. With `change` image tokens
        are replaced before the decoder receives them. `UsageError` for options that give no answer, `ModelError` where
        the checkpoint does not say how it generates.
        """
        if self._fault is not None:
            raise self._fault
        if options.max_new_tokens < 1:
            raise UsageError(f"an answer cannot have {options.max_new_tokens} tokens: choose at least 1")
        if options.temperature is not None and not LEAST_TEMPERATURE <= options.temperature < float("inf"):
            raise UsageError(
                f"{options.temperature:g} is not a valid temperature: choose one of at least {LEAST_TEMPERATURE:g}, "
                "or leave it out"
            )
        listener = _Listener(on_token, options.max_new_tokens)
        arguments = forward_arguments(self._model, inputs, self._image_token, self._device)
        prompt = int(arguments["input_ids"].shape[1])
        places = torch.nonzero(arguments["input_ids"][0] == self._image_token).flatten()
        sampling: dict[str, Any] = {"do_sample": False}
        if options.temperature is not None:
            sampling = {"do_sample": True, "temperature": options.temperature}
        with (
            self._logits_heard(listener),
            self._layers_reported(listener, on_layer),
            nullcontext() if change is None else self._tokens_replaced(places, prompt, change),
            nullcontext() if options.temperature is None else self._seeded(options.seed),
        ):
            self._model.generate(
                **self._accepted(arguments),
                use_cache=True,
                # one more than the answer may have, to see whether it would have continued
                max_new_tokens=options.max_new_tokens + 1,
                num_beams=1,
                streamer=listener,
                disable_compile=True,
                **sampling,
            )
        return GeneratedAnswer(listener.tokens, listener.following is None or listener.following in self._end_ids())

    def _end_ids(self) -> set[int]:
        """The end-of-sequence ids."""
        ends = text_model(self._model).generation_config.eos_token_id
        return set() if ends is None else {ends} if isinstance(ends, int) else set(ends)

    def _accepted(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The arguments that `generate` accepts: some outputs of image processors are for their processors alone."""
        known = {
            *inspect.signature(self._model.forward).parameters,
            *inspect.signature(self._model.generate).parameters,
        }
        return {key: value for key, value in arguments.items() if key in known and key != "use_cache"}

    def teacher_force(self, inputs: Inputs, answer: Sequence[int]) -> TeacherForcing:
        """The prompt with this answer, for attribution; `UsageError` where it is empty or has an image token."""
        if not answer:
            raise UsageError("the answer is empty: ask another question")
        if self._image_token in answer[:-1]:
            # when generated it was a token like others; in a prompt it is the place of an image that is not there
            raise UsageError(
                f"the answer of {self._name} contains its own image token, so it cannot be read again together "
                "with the prompt: ask another question"
            )
        arguments = forward_arguments(self._model, inputs, self._image_token, self._device)
        prompt, more = int(arguments["input_ids"].shape[1]), len(answer) - 1
        # the family's own rule for an answer's tokens: PaliGemma's attention is bidirectional over the prompt alone
        kept = {key: value for key, value in arguments.items() if key != "input_ids"}
        arguments = self._model._update_model_kwargs_for_generation({}, kept, num_new_tokens=more) if more else kept
        ids = inputs.input_ids
        assert ids is not None
        following = torch.tensor([list(answer[:-1])], dtype=ids.dtype)
        arguments |= {"input_ids": torch.cat([ids, following], dim=1).to(self._device)}
        return TeacherForcing(
            self._model, arguments, prompt, answer, self._decoder, self._head, self._image_token, self._name
        )

    @contextmanager
    def _logits_heard(self, listener: _Listener) -> Iterator[None]:
        """A context in which the listener receives the logits of every token from the language model's output."""

        def hear(_: nn.Module, __: Any, output: Any) -> None:
            listener.hear(output.logits[0, -1])

        hook = text_model(self._model).register_forward_hook(hear)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def _layers_reported(self, listener: _Listener, on_layer: Callable[[int, int], None]) -> Iterator[None]:
        """A context that reports each layer as it reads the prompt, which may take as long as all that follows."""
        layers = self._layers

        def teller(layer: int) -> Callable[..., None]:
            def tell(*_: Any) -> None:
                if not listener.tokens:
                    on_layer(layer, len(layers))

            return tell

        hooks = [layer.register_forward_hook(teller(i)) for i, layer in enumerate(layers, 1)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def _tokens_replaced(self, places: Tensor, prompt: int, change: TokenReplacement) -> Iterator[None]:
        """A context in which image tokens are replaced as the decoder receives the prompt."""

        def replace(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
            embeds = options.get("inputs_embeds")
            if embeds is None or embeds.shape[1] < prompt:  # a later token of the answer
                return None
            return args, options | replaced_arguments(options, places, change)

        hook = self._decoder.register_forward_pre_hook(replace, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """A context with torch's random numbers from this seed, whose state is restored afterwards."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            yield


class _Listener(BaseStreamer):  # type: ignore[misc]
    """The tokens that `generate` reports, each after its logits.

    `following` is the token after the answer's limit.
    """

    def __init__(self, on_token: OnToken, most: int) -> None:
        self.tokens: list[GeneratedToken] = []
        self.following: int | None = None
        self._on_token, self._most = on_token, most
        self._logits: deque[Tensor] = deque()

    def hear(self, logits: Tensor) -> None:
        """Keep the log-probabilities of the next token from its logits [rows]."""
        self._logits.append(torch.log_softmax(logits.float(), dim=-1))

    def put(self, value: Tensor) -> None:
        """Receive the prompt from the library first, then one token at a time."""
        if not self._logits:
            return
        token = int(value.flatten()[-1])
        if len(self.tokens) == self._most:
            self.following = token
            return
        chosen = GeneratedToken(token, float(self._logits.popleft()[token]))
        self.tokens.append(chosen)
        self._on_token(chosen)

    def end(self) -> None:
        """Receive the end of the answer from the library."""
