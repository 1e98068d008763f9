"""`vlmtui doctor`: its lines about terminals, and a whole examination."""

from __future__ import annotations

from pathlib import Path

import pytest

from vlmtui.cli import doctor, main


@pytest.mark.parametrize(
    ("term", "colorterm", "said"),
    [
        ("xterm-256color", "truecolor", "16 million"),
        ("xterm-256color", "", "256"),
        ("xterm", "", "16: too few for an image"),
        ("xterm-kitty", "", "256"),
        ("dumb", "", "none"),
        ("", "", "none"),
    ],
)
def test_colours(term: str, colorterm: str, said: str) -> None:
    assert doctor.colour_depth(term, colorterm) == said


def test_over_ssh_it_says_how_to_get_all_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("COLORTERM", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 1 10.0.0.2 22")
    assert "SendEnv COLORTERM" in "\n".join(doctor.terminal_lines())
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert "SendEnv" not in "\n".join(doctor.terminal_lines())


def test_the_driver_of_the_explorer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for name in ("", "textual", "fast"):
        monkeypatch.setenv("VLMTUI_DRIVER", name)
        lines = list(doctor.terminal_lines())
        at = next(i for i, line in enumerate(lines) if line.startswith("driver"))
        said[name] = lines[at], lines[at + 1]
    assert "only cells that change are sent" in said[""][0]
    assert "Textual's own, by VLMTUI_DRIVER" in said["textual"][0]
    assert "VLMTUI_DRIVER=fast: the drivers are differences and textual" in said["fast"][0]
    assert "unset VLMTUI_DRIVER" in said["fast"][1]


def test_a_whole_examination(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capfd.readouterr().out
    for label in ("TERM", "locale", "torch", "transformers", "hub cache", "session          starts", "devices", "logs"):
        assert f"\n{label}" in said, said


def test_models_that_are_not_there_are_made_where_they_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.demo, "WEIGHTS", tmp_path)
    assert f"python -m demo_training.train --out {tmp_path}" in " ".join("\n".join(doctor._model_lines()).split())


def test_the_settings_are_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    file.write_text('model = "demo-vit"\nk = 5\n')
    lines = [" ".join(line.split()) for line in doctor._model_lines()]
    assert f"settings {file}, no mistakes" in lines
    assert "model demo-vit (from the settings)" in lines
    file.write_text("k = 0\n[profile.a]\nk = 0\n")
    lines = [" ".join(line.split()) for line in doctor._model_lines()]
    assert f"settings {file}, 2 mistakes" in lines
    assert "→ vlmtui config check lists them" in lines
    assert "model demo (the default)" in lines
