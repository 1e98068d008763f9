"""Memory of the NVIDIA GPU that a program sees as `cuda:0`, without torch: by `CUDA_VISIBLE_DEVICES` and the driver.

The variable holds indices, unique beginnings of UUIDs, or names of MIG instances; the first that names nothing hides
all after it. Indices are taken in the order of the bus, as the driver counts: CUDA puts the fastest card first where
cards differ, unless `CUDA_DEVICE_ORDER` is `PCI_BUS_ID`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

VISIBLE = "CUDA_VISIBLE_DEVICES"


def first_visible_gpu() -> tuple[int, int] | None:
    """Free and total bytes of the first GPU that this process may use; None where there is none, or no driver."""
    import pynvml as nvml  # of nvidia-ml-py; rarely needed

    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    try:
        handle = _first(nvml, os.environ.get(VISIBLE))
        if handle is None:
            return None
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        return int(memory.free), int(memory.total)
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _first(nvml: Any, visible: str | None) -> Any:
    """The handle of the first device that the variable names; without a variable, of the first there is."""
    cards = [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())]
    word = "0" if visible is None else visible.split(",")[0].strip()
    if word.isascii() and word.isdecimal():
        if int(word) >= len(cards):
            return None
        # of a card that is divided, CUDA uses the first instance
        return next(_instances(nvml, cards[int(word)]), cards[int(word)])
    if word.startswith("GPU-"):
        card = _only([card for card in cards if _uuid(nvml, card).startswith(word)])
        return None if card is None else next(_instances(nvml, card), card)
    if word.startswith("MIG-"):
        return _only([one for card in cards for one in _instances(nvml, card) if _is_named(nvml, card, one, word)])
    return None


def _instances(nvml: Any, card: Any) -> Iterator[Any]:
    """The MIG instances of a card, none where it is not divided."""
    try:
        if nvml.nvmlDeviceGetMigMode(card)[0] != 1:
            return
        most = nvml.nvmlDeviceGetMaxMigDeviceCount(card)
    except nvml.NVMLError:
        return  # a card without MIG
    for i in range(most):
        try:
            yield nvml.nvmlDeviceGetMigDeviceHandleByIndex(card, i)
        except nvml.NVMLError:
            continue  # a place that is not taken


def _is_named(nvml: Any, card: Any, instance: Any, word: str) -> bool:
    """Whether an instance has this UUID, or the name of older drivers: `MIG-<card's UUID>/<GPU instance>/<compute>`."""
    if _uuid(nvml, instance).startswith(word):
        return True
    parts = nvml.nvmlDeviceGetGpuInstanceId(instance), nvml.nvmlDeviceGetComputeInstanceId(instance)
    return word == "/".join(map(str, (f"MIG-{_uuid(nvml, card)}", *parts)))


def _uuid(nvml: Any, device: Any) -> str:
    found = nvml.nvmlDeviceGetUUID(device)
    return found.decode() if isinstance(found, bytes) else str(found)


def _only(found: list[Any]) -> Any:
    return found[0] if len(found) == 1 else None
