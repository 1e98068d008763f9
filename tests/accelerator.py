"""A device apart from the CPU, where there is none: `gpu:0`, whose tensors refuse to be mixed with the CPU's.

They hold their numbers on the CPU all the same, so what is computed there is what the CPU computes. torch knows the
device from `install` on, for as long as the process lives: use it in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch.utils._device import _device_constructors
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

NAME = "gpu"
aten = torch.ops.aten
# torch would make these empty first, and let the kernel resize them
_FACTORIES = (aten.arange.default, aten.arange.start, aten.arange.start_step)
_INDEXING = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default}

# torch forgets what is in one that nothing holds
_LIBRARIES: list[torch.library.Library] = []


class Apart(torch.Tensor):
    """A tensor of the device; `inner` has its numbers, strides and storage."""

    inner: torch.Tensor

    @staticmethod
    def __new__(cls, inner: torch.Tensor) -> Apart:
        made = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=torch.device(NAME, 0),
        )
        made.inner = inner
        return made

    @classmethod
    def __torch_dispatch__(
        cls, operator: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return _run(operator, args, kwargs or {})

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"{NAME}: {self.inner!r}"

    def __getitem__(self, at: Any) -> Any:
        return super().__getitem__(_as_tensors(at))

    def __setitem__(self, at: Any, value: Any) -> None:
        super().__setitem__(_as_tensors(at), value)


def _as_tensors(at: Any) -> Any:
    """What indexes a tensor, with its lists as tensors: torch would make them below all that Python sees."""
    if isinstance(at, tuple):
        return tuple(_as_tensors(each) for each in at)
    return torch.tensor(at) if isinstance(at, list) else at


def _run(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The operator on the numbers of its tensors; RuntimeError where they are of two devices."""
    if torch._C._dispatch_has_kernel_for_dispatch_key(operator.name(), "CompositeImplicitAutograd"):
        return operator.decompose(*args, **kwargs)  # it is made of others, each of which comes here
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
    apart = {id(tensor.inner): tensor for tensor in tensors if isinstance(tensor, Apart)}
    there = bool(apart)
    if (device := kwargs.get("device")) is not None:
        there = torch.device(device).type == NAME
        kwargs = kwargs | {"device": torch.device("cpu")}
    elif apart and operator != aten.copy_.default and _mixed(operator, args, tensors):
        raise RuntimeError(f"{operator}: expected all tensors to be on the same device, {NAME} or cpu")
    args, kwargs = tree_map(lambda leaf: leaf.inner if isinstance(leaf, Apart) else leaf, (args, kwargs))
    made = operator(*args, **kwargs)
    if not there:
        return made
    # what is changed in place stays the same tensor
    return tree_map(lambda leaf: apart.get(id(leaf), Apart(leaf)) if isinstance(leaf, torch.Tensor) else leaf, made)


def _called(operator: Any, *args: Any, **kwargs: Any) -> Any:
    return _run(operator, args, kwargs)


def _mixed(operator: Any, args: tuple[Any, ...], tensors: list[torch.Tensor]) -> bool:
    """Whether CUDA would refuse: a number alone may be anywhere, and a tensor there be indexed from the CPU."""
    if operator in _INDEXING and isinstance(args[0], Apart):
        tensors = tree_leaves((args[0], args[2:]))
    return any(isinstance(one, torch.Tensor) and not isinstance(one, Apart) and one.ndim for one in tensors)


def _made_near(make: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """torch makes a tensor of Python's numbers below all that can be written in Python."""

    def made(*args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
        there = device is not None and torch.device(device).type == NAME
        args = tree_map(lambda leaf: leaf.item() if isinstance(leaf, Apart) and not leaf.ndim else leaf, args)
        near = make(*args, device="cpu" if there else device, **kwargs)
        return near.to(device) if there else near

    return made


def install() -> None:
    """Let torch know the device."""
    _setup_privateuseone_for_python_backend(NAME)
    library = torch.library.Library("_", "IMPL")
    library.fallback(_called, "PrivateUse1")
    factories = torch.library.Library("aten", "IMPL")
    for operator in _FACTORIES:
        factories.impl(operator, partial(_called, operator), "PrivateUse1")
    _LIBRARIES.extend((library, factories))
    _device_constructors()  # keeps the functions as they are, for `with torch.device(...)`
    torch.tensor, torch.as_tensor = _made_near(torch.tensor), _made_near(torch.as_tensor)
    listed = torch.Tensor.tolist
    torch.Tensor.tolist = lambda tensor: listed(tensor.cpu())  # type: ignore[method-assign]
    torch.__future__.set_swap_module_params_on_conversion(True)  # tied weights stay one, as on a GPU
