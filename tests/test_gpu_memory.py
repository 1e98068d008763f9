"""The GPU that `CUDA_VISIBLE_DEVICES` names, with a driver that is made up, and the functions of the real package."""

# ruff: noqa: N802 - the names of the package

from __future__ import annotations

import sys
from types import SimpleNamespace

import pynvml
import pytest

from vlmtui import memory
from vlmtui.gpu_memory import VISIBLE, first_visible_gpu

A, B, C = "GPU-11111111-aaaa", "GPU-12222222-bbbb", "GPU-33333333-cccc"
CARDS = {A: 10, B: 20, C: 80}
"""Total gigabytes by UUID; the third is divided."""
PARTS = {"MIG-44444444-dddd": (1, 0, 11), "MIG-55555555-eeee": (2, 0, 22)}
"""Of the divided card by UUID: the numbers of GPU and compute instance, and gigabytes; places 0 and 2 of four."""


class MadeUpDriver:
    """What `pynvml` answers on a machine with these cards; a handle is a UUID."""

    NVMLError = pynvml.NVMLError

    def __init__(self, drivers: bool = True) -> None:
        self._drivers = drivers
        self.open = 0

    def nvmlInit(self) -> None:
        if not self._drivers:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return len(CARDS)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return list(CARDS)[index]

    def nvmlDeviceGetUUID(self, handle: str) -> bytes | str:
        return handle.encode() if handle == B else handle  # older versions return bytes

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> SimpleNamespace:
        total = CARDS[handle] if handle in CARDS else PARTS[handle][2]
        return SimpleNamespace(free=total - 1, total=total)

    def nvmlDeviceGetMigMode(self, handle: str) -> tuple[int, int]:
        if handle == A:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return (1, 1) if handle == C else (0, 0)

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 4

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:
        if handle != C or index not in (0, 2):
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_FOUND)
        return list(PARTS)[index // 2]

    def nvmlDeviceGetGpuInstanceId(self, handle: str) -> int:
        return PARTS[handle][0]

    def nvmlDeviceGetComputeInstanceId(self, handle: str) -> int:
        return PARTS[handle][1]


@pytest.mark.parametrize(
    ("visible", "total"),
    [
        (None, 10),
        ("0", 10),
        ("1", 20),
        (" 1 ,0", 20),
        ("2", 11),  # the first instance of a divided card
        ("GPU-12", 20),
        (B, 20),
        (f"{C},0", 11),
        ("GPU-1", None),  # the beginning of two
        ("MIG-55555555-eeee", 22),
        ("MIG-4", 11),
        (f"MIG-{C}/2/0", 22),
        (f"MIG-{C}/7/0", None),
        ("MIG-9", None),
        ("", None),
        ("-1", None),
        ("-1,0", None),
        ("7", None),
        ("7,0", None),
        ("NoDevFiles", None),
        ("none", None),
        ("\u0663", None),
    ],
)
def test_it_is_the_one_that_the_variable_names(
    visible: str | None, total: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = MadeUpDriver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)  # type: ignore[arg-type]
    if visible is None:
        monkeypatch.delenv(VISIBLE, raising=False)
    else:
        monkeypatch.setenv(VISIBLE, visible)
    assert first_visible_gpu() == (None if total is None else (total - 1, total))
    assert driver.open == 0


def test_the_device_chosen_without_torch_has_the_memory_of_that_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", MadeUpDriver())  # type: ignore[arg-type]
    monkeypatch.setenv(VISIBLE, "1")
    monkeypatch.setattr(memory, "version", lambda _: "2.9.0")
    assert memory.automatic_device() == memory.DeviceMemory("cuda:0", 19, 20)
    # a torch that could not use it
    monkeypatch.setattr(memory, "version", lambda _: "2.9.0+cpu")
    assert memory.automatic_device().name == "cpu"


def test_without_a_driver_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", MadeUpDriver(drivers=False))  # type: ignore[arg-type]
    assert first_visible_gpu() is None


def test_the_real_package_has_these_functions() -> None:
    assert [name for name in dir(MadeUpDriver) if name.startswith("nvml") and not hasattr(pynvml, name)] == []
