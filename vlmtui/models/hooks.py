"""Forward hooks that read a module's input and end the forward pass there."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import vlmtui
from vlmtui.errors import ModelError, lacks_memory, one_line

if TYPE_CHECKING:
    from torch import Tensor, nn


class StopForward(Exception):  # noqa: N818
    """Raised in a hook to end a forward pass whose remaining modules are not needed."""


@contextmanager
def forward_pass(name: str) -> Iterator[None]:
    """In this block what a model's own code raises is a `ModelError`, but for what its inputs have no part in: too
    little memory, a fault of the GPU, a mistake of this package."""
    try:
        yield
    except (TypeError, ValueError, IndexError, KeyError, AttributeError, RuntimeError) as error:
        if lacks_memory(error) or "CUDA error" in str(error) or _is_ours(error):
            raise
        raise ModelError(
            f"the forward pass of {name} rejects its processor's output ({type(error).__name__}: {one_line(error)}): "
            "its config.json, weights and processor do not belong together, or its family is not supported"
        ) from error


def _is_ours(error: Exception) -> bool:
    """Whether the line that failed is this package's: a wrong call of torch's is told by a `RuntimeError`."""
    *_, last = traceback.walk_tb(error.__traceback__)
    in_package = Path(last[0].f_code.co_filename).is_relative_to(Path(vlmtui.__file__).parent)
    return in_package and not isinstance(error, RuntimeError)


class CapturedInput:
    """A context in which the first input of a module is captured and the forward pass ends there.

    The input is the module's first argument, or the argument called `keyword`.
    """

    def __init__(self, module: nn.Module, keyword: str) -> None:
        self._module, self._keyword = module, keyword
        self._captured: Tensor | None = None

    def __enter__(self) -> None:
        self._hook = self._module.register_forward_pre_hook(self._capture, with_kwargs=True)

    def _capture(self, _: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self._captured = options[self._keyword] if self._keyword in options else args[0]
        raise StopForward

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._hook.remove()
        return kind is StopForward

    def value(self, ids: Tensor, name: str) -> Tensor:
        """The captured input [1, positions, hidden]; `ModelError` unless it has every position of `ids`."""
        return _checked(self._captured, ids, name)


class LastInput:
    """A context in which the last hidden states are captured that a child of `parent` receives, in a whole pass.

    Of a decoder without layers they are what its first layer would receive, whatever the children are called.
    """

    def __init__(self, parent: nn.Module) -> None:
        self._parent = parent
        self._captured: Tensor | None = None

    def __enter__(self) -> None:
        children = self._parent.children()
        self._hooks = [child.register_forward_pre_hook(self._capture, with_kwargs=True) for child in children]

    def _capture(self, _: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        for given in (*args[:1], *options.values()):
            if getattr(given, "ndim", 0) == 3 and given.is_floating_point():
                self._captured = given
                break

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()

    def value(self, ids: Tensor, name: str) -> Tensor:
        """As `CapturedInput.value`."""
        return _checked(self._captured, ids, name)


def _checked(captured: Tensor | None, ids: Tensor, name: str) -> Tensor:
    if captured is None or captured.shape[:2] != ids.shape:
        raise ModelError(f"the decoder of {name} is implemented in a way vlmtui does not support: choose another model")
    return captured
