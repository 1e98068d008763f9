"""What the front ends must not drag along: asked of fresh interpreters, since this one has imported much."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers")


def imported(code: str) -> set[str]:
    """The modules that a fresh interpreter holds after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint('\\n'.join(sys.modules))"],
        check=True,
        capture_output=True,
        text=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    [
        "vlmtui",
        "vlmtui.cli",
        "vlmtui.tui.app",
        "vlmtui.reports",
        "vlmtui.batch",
        "vlmtui.cli.doctor",
        "vlmtui.models.families.registry",
    ],
)
def test_importable_without_torch(module: str) -> None:
    modules = imported(f"import {module}")
    assert not modules.intersection(HEAVY)
    if not module.startswith("vlmtui.tui"):
        assert "textual" not in modules


def test_the_command_line_is_light_until_it_knows_what_to_do() -> None:
    modules = imported("from vlmtui.cli import main\nmain(['--version'])")
    assert not modules.intersection((*HEAVY, "numpy", "PIL", "textual", "msgspec", "rich", "huggingface_hub"))


def test_a_report_needs_no_terminal_interface() -> None:
    modules = imported("import vlmtui.reports.run")
    assert not modules.intersection((*HEAVY, "textual"))


def test_the_traits_of_every_family_are_read_without_torch() -> None:
    modules = imported(
        "from vlmtui.models.families.registry import FAMILIES, family_class\n"
        "assert all(family_class(one).title for one in FAMILIES)"
    )
    assert "vlmtui.models.families.qwen_vl" in modules
    assert not modules.intersection(HEAVY)
