"""A signal ends the program in order wherever it arrives: real processes."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

# the signal comes while a finaliser runs, where Python swallows what its handler raises
SWALLOWED = """
import os, signal, threading
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where the tests were started in the background
from vlmtui.signals import exit_on_signals
exit_on_signals()
class Finalised:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        for _ in range(1000): pass
try:
    Finalised()
    threading.Event().wait(20)
    print("went on")
finally:
    print("in order", flush=True)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_during_a_finaliser_is_not_lost(name: str) -> None:
    done = subprocess.run([sys.executable, "-c", SWALLOWED.format(name=name)], capture_output=True, text=True)
    assert done.stdout == "in order\n"
    assert "Exception ignored" not in done.stderr
    number = getattr(signal, name)
    assert done.returncode == (-number if name == "SIGINT" else 128 + number)


def test_what_nohup_ignores_stays_ignored() -> None:
    code = "import os, signal; from vlmtui.signals import exit_on_signals; exit_on_signals(); " + (
        "os.kill(os.getpid(), signal.SIGHUP); print('still here')"
    )
    command = f"trap '' HUP; exec {sys.executable} -c \"{code}\""
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "still here\n")


# a library makes another error of what the handler raises
TURNED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from vlmtui.errors import ImageError
from vlmtui.signals import exit_on_signals
import vlmtui.cli
def turned(*asked, **more):
    exit_on_signals()
    try:
        os.kill(os.getpid(), signal.{name})
    except BaseException as error:
        raise {error} from error
vlmtui.cli.app = turned
sys.exit(vlmtui.cli.main(["photo.jpg"]))
"""


@pytest.mark.parametrize("error", ["ImageError('photo.jpg is damaged')", "ImportError('no module')"])
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_a_library_made_an_error_of_is_heeded(name: str, status: int, error: str) -> None:
    code = TURNED.format(name=name, error=error)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
