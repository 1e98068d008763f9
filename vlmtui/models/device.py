"""Which device and dtype a model is held in, and whether it fits there."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from vlmtui.errors import ModelError, OutOfMemoryError, UsageError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
# activations, the embedding norms, the library's own buffers: measured on small models, generous on large ones
_ROOM = 1.15
_CPU_OVERHEAD = 300 << 20
_GPU_OVERHEAD = 600 << 20


def devices() -> tuple[str, ...]:
    """The devices of this machine, best first."""
    found = [f"cuda:{i}" for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        found.append("mps")
    return (*found, "cpu")


def choose_device(wanted: str) -> torch.device:
    """The device that `wanted` ("auto", "cpu", "cuda", "cuda:N", "mps") stands for on this machine."""
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
    """The dtype for so many parameters on that device; `OutOfMemoryError` with numbers where they do not fit.

    "auto" is bfloat16 on a GPU that computes in it, and on a CPU float32 where that fits in the memory available,
    bfloat16 where it does not.
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
        # what torch holds without using it is as good as free
        free += torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        need = int(parameters * dtype.itemsize * _ROOM) + _GPU_OVERHEAD
        if need > free:
            raise OutOfMemoryError(
                f"the model needs about {gigabytes(need)} as {_name(dtype)}, and {device} has {gigabytes(free)} free "
                f"of {gigabytes(total)}: {_smaller(dtype)}choose --device cpu, or free memory on the GPU"
            )
    return dtype


def _on_cpu(wanted: str, parameters: int) -> torch.dtype:
    if wanted == "float16":
        raise ModelError("float16 on a CPU is slow and overflows: choose --dtype bfloat16 or float32")
    free = available_memory()
    needs = {
        dtype: int(parameters * dtype.itemsize * _ROOM) + _CPU_OVERHEAD for dtype in (torch.float32, torch.bfloat16)
    }
    if wanted == "auto":
        dtype = torch.float32 if free is None or needs[torch.float32] <= free else torch.bfloat16
    else:
        dtype = DTYPES[wanted]
    if free is not None and needs[dtype] > free:
        raise OutOfMemoryError(
            f"the model needs about {gigabytes(needs[dtype])} as {_name(dtype)}, and {gigabytes(free)} of memory are "
            f"available: {_smaller(dtype)}close other programs, or choose a smaller model"
        )
    return dtype


def available_memory() -> int | None:
    """Bytes of RAM that can be had without swapping, within this process's control group; None where unknown."""
    found = [value for value in (_proc_available(), _cgroup_available()) if value is not None]
    if found:
        return min(found)
    try:  # macOS tells only the whole
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):
        return None


def _proc_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _cgroup_available() -> int | None:
    """What the control group still allows; its page cache counts as available, as it does outside."""
    for limit, used, cache in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current", "/sys/fs/cgroup/memory.stat"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
            "/sys/fs/cgroup/memory/memory.stat",
        ),
    ):
        try:
            most, now = int(Path(limit).read_text()), int(Path(used).read_text())
            stat = dict(line.split() for line in Path(cache).read_text().splitlines())
            held = int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))
            return max(0, most - now + held)
        except (OSError, ValueError):
            continue
    return None


def process_memory() -> int:
    """Bytes of RAM that this process holds."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes, and the peak


def gigabytes(size: int) -> str:
    """A size in bytes for a person."""
    return f"{size / 1e9:.1f} GB"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def _smaller(dtype: torch.dtype) -> str:
    return "choose --dtype bfloat16, " if dtype == torch.float32 else ""
