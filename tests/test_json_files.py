"""Small files of a checkpoint: whatever they hold, they are read in little memory or refused in a sentence."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from vlmtui import catalogue
from vlmtui.errors import ModelError
from vlmtui.json_files import MOST_BYTES, SMALL_FILES, check_shapes, parse_json
from vlmtui.models.loading.checkpoint import parse_index, read_config
from vlmtui.models.loading.safetensors_header import parse

GOOD = {"model_type": "llava", "text_config": {"num_hidden_layers": 32, "hidden_size": 4096, "time_step": [0.0, 1e400]}}
DEEP = "[" * 200_000 + "]" * 200_000


def config_with(**changes: Any) -> str:
    return json.dumps(GOOD | {"vision_config": changes})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (DEEP, "nested more than 64 deep"),
        ('{"model_type": "llava", "a": ' + "[" * 70 + "]" * 70 + "}", "nested more than 64 deep"),
        ('{"a":' * 100_000, "nested more than 64 deep"),
        (config_with(hidden_size=float("inf")), "hidden_size is inf"),
        (config_with(num_attention_heads=float("nan")), "num_attention_heads is nan"),
        (config_with(num_hidden_layers=10**6), r"num_hidden_layers is 1e\+06"),
        (config_with(depth=10**6), r"depth is 1e\+06"),
        (config_with(inner=[{"intermediate_size": 1 << 60}]), r"intermediate_size is 1.15292e\+18"),
        (" " * (MOST_BYTES + 1), "larger than 16 MB"),
        ("x", "Expecting value"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "Expecting value"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_config_that_none_has_is_damaged(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(text, "latin-1")
    with pytest.raises(ModelError, match=f"the config.json of it is damaged .*{said}.*: copy or download it again"):
        read_config(tmp_path, "it")


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "config.json")
    with pytest.raises(ModelError, match="it is no regular file"):
        read_config(tmp_path, "it")
    assert catalogue._family(tmp_path) is None
    (tmp_path / "config.json").unlink()
    (tmp_path / "config.json").symlink_to("/dev/zero")
    with pytest.raises(ModelError, match="it is no regular file"):
        read_config(tmp_path, "it")


@pytest.mark.parametrize("name", SMALL_FILES[1:])
def test_other_small_files_have_the_same_bound(name: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GOOD))
    with (tmp_path / name).open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(ModelError, match=f"the {name} of it is damaged .it is larger than 16 MB"):
        read_config(tmp_path, "it")


def test_what_models_have_is_read(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GOOD))
    assert read_config(tmp_path, "it")["model_type"] == "llava"
    check_shapes({"num_hidden_layers": 126, "vocab_size": 262_208, "vision_feature_layer": -2, "num_items": True})
    assert parse_json("[" * 60 + "]" * 60)


def test_an_index_and_a_header_have_bounds_too() -> None:
    with pytest.raises(ModelError, match="nested more than 64 deep"):
        parse_index(DEEP, "it")
    for header in (DEEP, '{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}}'):
        with pytest.raises(ValueError, match="its header is damaged"):
            parse(header.encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b" \n", "it is empty"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n",
            "it is a git-lfs pointer: run git lfs pull where",
        ),
        (None, "it is no regular file"),
    ],
)
def test_what_is_no_json_is_said_to_be_that(data: bytes | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.mkdir() if data is None else path.write_bytes(data)
    with pytest.raises(ModelError, match=f"the config.json of it is damaged .{said}"):
        read_config(tmp_path, "it")


@pytest.mark.parametrize(
    "index", ["[]", "{}", "5", '{"weight_map": "x"}', '{"weight_map": {}}', '{"weight_map": {"a": 5}}']
)
def test_an_index_that_names_no_files(index: str) -> None:
    with pytest.raises(ModelError, match=r"cannot be read \(its weight_map names no files\): download it again"):
        parse_index(index, "it")
