"""`vlmtui doctor`: its lines about terminals, and a whole examination."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from vlmtui.cli import doctor, doctor_report, main


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
    assert "SendEnv COLORTERM" in "\n".join(map(doctor.line_of, doctor.terminal_findings()))
    monkeypatch.setenv("COLORTERM", "truecolor")
    assert "SendEnv" not in "\n".join(map(doctor.line_of, doctor.terminal_findings()))


def test_the_driver_of_the_explorer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {}
    for name in ("", "textual", "fast"):
        monkeypatch.setenv("VLMTUI_DRIVER", name)
        lines = list(map(doctor.line_of, doctor.terminal_findings()))
        at = next(i for i, line in enumerate(lines) if line.startswith("driver"))
        said[name] = lines[at], lines[at + 1]
    assert "only cells that change are sent" in said[""][0]
    assert "Textual's own, by VLMTUI_DRIVER" in said["textual"][0]
    assert "VLMTUI_DRIVER=fast: the drivers are differences and textual" in said["fast"][0]
    assert "unset VLMTUI_DRIVER" in said["fast"][1]


@pytest.mark.parametrize(
    ("answers", "lines"),
    [
        (None, ["tmux does not answer", "→ leave it and attach again: tmux attach"]),
        (
            {"show-options": "off", "-V": "tmux 3.4", "display-message": "256,title"},
            [
                "tmux 3.4",
                "clipboard y fills tmux' buffer; set-clipboard is off",
                "→ to have tmux pass it on to the terminal: tmux set -s set-clipboard external",
                "tmux' colours 256: tmux does not know that the terminal has more",
                "→ where it has: tmux set -as terminal-features ',*:RGB', and attach again",
            ],
        ),
        (
            {"show-options": "external", "-V": "tmux 3.4", "display-message": "256,RGB"},
            [
                "tmux 3.4",
                "clipboard y fills tmux' buffer; set-clipboard is external",
                "tmux' colours 16 million (RGB)",
            ],
        ),
    ],
)
def test_tmux_its_clipboard_and_colours_are_examined(
    answers: dict[str, str] | None, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMUX", "/tmp/tmux,1,0")
    monkeypatch.setattr(doctor, "tmux", lambda *words: (answers or {}).get(words[0]))
    said = [" ".join(doctor.line_of(row).split()) for row in doctor.terminal_findings()]
    assert [line for line in said if line in lines] == lines


def test_a_whole_examination(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    said = capfd.readouterr().out
    for label in ("TERM", "locale", "torch", "transformers", "hub cache", "session          starts", "devices", "logs"):
        assert f"\n{label}" in said, said


def test_models_that_are_not_there_are_made_where_they_are_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor.demo, "WEIGHTS", tmp_path)
    assert f"python -m demo_training.train --out {tmp_path}" in " ".join(
        "\n".join(map(doctor.line_of, doctor._model_findings())).split()
    )


def test_the_settings_are_examined(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "config.toml"
    monkeypatch.setenv("VLMTUI_CONFIG", str(file))
    file.write_text('model = "demo-vit"\nk = 5\n')
    lines = [" ".join(line.split()) for line in map(doctor.line_of, doctor._model_findings())]
    assert f"settings {file}, no mistakes" in lines
    assert "model demo-vit (from the settings)" in lines
    file.write_text("k = 0\n[profile.a]\nk = 0\n")
    lines = [" ".join(line.split()) for line in map(doctor.line_of, doctor._model_findings())]
    assert f"settings {file}, 2 mistakes" in lines
    assert "→ vlmtui config check lists them" in lines
    assert "model demo (the default)" in lines


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person with telling names, whose session is not started."""
    monkeypatch.setenv("HOME", "/home/Jane Doe")
    monkeypatch.setenv("USER", "jdoe")
    monkeypatch.setenv("LOGNAME", "jdoe")
    monkeypatch.setenv("VLMTUI_MODEL", "/data/My Secret/llava-7b")
    monkeypatch.setattr("platform.node", lambda: "lab-box.example.org")
    monkeypatch.setattr(doctor, "_session_findings", lambda: iter([doctor.Finding("logs", "/home/Jane Doe/x/l.log")]))


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("logs  /home/Jane Doe/.cache/vlmtui, 3 GB free", "logs  PATH, 3 GB free"),
        ("model /data/My Secret/llava-7b (from VLMTUI_MODEL)", "model PATH (from VLMTUI_MODEL)"),
        (
            "make it with `python -m x --out /srv/jdoe/demo` (an hour)",
            "make it with `python -m x --out PATH` (an hour)",
        ),
        ("belongs to /opt/a/vlmtui: stop it; see ~/.ssh/config", "belongs to PATH: stop it; see PATH"),
        ("jdoe@lab-box, JDoe at Lab-Box.example.org", "USER@HOST, USER at HOST"),
        ("model org/model on cuda:0 (the default), 16/224", "model org/model on cuda:0 (the default), 16/224"),
        ("jdoelike lab-boxes", "jdoelike lab-boxes"),
    ],
)
def test_a_report_has_no_paths_and_no_names(line: str, shown: str, person: None) -> None:
    assert doctor_report.without_names(line) == shown


def test_the_report_to_paste_and_json_say_the_same(person: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--report"]) == 0
    pasted = capfd.readouterr().out
    assert pasted.startswith("```text\nvlmtui ")
    assert pasted.endswith("\n```\n")
    assert "PATH" in pasted
    for word in ("Jane", "Doe", "jdoe", "lab-box", "Secret", "/home", str(Path(doctor.__file__).parents[2])):
        assert word not in pasted
    assert main(["doctor", "--format", "json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["schema"] == "vlmtui/doctor/1"
    assert {"TERM", "torch", "hub cache", "logs"} <= {one["name"] for one in told["findings"]}
    advice = [sentence for one in told["findings"] for sentence in one["advice"]]
    assert [line.removeprefix("  → ") for line in pasted.splitlines() if line.startswith("  → ")] == advice
    for words in (["--format", "csv"], ["--report", "--format", "json"]):
        assert main(["doctor", *words]) == 2
