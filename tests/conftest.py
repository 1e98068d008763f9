"""Fixtures that many tests share: tiny checkpoints, built once a run."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# a busy machine is not a fault of what is tested
settings.register_profile("vlmtui", deadline=None)
settings.load_profile("vlmtui")
# a test that would reach for the real hub is wrong; one that asks for a hub of its own sets HF_ENDPOINT and unsets this
os.environ.setdefault("HF_HUB_OFFLINE", "1")
# transformers' own model, which vlmtui is compared with, computes as a session does
os.environ["USE_HUB_KERNELS"] = "NO"
if "PYTEST_XDIST_WORKER" in os.environ:
    # read by torch when it is first imported, here and in the sessions that tests start: threads of several processes
    # on the same cores wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# while all is imported: see `pytest_collection_finish`
gc.disable()

SLOWEST = (
    "tui/test_session_killed.py",
    "tui/test_random_keys.py",
    "session/test_other_device.py",
    "docs/test_examples.py",
    "tui/terminal/test_driver.py",
    "tui/test_bytes.py",
    "tui/test_slow_line.py",
    "tui/test_cost.py",
    "batch/test_killed.py",
    "batch/test_ray_engine.py",
    "models/loading/test_hub.py",
    "reports/commands/test_verify.py",
    "lenses/test_adding_a_lens.py",
    "reports/formats/test_adding_a_format.py",
    "models/families/test_adding_a_family.py",
    "session/test_batch_read.py",
    "session/test_answers_demo.py",
    "session/test_client.py",
    "tui/actions/test_answer.py",
)
"""Files that take long, some with few tests: they come first, so that no worker begins one when the others end."""


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        # xdist would begin with the files that have most tests
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {Path(__file__).parent / name: number for number, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def pytest_collection_finish() -> None:
    """To go through all that was imported and collected takes half a second, and every model that is let go asks it."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def heard_signals() -> None:
    """Programs started by tests hear signals also where this run ignores them: in the background, under nohup."""
    for number in (signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_IGN:
            # a handler of Python's is not handed on, and an ignored signal is
            signal.signal(number, lambda *_: None)


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Sessions started by tests write to folders of the run: no session, model or setting of the user is in them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("runtime")))
        patch.setenv("VLMTUI_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("VLMTUI_CONFIG", os.devnull)
        for name in ("VLMTUI_PROFILE", "VLMTUI_REMOTE", "VLMTUI_REMOTE_COMMAND", "VLMTUI_SSH"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def warm_folder(own_folders: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the one warm session listens that tests share: not where those that want none look for it."""
    folder = tmp_path_factory.mktemp("warm")
    environment = os.environ | {"XDG_RUNTIME_DIR": str(folder)}
    command = [sys.executable, "-m", "vlmtui", "session"]
    subprocess.run([*command, "start", "--idle", "1h", "--quiet"], env=environment, check=True)
    yield folder
    subprocess.run([*command, "stop", "--quiet"], env=environment, check=True)


@pytest.fixture(scope="module")
def module_warm_session(warm_folder: Path) -> Iterator[None]:
    """The warm session, for a whole file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(warm_folder))
        yield


@pytest.fixture
def warm_session(warm_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warm session, for commands of which it is not tested that they start one of their own: that takes seconds."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(warm_folder))


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA with a CLIP tower: 70×70 centre crop, 5×5 patches, CLS, the projector reads vision.3 of 4."""
    from tests.tiny_checkpoints import build_llava

    return build_llava(tmp_path_factory.mktemp("models") / "tiny-clip", "clip")


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny LLaVA with a SigLIP tower: squashed to 48×48, 6×6 patches, no CLS, the projector reads vision.4 of 4."""
    from tests.tiny_checkpoints import build_llava

    return build_llava(tmp_path_factory.mktemp("models") / "tiny-siglip", "siglip")
