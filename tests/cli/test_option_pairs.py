"""Every pair of options of a command: both have an effect, or one sentence says what to leave out.

The options are the parser's own. A command is stopped where it would ask a session; what it was to do is compared.
"""

from __future__ import annotations

import contextlib
import io
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer

import vlmtui.cli
from vlmtui.reports.formats.registry import FORMATS

CHINA = str(Path(__file__).parents[2] / "sample_images" / "china.jpg")
VALUES = {
    **{"k": "3", "metric": "l2", "ridge": "0.5", "stage": "llm.1", "stages": "all", "patch": "1,1"},
    **{"lens": "pca", "lens_option": "mean=1", "find": "sky", "marked": "2,2", "prompt": "Why?", "levels": "image"},
    **{"max_pixels": "1000000", "rows": "0-3", "where": "norm > z0", "fields": "row,words", "vectors": "{}/v.npz"},
    **{"draw": "heat", "size": "200", "num_words": "1", "color": "256", "theme": "light", "listed": "{}/list"},
    **{"part_size": "3", "engine": "ray", "workers": "2", "device": "cuda", "dtype": "bfloat16", "revision": "abc"},
    **{"processor": "demo", "remote": "box", "remote_command": "/opt/vlmtui", "model": "org/model"},
    **{"max_new_tokens": "3", "temperature": "0.7", "seed": "5", "ablate": "1,1", "occlude": "2", "by": "zero"},
    **{"text": "a dog", "near": "sky", "word": "sky", "patches": "2", "table": "where", "clear": "org/model"},
    **{"idle": "2h", "because": "enough", "host": "::1", "port": "9", "token": "a" * 32, "max_bytes": "9"},
    **{"seconds": "9", "rate": "9", "queue": "9"},
}
"""A value for each parameter that takes one, other than its default, by its name."""
UNSEEN = {"--no-null": "as without it", "--fold": "as a page without it", "--no-fold": "as data without it"}
"""Options that are as without them, by their names."""
NO_EFFECT = {"help", "version", "debug", "profile", "format", "output", "quiet"}
"""Parameters that change nothing of the work, or that the words of a case give."""


@dataclass(frozen=True)
class Work:
    """The words of a command, and the functions whose arguments are compared: it is stopped before the first of them,
    or, where it has `checks` of its own in there, after the first of these. Without `pairs` each option is tried by
    itself: another format stands for it."""

    words: str
    functions: str
    checks: str = ""
    pairs: bool = True


_REPORT, _COLLECT = "vlmtui.reports.run:run_report", "vlmtui.reports.run:collect"
_BATCH, _PARTS = "vlmtui.batch:run_batch", "vlmtui.batch.run:_run_locked"
_OTHER = "vlmtui.reports.commands"
_MODELS = " ".join(f"{_OTHER}.models:{function}" for function in ("models_object", "model_table", "clear_model"))
PAIRED = ("text", "json", "html", "png", "gif")
WORK = (
    *(Work(f"report {CHINA} --format {one.name}", _REPORT, _COLLECT, one.name in PAIRED) for one in FORMATS),
    Work(f"{CHINA} --format csv", _REPORT, _COLLECT),
    Work(f"report {CHINA} {CHINA} -o {{}}/x.parquet", f"{_BATCH} {_REPORT}", f"{_PARTS} {_COLLECT}"),
    Work(f"ask {CHINA} Why? --format text", f"{_OTHER}.ask:run_ask", f"{_OTHER}.ask:read_source"),
    Work(f"ask {CHINA} Why? --format json", f"{_OTHER}.ask:run_ask", f"{_OTHER}.ask:read_source"),
    Work(f"match {CHINA} --text cat -m org/clip", f"{_OTHER}.match:run_match"),
    Work(f"classify {CHINA} -m org/vit", f"{_OTHER}.classify:run_classify"),
    Work(f"outliers {CHINA} {CHINA} {CHINA}", f"{_OTHER}.outliers:run_outliers"),
    *(Work(f"vocabulary --format {one}", f"{_OTHER}.vocabulary:run_vocabulary") for one in ("text", "csv")),
    *(Work(f"atlas x.parquet --format {one}", f"{_OTHER}.atlas:run_atlas") for one in ("text", "csv", "json", "html")),
    Work("lenses --lens {}/x.py", "vlmtui.cli.lenses:_described"),
    Work("serve", "vlmtui.web.server:run_server"),
    *(Work(f"models --format {one}", _MODELS) for one in ("text", "json")),
    Work("verify demo", f"{_OTHER}.verify:run_verify"),
)


COMMANDS: Any = typer.main.get_command(vlmtui.cli.app)
"""Made once: it is what takes longest of a command line."""


class _Stopped(BaseException):
    """The work of a command would begin."""


@pytest.fixture
def outcome(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command with more words: the status and sentence that refuse it, or what it was to do and said first."""
    monkeypatch.setattr("vlmtui.signals.exit_on_signals", lambda: None)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "x.py").write_text("")
    (tmp_path / "list").write_text(f"{CHINA}\n{CHINA}\n")
    monkeypatch.setattr(vlmtui.cli, "app", COMMANDS)
    done: list[str] = []

    def watch(name: str, work: Work) -> None:
        module, _, function = name.partition(":")
        original = getattr(import_module(module), function)

        def watched(*words: Any, **more: Any) -> Any:
            if name in work.functions:
                done.append(re.sub(r" at 0x\w+", "", f"{function}{words}{more}"))
            if not work.checks:
                raise _Stopped
            if name in work.checks and name != _COLLECT:
                raise _Stopped
            found = original(*words, **more)
            if name in work.checks:
                raise _Stopped
            return found

        monkeypatch.setattr(import_module(module), function, watched)

    def run(work: Work, words: list[str]) -> tuple[int, str]:
        done.clear()
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                status = vlmtui.cli.main([word.format(tmp_path) for word in [*work.words.split(), *words]])
            except _Stopped:
                return 0, err.getvalue() + "".join(done)
        assert status, (words, out.getvalue())
        assert (out.getvalue(), err.getvalue().count("\n")) == ("", 1), (words, err.getvalue())
        return status, err.getvalue()

    def prepared(work: Work) -> Any:
        for name in f"{work.functions} {work.checks}".split():
            watch(name, work)
        return lambda words: run(work, words)

    return prepared


def options(words: str) -> Iterator[list[str]]:
    """Each option of a command as words, with a value where it takes one, and both names of a switch."""
    command = COMMANDS
    for word in words.split():
        command = getattr(command, "commands", {}).get(word, command)
    if hasattr(command, "commands"):
        command = command.commands[" "]
    for parameter in command.params:
        if parameter.param_type_name != "option" or parameter.name in NO_EFFECT:
            continue
        for name in (max(parameter.opts, key=len), *parameter.secondary_opts):
            if name.split("=")[0] not in words.split():
                yield [name] if parameter.is_flag else [name, VALUES[parameter.name]]


@pytest.mark.parametrize("work", WORK, ids=lambda work: work.words.replace(CHINA, "IMAGE"))
def test_both_have_an_effect_or_a_sentence_refuses_them(work: Work, outcome: Any) -> None:
    run = outcome(work)
    alone = run([])
    assert alone[0] == 0, alone
    one = {words[0]: (words, run(words)) for words in options(work.words)}
    silent = {name for name, (_, found) in one.items() if found == alone}
    assert not silent - set(UNSEEN), f"without effect: {silent}"
    if not work.pairs:
        return
    for (first, (words, found)), (second, (others, other)) in itertools.combinations(one.items(), 2):
        both = run([*words, *others])
        if both[0]:
            assert both[0] == 2 or both in (found, other), (first, second, both)
            continue
        assert both != found or second in silent, f"{second} is ignored beside {first}"
        assert both != other or first in silent, f"{first} is ignored beside {second}"
