"""`vlmtui ask` as a person and a program use it: real processes, real pictures."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_cli import CHINA, PHOTOS, vlmtui
from tests.cli.test_interrupts import heeding
from tests.waiting import children, gone, until
from vlmtui.cli import ask, main
from vlmtui.errors import ReadingGoneError
from vlmtui.results.answers import LEAST_TEMPERATURE, MAX_NEW_TOKENS, Answer, AnswerToken
from vlmtui.session.client import SessionClient

QUESTION = "What color is the sky?"
SCENE = str(PHOTOS / "scene-landscape.png")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.png"], "QUESTION"),
        (["x.png", " "], "Describe the image"),
        (["x.png", QUESTION, "--prompt", "Why?"], "leave out --prompt"),
        (
            ["x.png", QUESTION, "--temperature", "0"],
            "--temperature 0 is not a number of at least 0.0001: choose one such as 0.7, or leave it out",
        ),
        (["x.png", QUESTION, "--temperature", "nan"], "at least 0.0001"),
        (["x.png", QUESTION, "--temperature", "1e-300"], "--temperature 1e-300 is not a number of at least 0.0001"),
        (["x.png", QUESTION, "--max-new-tokens", "0"], "--max-new-tokens"),
        (["x.png", QUESTION, "--format", "jsonl"], "text, json"),
        (["x.png", QUESTION, "--attention"], "--format json"),
        (["x.png", QUESTION, "--occlude", "4"], "--format json"),
        (["x.png", QUESTION, "--ablate", "1;2"], "--ablate '1;2' is not"),
        (["x.png", QUESTION, "--ablate", "1,2", "--by", "noise"], "--by 'noise' is not one of mean, zero, blur"),
        (["x.png", QUESTION, "--by", "zero"], "--by says what replaces patches"),
        (["x.png", QUESTION, "--dtype", "int8"], "--dtype 'int8' is not one of auto, float32, bfloat16, float16"),
        (["x.png", QUESTION, "--device", "gpu"], "--device 'gpu' is not one of auto, cpu, cuda, cuda:N, mps"),
        (["x.png", QUESTION, "--metric", "foo"], "--metric 'foo' is not one of cosine, cosine-centred, l2"),
    ],
)
def test_words_that_are_off(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", *words]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.count("\n") == 1


def test_help_lists_what_an_answer_depends_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "--help"]) == 0
    listed = {word for word in capsys.readouterr().out.split() if word.startswith("--")}
    assert {"--model", "--max-pixels", "--remote", "--temperature"} <= listed
    assert not listed & {"--metric", "--stage", "--all-tokens", "--patch", "--prompt", "--null"}
    # and takes the rest as every look at an image does: only the picture is missing here
    assert main(["ask", "no.png", QUESTION, "--metric", "cosine", "-k", "4", "--stage", "llm.1"]) == 1


def test_what_is_no_picture_starts_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", str(tmp_path / "no.png"), QUESTION]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_the_default_is_the_protocols() -> None:
    assert ask._MAX_NEW_TOKENS == MAX_NEW_TOKENS
    assert ask._LEAST_TEMPERATURE == LEAST_TEMPERATURE


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--ablate", "3,3", "--ablate", "99,9"], "there is no patch 99,9: grid 0 has rows 0 to 13"),
        (["--occlude", "15", "--format", "json"], "--occlude 15 is larger than the image"),
    ],
)
def test_what_the_picture_has_not_is_said_before_the_answer(words: list[str], said: str, warm_session: None) -> None:
    done = vlmtui("ask", SCENE, QUESTION, *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


def test_an_answer_that_was_cut_says_so(warm_session: None) -> None:
    done = vlmtui("ask", SCENE, QUESTION, "--max-new-tokens", "1")
    assert (done.returncode, done.stdout) == (0, b"blue\n")
    assert done.stderr == b"vlmtui: the answer was cut after 1 token: raise --max-new-tokens for a longer one\n"


def test_an_answer_whose_reading_another_client_replaced_is_asked_for_again(
    warm_session: None, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    answer, attempts = SessionClient.answer, iter([True])

    def replaced_once(client: SessionClient, *words: Any, **more: Any) -> Future[Any]:
        if not next(attempts, False):
            return answer(client, *words, **more)
        gone: Future[Any] = Future()
        gone.set_exception(ReadingGoneError("that image is no longer in memory: read it again"))
        return gone

    monkeypatch.setattr(SessionClient, "answer", replaced_once)
    assert main(["ask", SCENE, QUESTION, "--max-new-tokens", "2"]) == 0
    assert capfdbinary.readouterr() == (b"blue.\n", b"")


def test_an_answer_that_ends_at_once_says_so(
    warm_session: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    asked: Future[Any] = Future()
    end = AnswerToken(2, "</s>", "</s>", -0.25, special=True)
    asked.set_result(Answer(id="1", question=QUESTION, text="", tokens=(end,), finished=True, positions=9))
    monkeypatch.setattr(SessionClient, "answer", lambda *_, **__: asked)
    assert main(["ask", SCENE, QUESTION]) == 0
    assert capfd.readouterr() == ("(empty: the model ended at once, log-probability −0.25)\n", "")


def test_json_holds_tokens_and_where_they_looked(warm_session: None) -> None:
    """The demo model says of its own scene what it was made to say."""
    more = ["--attention", "--gradient", "--occlude", "7", "--ablate", "0,0-1", "--by", "zero"]
    done = vlmtui("ask", SCENE, QUESTION, "--max-new-tokens", "2", "--format", "json", *more)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""  # its end would have been the next token: it is all there
    told = json.loads(done.stdout)
    assert told["schema"] == "vlmtui/answer/1"
    assert told["model"]["family"] == "llava"
    assert told["image"]["source"] == SCENE
    assert told["query"] == {"question": QUESTION, "max_new_tokens": 2, "temperature": None, "seed": None}
    answer = told["answer"]
    assert (answer["text"], answer["finished"]) == ("blue.", True)
    assert [token["text"] for token in answer["tokens"]] == ["blue", "."]
    assert math.isclose(answer["log_prob"], sum(token["log_prob"] for token in answer["tokens"]), rel_tol=1e-6)
    assert [place["index"] for place in told["tokens"]] == list(range(196))
    assert {"kind", "grid", "row", "col", "box", "inside", "patches", "sink"} <= set(told["tokens"][0])
    assert told["attention"]["layers"] == 3
    for token in answer["tokens"]:
        assert set(token) == {"id", "piece", "text", "log_prob", "special", "attention"}
        assert len(token["attention"]) == 196
        assert 0 < sum(token["attention"]) < 1
    assert told["occlusion"] == {"block": 7, "by": "zero"}
    assert len({place["drop"] for place in told["tokens"]}) == 4
    assert all(isinstance(place["gradient"], float) for place in told["tokens"])
    assert told["gradient"] == {"of": "the answer's log-probability"}
    ablation = told["ablation"]
    assert (ablation["tokens"], ablation["by"]) == ([0, 1], "zero")
    for token, after, change in zip(answer["tokens"], ablation["log_probs"], ablation["changes"], strict=True):
        assert math.isclose(after - token["log_prob"], change, abs_tol=1e-6)


def endless(folder: Path) -> list[str]:
    """A question whose answer, of a random model, goes on for minutes."""
    words = ["ask", CHINA, QUESTION, "-m", str(folder), "--max-new-tokens", "100000"]
    return [sys.executable, "-m", "vlmtui", *words]


def test_an_interrupt_stops_the_answer_and_ends_its_line(siglip_folder: Path) -> None:
    process = subprocess.Popen(
        endless(siglip_folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heeding,
    )
    session = until(lambda: children(process.pid))
    assert process.stdout is not None
    first = process.stdout.read(1)  # it has begun
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (130, b"")
    assert (first + out).endswith(b"\n")
    until(lambda: all(gone(pid) for pid in session))


def test_a_reader_that_has_gone_is_no_error(siglip_folder: Path) -> None:
    process = subprocess.Popen(
        endless(siglip_folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.read(1)
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(20)) == (b"", 0)
