"""No file that a command reads is written over: the image, also on standard input, the list of images, the lens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from tests.images.test_decoding import encoded
from vlmtui.cli import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("ask {0}/photo.png what? -o {0}/photo.png", "photo.png is the image itself"),
        ("ask - what? -o {0}/photo.png", "photo.png is the image itself"),
        ("report - -o {0}/photo.png", "photo.png is the image itself"),
        ("report --from {0}/list.txt -o {0}/list.txt", "list.txt is the list of images itself"),
        ("report --from - -o {0}/list.txt", "list.txt is the list of images itself"),
        ("report --from {0}/list.txt -o {0}/list.parquet", "list.parquet is the image itself"),
        ("report {0}/photo.png --lens {0}/lens.py --format text -o {0}/lens.py", "lens.py is the lens itself"),
        ("report {0}/photo.png --lens {0}/many --format text -o {0}/many/b.py", "many/b.py is the lens itself"),
        ("report --from {0}/list.npz --vectors {0}/list.npz", "list.npz is the list of images itself"),
    ],
)
def test_it_is_refused(
    words: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lens = (
        "from vlmtui.lenses import Context, Scalars, lens\n@lens\ndef a(context: Context) -> Scalars:\n    '''A.'''\n"
    )
    picture = encoded(Image.new("RGB", (4, 4)))
    (tmp_path / "many").mkdir()
    contents = {"photo.png": picture, "list.parquet": picture, "lens.py": lens.encode()}
    contents |= {"many/__init__.py": lens.encode(), "many/b.py": b"B = 1\n"}
    contents |= dict.fromkeys(("list.txt", "list.npz"), os.fsencode(tmp_path / "list.parquet"))
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    before = os.dup(0)
    try:
        with (tmp_path / ("list.txt" if "--from -" in words else "photo.png")).open("rb") as file:
            os.dup2(file.fileno(), 0)
        with open(0, closefd=False) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            status = main(words.format(tmp_path).split())
    finally:
        os.dup2(before, 0)
        os.close(before)
    assert said in capsys.readouterr().err
    assert status == 2
    assert {name: (tmp_path / name).read_bytes() for name in contents} == contents
