"""Device and dtype of a model: choosing them, and checking that the model fits into memory."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vlmtui.errors import ModelError, OutOfMemoryError, UsageError
from vlmtui.memory import available_memory as available_memory
from vlmtui.memory import memory_needed

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_WAYS_OUT = "choose a smaller model, or one in bitsandbytes' 4 bits"


def devices() -> tuple[str, ...]:
    """The devices of this machine, best first."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def choose_device(wanted: str) -> torch.device:
    """Resolve `wanted` ("auto", "cpu", "cuda", "cuda:N", "mps") to a device of this machine.

    Raises `UsageError` for any other name, `ModelError` where this machine has no such device.
    """
    there = devices()
    if wanted == "auto":
        return torch.device(there[0])
    kind, colon, number = wanted.partition(":")
    if kind not in ("cpu", "cuda", "mps") or (colon and not (kind == "cuda" and number.isdigit())):
        raise UsageError(f"there is no device {wanted!r}: choose auto, cpu, cuda, cuda:N or mps")
    name = "cuda:0" if wanted == "cuda" else wanted
    if name not in there:
        why = "" if kind != "cuda" or torch.version.cuda else " (this torch was built without CUDA)"
        raise ModelError(f"this machine has no device {wanted}{why}: choose one of {', '.join(there)}, or auto")
    return torch.device(name)


def choose_dtype(wanted: str, device: torch.device, parameters: int) -> torch.dtype:
    """Choose the dtype for a model of `parameters` parameters on a device.

    "auto" is bfloat16 on a GPU that supports it; on a CPU it is float32 if that fits into the available memory, and
    bfloat16 otherwise. Raises `OutOfMemoryError` where the model does not fit.
    """
    if wanted != "auto" and wanted not in DTYPES:
        raise UsageError(f"there is no dtype {wanted!r}: choose auto, float32, bfloat16 or float16")
    if device.type == "cpu":
        return _on_cpu(wanted, parameters)
    if wanted == "auto":
        bf16 = device.type == "mps" or torch.cuda.is_bf16_supported(including_emulation=False)
        dtype = torch.bfloat16 if bf16 else torch.float32
    else:
        dtype = DTYPES[wanted]
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        # memory that torch has reserved but does not use counts as free
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        need = memory_needed(parameters, dtype.itemsize, on_gpu=True)
        if need > free:
            raise OutOfMemoryError(
                f"the model needs about {gigabytes(need)} as {_name(dtype)}, and {device} has {gigabytes(free)} free "
                f"of {gigabytes(total)}: {_smaller(dtype)}choose --device cpu, free memory on the GPU, or {_WAYS_OUT}"
            )
    return dtype


def _on_cpu(wanted: str, parameters: int) -> torch.dtype:
    if wanted == "float16":
        raise ModelError("float16 on a CPU is slow and overflows: choose --dtype bfloat16 or float32")
    free = available_memory()
    needs = {
        dtype: memory_needed(parameters, dtype.itemsize, on_gpu=False) for dtype in (torch.float32, torch.bfloat16)
    }
    if wanted == "auto":
        dtype = torch.float32 if free is None or needs[torch.float32] <= free else torch.bfloat16
    else:
        dtype = DTYPES[wanted]
    if free is not None and needs[dtype] > free:
        raise OutOfMemoryError(
            f"the model needs about {gigabytes(needs[dtype])} as {_name(dtype)}, and {gigabytes(free)} of memory are "
            f"available: {_smaller(dtype)}close other programs, or {_WAYS_OUT}"
        )
    return dtype


def process_memory() -> int:
    """The resident memory of this process in bytes."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # on macOS: the peak, in bytes


def gigabytes(size: int) -> str:
    """Format a size in bytes as gigabytes."""
    return f"{size / 1e9:.1f} GB"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _smaller(dtype: torch.dtype) -> str:
    return "choose --dtype bfloat16, " if dtype == torch.float32 else ""
