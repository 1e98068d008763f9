"""The model's own answer, token by token, and what it takes to look at how it came about.

The answer is that of the library's `generate`, so every family goes its own way there: its positions, its masks, its
cache. For what is asked afterwards, prompt and answer are held together (`models.forced`).
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

from vlmtui.errors import ModelError, UsageError
from vlmtui.models.decoder.full_model import arguments_of
from vlmtui.models.decoder.teacher_forcing import TeacherForcing, TokenReplacement, changed
from vlmtui.models.decoder.unembedding import Unembedding, decoder_of, speaker
from vlmtui.models.loading.loader import LoadedModel
from vlmtui.models.loading.processor import Inputs


@dataclass(frozen=True)
class GeneratedToken:
    """One token of an answer: its id, and its log-probability (natural logarithm) before any temperature."""

    id: int
    log_prob: float


@dataclass(frozen=True)
class GeneratedAnswer:
    """An answer. `finished` says that the model would say nothing more: also where that was not asked for any more."""

    said: list[GeneratedToken]
    finished: bool


OnToken = Callable[[GeneratedToken], None]


@dataclass(frozen=True)
class GenerationOptions:
    """How to answer: greedily, or with a temperature above 0 by sampling, the same for the same seed."""

    max_new_tokens: int = 128
    temperature: float | None = None
    seed: int = 0


class Generator:
    """A model loaded with all of its decoder's layers (`decoder_layers=None`), asked for its answers."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._model, self._name, self._device = loaded.model, loaded.name, loaded.device
        self._image_token = int(loaded.config.image_token_id)
        self._decoder = decoder_of(loaded.model)
        if not getattr(self._decoder, "layers", None):
            raise ModelError(f"the decoder of {loaded.name} has no layers that vlmtui knows: choose another model")

    @cached_property
    def _head(self) -> Unembedding:
        return Unembedding(self._model, self._name)

    @torch.no_grad()
    def answer(
        self,
        inputs: Inputs,
        on_token: OnToken = lambda said: None,
        saying: GenerationOptions = GenerationOptions(),
        change: TokenReplacement | None = None,
        on_layer: Callable[[int, int], None] = lambda done, total: None,
    ) -> GeneratedAnswer:
        """The answer to a prompt, its end-of-sequence token included where there was room for it.

        `on_token` is given every token as it is said; before the first one `on_layer` hears how many layers of how many
        have read the prompt. What either raises ends the answer. With `change` image tokens are
        replaced before the decoder receives them. `UsageError` for numbers that make no answer.
        """
        if saying.max_new_tokens < 1:
            raise UsageError(f"an answer of {saying.max_new_tokens} tokens cannot be given: choose at least 1")
        if saying.temperature is not None and not 0 < saying.temperature < float("inf"):
            raise UsageError(f"{saying.temperature:g} is no temperature: choose one above 0, or leave it out")
        listener = _Listener(on_token, saying.max_new_tokens)
        arguments = arguments_of(self._model, inputs, self._image_token, self._device)
        prompt = int(arguments["input_ids"].shape[1])
        places = torch.nonzero(arguments["input_ids"][0] == self._image_token).flatten()
        options: dict[str, Any] = {"do_sample": False}
        if saying.temperature is not None:
            options = {"do_sample": True, "temperature": saying.temperature}
        with (
            self._heard(listener),
            self._passed(listener, on_layer),
            nullcontext() if change is None else self._replaced(places, prompt, change),
            nullcontext() if saying.temperature is None else self._seeded(saying.seed),
        ):
            self._model.generate(
                **self._taken(arguments),
                use_cache=True,
                # one more than is told: whether it would have gone on
                max_new_tokens=saying.max_new_tokens + 1,
                num_beams=1,
                streamer=listener,
                disable_compile=True,
                **options,
            )
        return GeneratedAnswer(listener.said, listener.following is None or listener.following in self._ends())

    def _ends(self) -> set[int]:
        """The ids that end an answer."""
        ends = speaker(self._model).generation_config.eos_token_id
        return set() if ends is None else {ends} if isinstance(ends, int) else set(ends)

    def _taken(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Those that `generate` lets through: of what image processors make, some is for their own processors alone."""
        known = {
            *inspect.signature(self._model.forward).parameters,
            *inspect.signature(self._model.generate).parameters,
        }
        return {key: value for key, value in arguments.items() if key in known and key != "use_cache"}

    def force(self, inputs: Inputs, answer: Sequence[int]) -> TeacherForcing:
        """The prompt with this answer to it, to be looked at; `UsageError` where it is empty or is itself a picture."""
        if not answer:
            raise UsageError("the answer is empty: ask another question")
        if self._image_token in answer[:-1]:
            # generated it was a word like others; read with the prompt it stands for a picture that is not there
            raise UsageError(
                f"the answer of {self._name} holds its own token for a picture, so it cannot be read again with the "
                "prompt to be looked at: ask another question"
            )
        arguments = arguments_of(self._model, inputs, self._image_token, self._device)
        prompt, more = int(arguments["input_ids"].shape[1]), len(answer) - 1
        # the family's own rule for what an answer adds: PaliGemma's is not part of what is attended to both ways
        kept = {key: value for key, value in arguments.items() if key != "input_ids"}
        arguments = self._model._update_model_kwargs_for_generation({}, kept, num_new_tokens=more) if more else kept
        ids = inputs.input_ids
        assert ids is not None
        spoken = torch.tensor([list(answer[:-1])], dtype=ids.dtype)
        arguments |= {"input_ids": torch.cat([ids, spoken], dim=1).to(self._device)}
        return TeacherForcing(
            self._model, arguments, prompt, answer, self._decoder, self._head, self._image_token, self._name
        )

    @contextmanager
    def _heard(self, listener: _Listener) -> Iterator[None]:
        """The logits that every token is chosen from are heard where the language model puts them out."""

        def hear(_: nn.Module, __: Any, output: Any) -> None:
            listener.hear(output.logits[0, -1])

        hook = speaker(self._model).register_forward_hook(hear)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def _passed(self, listener: _Listener, on_layer: Callable[[int, int], None]) -> Iterator[None]:
        """Tells of the layers as they read the prompt, which may take as long as the rest of the answer."""
        layers: nn.ModuleList = self._decoder.layers

        def teller(layer: int) -> Callable[..., None]:
            def tell(*_: Any) -> None:
                if not listener.said:
                    on_layer(layer, len(layers))

            return tell

        hooks = [layer.register_forward_hook(teller(i)) for i, layer in enumerate(layers, 1)]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    @contextmanager
    def _replaced(self, places: Tensor, prompt: int, change: TokenReplacement) -> Iterator[None]:
        """Image tokens are replaced as the decoder receives the prompt."""

        def replace(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, dict[str, Any]] | None:
            embeds = options.get("inputs_embeds")
            if embeds is None or embeds.shape[1] < prompt:  # a later token of the answer
                return None
            return args, options | changed(options, places, change)

        hook = self._decoder.register_forward_pre_hook(replace, with_kwargs=True)
        try:
            yield
        finally:
            hook.remove()

    @contextmanager
    def _seeded(self, seed: int) -> Iterator[None]:
        """Torch's random numbers from this seed, and afterwards as if none had been drawn."""
        devices = [self._device] if self._device.type == "cuda" else []
        with torch.random.fork_rng(devices):
            torch.manual_seed(seed)
            yield


class _Listener(BaseStreamer):  # type: ignore[misc]
    """What `generate` tells of each token: the logits first, then which one was chosen.

    `following` is the token after as many as the answer may have.
    """

    def __init__(self, on_token: OnToken, most: int) -> None:
        self.said: list[GeneratedToken] = []
        self.following: int | None = None
        self._on_token, self._most = on_token, most
        self._logits: deque[Tensor] = deque()

    def hear(self, logits: Tensor) -> None:
        """The logits [rows] of the next token."""
        self._logits.append(torch.log_softmax(logits.float(), dim=-1))

    def put(self, value: Tensor) -> None:
        """The library hands over the prompt first, then one token at a time."""
        if not self._logits:
            return
        token = int(value.flatten()[-1])
        if len(self.said) == self._most:
            self.following = token
            return
        said = GeneratedToken(token, float(self._logits.popleft()[token]))
        self.said.append(said)
        self._on_token(said)

    def end(self) -> None:
        """Nothing is held back."""
