"""The command line as a person and a pipe use it: real processes, real tiny models, real pictures."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.images.test_decoding import bomb, closed_port, encoded
from tests.reports import contract
from vlmtui.cli import look, main

PHOTOS = Path(__file__).parents[2] / "sample_images"
CHINA = str(PHOTOS / "china.jpg")


def vlmtui(*words: str, stdin: bytes = b"", **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command with its output into pipes."""
    return subprocess.run(
        [sys.executable, "-m", "vlmtui", *words], input=stdin, capture_output=True, env=os.environ | environment
    )


def refused(done: subprocess.CompletedProcess[bytes], status: int = 1) -> str:
    """What a command that failed said: one line on stderr, nothing on stdout, no traceback."""
    said = done.stderr.decode()
    assert done.returncode == status, said
    assert done.stdout == b""
    assert said.endswith("\n")
    assert said.count("\n") == 1, said
    assert said.startswith("vlmtui: ")
    assert "Traceback" not in said
    return said


# --- words that are off: no picture is looked at ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.png", "--format", "xml"], "text, json, jsonl"),
        (["x.png", "--metric", "l3"], "cosine, cosine-centred, l2"),
        (["x.png", "--dtype", "int8"], "auto, float32, bfloat16, float16"),
        (["x.png", "--device", "tpu"], "cuda:N"),
        (["x.png", "--device", "cpu:1"], "cuda:N"),
        (["x.png", "--color", "mono"], "truecolor"),
        (["x.png", "-k", "0"], "-k"),
        (["x.png", "-k", "many"], "-k"),
        (["x.png", "--max-pixels", "0"], "--max-pixels"),
        (["x.png", "--patch", "3"], "[GRID:]ROW,COLUMN"),
        (["x.png", "--rows", "5-2"], "0-5"),
        (["x.png", "--find"], "see vlmtui IMAGE --help"),
        (["report", "x.png", "--find"], "see vlmtui report --help"),
        (["session", "start", "--device"], "see vlmtui session start --help"),
        (["x.png", "--where", "nrom>3"], "norm"),
        (["x.png", "--fields", "nrom", "--format", "csv"], "norm"),
        (["x.png", "--fields", "norm"], "csv, json"),
        (["x.png", "--draw", "words"], "png, svg"),
        (["x.png", "--draw", "paint", "--format", "png"], "words, heat"),
        (["x.png", "--size", "9", "--format", "png"], "64"),
        (["x.png", "--draw", "norms", "--format", "ansi"], "words or heat"),
        (["report", "x.png", "y.png", "--format", "png"], "one image"),
        (["report", "-", "--from", "-"], "standard input"),
        (["x.png", "--where", "norm>1", "--format", "html"], "leave them out"),
        (["x.png", "--vectors", "v.npz", "--format", "png"], "beside a report"),
        (["x.png", "--vectors", "v.bin", "--format", "json"], ".safetensors"),
        (["x.png", "-o", "other.jpg"], "other.jpg does not say which format to write: end it in .txt, .json"),
        (["report", "x.png", "-o", "other.docx"], "or choose a --format"),
        (["atlas", "x.parquet", "-o", "at.png"], "at.png does not say which format to write: end it in .txt"),
        (["vocabulary", "-o", "voc.html"], "voc.html does not say which format to write: end it in .txt"),
        (["x.png", "--nonsense"], "--nonsense"),
        (["x.png", "y.png"], "y.png"),
        (["report"], "IMAGE"),
        (["report", "x.png", "--format", "pdf"], "text, json, jsonl"),
        (["models", "extra"], "extra"),
    ],
)
def test_words_that_are_off(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert said in err


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["atlas"], "vlmtui atlas"),
        (["report", "-k", "0"], "vlmtui report"),
        (["serve", "--port", "99999"], "vlmtui serve"),
        (["session", "start", "--nonsense"], "vlmtui session start"),
        (["session", "nonsense"], "vlmtui session"),
        (["x.png", "--nonsense"], "vlmtui IMAGE"),
    ],
)
def test_words_that_are_off_are_explained_by_the_commands_own_help(
    words: list[str], command: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    assert capfd.readouterr().err.endswith(f": see {command} --help\n")


@pytest.mark.parametrize(
    ("word", "command"), [("serv", "serve"), ("modles", "models"), ("Report", "report"), ("sesion", "session")]
)
def test_a_slip_of_the_pen_is_no_picture(
    word: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([word, "--nonsense"]) == 1
    assert capfd.readouterr().err == (
        f"vlmtui: {word} does not exist: check the path; or did you mean vlmtui {command}?\n"
    )
    for other in ("serve.png", "photo", "nosuch"):
        assert main([other, "--format", "text"]) == 1
        assert "did you mean" not in capfd.readouterr().err
    Path(word).write_text("no picture")
    assert main([word, "--format", "text"]) == 1
    assert "did you mean" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "words", [["--version"], ["x.png", "--version"], ["report", "--version"], ["doctor", "--version"]]
)
def test_the_version(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert capfd.readouterr().out.startswith("vlmtui 0.")


@pytest.mark.parametrize("words", [[], ["--help"], ["x.png", "--help"], ["report", "--help"]])
def test_help(words: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    assert "IMAGE" in capfd.readouterr().out


def test_the_models_on_this_disk(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["models"]) == 0
    assert "llava-1.5-7b" in capfd.readouterr().out
    assert main(["models", "--long"]) == 0
    assert "llava-hf/llava-1.5-7b-hf" in capfd.readouterr().out
    assert main(["models", "--clear", "llava-1.5-7b"]) == 1
    assert "has nothing of llava-hf/llava-1.5-7b-hf" in capfd.readouterr().err


# --- pictures and models that cannot be ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what is no picture."""
    folder = tmp_path_factory.mktemp("bad")
    (folder / "empty.png").write_bytes(b"")
    (folder / "note.png").write_text("this is text\n")
    whole = (PHOTOS / "china.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "bomb.png").write_bytes(bomb())
    (folder / "album").mkdir()
    (folder / "\x1b]0;owned\x07\u202e.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("empty.png", "is empty (0 bytes)"),
        ("note.png", "is not an image"),
        ("truncated.jpg", "damaged or truncated"),
        ("bomb.png", "--max-pixels"),
        ("album", "contains no images"),
        ("no-such.png", "does not exist"),
        ("\x1b]0;owned\x07\u202e.png", "U+001B]0;ownedU+0007U+202E.png is empty"),
    ],
)
def test_what_is_no_picture(bad: Path, clip_folder: Path, name: str, said: str) -> None:
    assert said in refused(vlmtui(str(bad / name), "-m", str(clip_folder), "--format", "json"))


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("http://127.0.0.1:{port}/x.png", "cannot be reached"),
        ("ftp://127.0.0.1/x.png", "only http and https"),
        ("-", "standard input is empty"),
    ],
)
def test_sources_that_give_nothing(source: str, said: str) -> None:
    assert said in refused(vlmtui(source.format(port=closed_port())))


@pytest.mark.parametrize("model", ["./no-such-folder", "/no/such/model"])
def test_a_model_folder_that_is_missing(model: str) -> None:
    assert f"no model folder {model}" in refused(vlmtui(CHINA, "-m", model))


def test_a_folder_without_a_model(tmp_path: Path, warm_session: None) -> None:
    refused(vlmtui(CHINA, "-m", str(tmp_path)))


def test_debug_shows_the_traceback() -> None:
    done = vlmtui("no-such.png", "--debug")
    assert done.returncode == 1
    assert b"Traceback" in done.stderr
    assert done.stderr.splitlines()[-1].startswith(b"vlmtui: no-such.png does not exist")


# --- reports ---------------------------------------------------------------------------------------------------


def test_many_images_go_on_past_one_that_fails(
    bad: Path, clip_folder: Path, tmp_path: Path, warm_session: None
) -> None:
    tiny, tall = tmp_path / "1x1.png", tmp_path / "7x3000.png"
    tiny.write_bytes(encoded(Image.new("RGB", (1, 1), (9, 9, 9))))
    tall.write_bytes(encoded(Image.new("P", (7, 3000))))
    names = [str(bad / "truncated.jpg"), str(tiny), str(bad / "note.png"), str(tall)]
    done = vlmtui("report", *names, "-m", str(clip_folder), "--format", "jsonl", "-k", "2", "--metric", "dot")
    assert done.returncode == 1
    said = done.stderr.decode().splitlines()
    assert len(said) == 2, said
    assert "truncated.jpg" in said[0]
    assert "note.png" in said[1]
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["image"]["source"] for line in lines if "error" in line] == [names[0], names[2]]
    for line in lines:
        (contract.FAILED_LINE if "error" in line else contract.LINE)(line, "line")
    seen = {line["image"]["source"]: line for line in lines if "error" not in line}
    assert set(seen) == {names[1], names[3]}


def test_a_file_written_whole_and_the_environments_model(
    siglip_folder: Path, tmp_path: Path, warm_session: None
) -> None:
    out = tmp_path / "report.json"
    words = ["-o", str(out), "--stage", "vision.2", "--metric", "omp", "--format", "json"]
    done = vlmtui(CHINA, *words, VLMTUI_MODEL=str(siglip_folder))
    assert (done.returncode, done.stdout) == (0, b"")
    unused = "--metric omp is not used at vision.2: a vision stage has words only with --lens projector"
    assert done.stderr.decode() == f"vlmtui: {unused}\n"
    report = json.loads(out.read_bytes())
    contract.REPORT(report, "report")
    assert report["query"]["stage"] == "vision.2"
    assert report["model"]["name"] == str(siglip_folder)
    assert os.listdir(tmp_path) == ["report.json"]


def test_output_to_a_folder_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    started = time.monotonic()
    assert "is a folder" in refused(vlmtui(CHINA, "-o", str(tmp_path)))
    assert time.monotonic() - started < 10


def test_a_report_never_takes_the_pictures_place(tmp_path: Path) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(encoded(Image.new("RGB", (4, 4))))
    before = photo.read_bytes()
    (tmp_path / "link.png").symlink_to(photo)
    for output in (photo, tmp_path / "link.png"):
        assert "is the image itself" in refused(vlmtui("report", str(photo), "-o", str(output)), 2)
    assert photo.read_bytes() == before
    shot = photo.rename(tmp_path / "photo.jpg")
    assert "is the image itself" in refused(vlmtui("report", str(shot), "-o", str(shot)), 2)
    assert shot.read_bytes() == before


# --- pipes, interrupts, terminals ------------------------------------------------------------------------------


def test_a_picture_on_stdin_and_a_reader_that_leaves(siglip_folder: Path, warm_session: None) -> None:
    command = f"{sys.executable} -m vlmtui - -m {siglip_folder} < {CHINA}; echo status $? >&2"
    done = subprocess.run(["bash", "-c", f"({command}) | head -1"], capture_output=True, text=True)
    assert done.stdout == "standard input  640×427 pixels\n"
    assert done.stderr == "status 0\n"


def in_terminal(
    *words: str, stdin: int | None = None, keys: bytes = b"", after: bytes = b"", **environment: str
) -> tuple[int, bytes]:
    """Run the command in a terminal of its own; type `keys` once `after` was shown; status and what was shown."""
    pid, screen = pty.fork()
    if pid == 0:
        if stdin is not None:
            os.dup2(stdin, 0)
        os.execve(sys.executable, [sys.executable, "-m", "vlmtui", *words], os.environ | environment)
    shown = b""
    while True:
        try:
            data = os.read(screen, 1 << 16)
        except OSError:
            break
        if not data:
            break
        shown += data
        if keys and after in shown:
            os.write(screen, keys)
            keys = b""
    os.close(screen)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_progress_on_a_terminal_is_one_line_and_erased(siglip_folder: Path) -> None:
    words = (CHINA, "-m", str(siglip_folder), "--patch", "1,2", "-k", "3", "--format", "text")
    status, shown = in_terminal(*words, TERM="xterm-256color")
    assert status == 0
    before, report = shown.split(CHINA.encode(), 1)
    assert before.endswith(b"\r\x1b[2K")
    assert before.count(b"\r\x1b[2K") >= 2
    assert b"\n" not in before
    assert b"\x1b" not in report
    assert b"row 1  column 2  token 8" in report
    assert report.count(b"row ") == 1


@pytest.mark.parametrize(
    ("term", "stdin", "stdout", "source", "explorer"),
    [
        ("xterm-256color", True, True, "x.png", True),
        ("xterm-256color", False, True, "-", True),
        ("xterm-256color", False, True, "x.png", False),
        ("xterm-256color", True, False, "x.png", False),
        ("dumb", True, True, "x.png", False),
        ("", True, True, "x.png", False),
    ],
)
def test_where_the_explorer_can_be(
    term: str, stdin: bool, stdout: bool, source: str, explorer: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: stdin)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: stdout)
    assert look.can_explore(source) == explorer


@pytest.mark.parametrize("name", ["truncated.jpg", "album"])
def test_a_bad_picture_never_opens_the_explorer(bad: Path, name: str) -> None:
    status, shown = in_terminal(str(bad / name), TERM="xterm-256color")
    assert status == 1
    assert shown.startswith(b"vlmtui: ")
    assert shown.count(b"\n") == 1
    assert b"\x1b" not in shown


def test_a_picture_on_stdin_leaves_the_keyboard_to_the_explorer(siglip_folder: Path) -> None:
    with open(CHINA, "rb") as picture:
        status, shown = in_terminal(
            "-",
            "-m",
            str(siglip_folder),
            stdin=picture.fileno(),
            keys=b"q",
            after=b"\x1b[?1049h",
            TERM="xterm-256color",
        )
    assert status == 0, shown[-2000:]
    assert b"\x1b[?1049l" in shown


# --- outputs that are closed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("lenses >&-", 1, "standard output cannot be written"),
        ("lenses > /dev/full", 1, "standard output cannot be written"),
        ("no-such.png --format text 2>&-", 1, ""),
        ("lenses 2>&- >/dev/null", 0, ""),
        ("no-such.png --format text 2>/dev/full", 1, ""),
        ("report --no-such-option 2>/dev/full", 2, ""),
    ],
)
def test_a_closed_output_is_an_error_where_it_is_written_to(words: str, status: int, said: str) -> None:
    done = subprocess.run(["sh", "-c", f'"$0" -m vlmtui {words}', sys.executable], capture_output=True, text=True)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert done.stderr.count("\n") == bool(said)
