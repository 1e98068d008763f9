"""Memory of this machine, and the memory a model needs. No torch, since clients use it too."""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vlmtui.gpu_memory import first_visible_gpu

# allowance for activations, embedding norms and library buffers: measured on small models, generous for large ones
_ROOM = 1.15
_CPU_OVERHEAD = 300 << 20
_GPU_OVERHEAD = 600 << 20


@dataclass(frozen=True)
class DeviceMemory:
    """The device for a model, `cuda:0` or `cpu`, with its free and total bytes, None where unknown."""

    name: str
    free: int | None
    total: int | None


def memory_needed(parameters: int, itemsize: int, on_gpu: bool) -> int:
    """Bytes needed by a model of so many parameters of `itemsize` bytes each, overheads included."""
    return int(parameters * itemsize * _ROOM) + (_GPU_OVERHEAD if on_gpu else _CPU_OVERHEAD)


def return_freed_memory() -> None:
    """Return to the system what this process has freed, where its allocator keeps it, as glibc's does."""
    import ctypes

    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_freed_memory() -> None:
    """Keep for this process what it frees, for arrays of some megabytes that are made again and again.

    glibc gives memory back at sizes that follow the largest block freed so far, up to 32 MB; each new page then costs
    more than what is written into it. Nothing of this block is touched.
    """
    import numpy as np

    np.empty((32 << 20) - (64 << 10), np.uint8)


def automatic_device() -> DeviceMemory:
    """The device that `--device auto` chooses, as far as this is known without torch."""
    return _gpu() or DeviceMemory("cpu", available_memory(), None)


def _gpu() -> DeviceMemory | None:
    """The first NVIDIA GPU that this process may use, where the installed torch could use one."""
    try:
        if version("torch").endswith("+cpu"):
            return None
    except PackageNotFoundError:
        return None
    found = first_visible_gpu()
    return None if found is None else DeviceMemory("cuda:0", *found)


def available_memory() -> int | None:
    """Bytes of RAM available without swapping, within this process's control group and limit; None where unknown."""
    found = [value for value in (_proc_available(), _cgroup_available(), _left_of_limit()) if value is not None]
    if found:
        return min(found)
    try:  # macOS reports only the total
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (ValueError, OSError):
        return None


def memory_limit() -> int | None:
    """Bytes of addresses that this process may have, as `ulimit -v` sets them; None where there is no limit."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def _left_of_limit() -> int | None:
    limit = memory_limit()
    if limit is None:
        return None
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return limit
    return max(0, limit - pages * os.sysconf("SC_PAGE_SIZE"))


def _proc_available() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def _cgroup_available() -> int | None:
    """Bytes the control group still allows; its page cache counts as available, as it does outside."""
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
