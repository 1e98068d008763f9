"""JSON files of a checkpoint, which come from strangers: regular files of a bounded size, depth and numbers."""

from __future__ import annotations

import codecs
import json
import math
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from vlmtui.files import broken_link

MOST_BYTES = 16 << 20
MOST_DEPTH = 64
MOST_LAYERS = 10_000
MOST_SIZE = 1 << 31
SMALL_FILES = (
    *("config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"),
    *("video_preprocessor_config.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"),
    *("chat_template.jinja", "chat_template.json"),
)
"""Files that transformers reads whole; a tokenizer's own files may be larger."""

_MARKS = (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LFS = b"version https://git-lfs"
_READ = (".json", ".jinja", ".model", ".txt", ".tiktoken")


def read_bounded(file: Path) -> bytes:
    """The bytes of a small file. `OSError` where it cannot be read, `ValueError` where it is no file or too large."""
    # a pipe would be waited for until somebody writes into it
    handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise ValueError("it is no regular file")
    with open(handle, "rb") as opened:
        data = opened.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
    return data


def parse_json(text: str | bytes) -> Any:
    """The value of a JSON text. `ValueError` where it is none, not in plain UTF-8, or nested without end."""
    if len(text) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES >> 20} MB")
    if not text.strip():
        raise ValueError("it is empty")
    if isinstance(text, bytes) and text.startswith(_LFS):
        raise ValueError("it is a git-lfs pointer: run git lfs pull where it was cloned")
    if isinstance(text, bytes) and text.startswith(_MARKS):  # transformers does not read it
        raise ValueError("it is no plain UTF-8: save it as UTF-8 without a byte order mark")
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError(f"it is nested more than {MOST_DEPTH} deep") from None
    level = [value]
    for _ in range(MOST_DEPTH):
        level = [inner for one in level for inner in _inside(one) if isinstance(inner, dict | list)]
        if not level:
            return value
    raise ValueError(f"it is nested more than {MOST_DEPTH} deep")


def check_shapes(config: Any) -> None:
    """`ValueError` for a number of layers, or a size, that no model has; these would take memory before any weight."""
    for path, value in entries(config):
        key = path.rpartition(".")[2]
        for number in value if isinstance(value, list) else [value]:
            if isinstance(number, int | float) and not isinstance(number, bool):
                _check_number(path, key, number)


def entries(config: Any) -> Iterator[tuple[str, Any]]:
    """All values of a config's objects with their paths, such as `text_config.hidden_size`."""
    level = [("", config)]
    while level:
        inner: list[tuple[str, Any]] = []
        for path, one in level:
            if isinstance(one, dict):
                for key, value in one.items():
                    place = f"{path}.{key}".removeprefix(".")
                    yield place, value
                    inner.append((place, value))
            elif isinstance(one, list):
                inner += [(path, value) for value in one]
        level = inner


def shown(value: Any, most: int = 40) -> str:
    """A value as it is written in JSON, cut to `most` characters."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _check_number(path: str, key: str, value: float) -> None:
    most = None
    if key.endswith("layers") or key in ("depth", "n_layer"):
        most = MOST_LAYERS
    elif key.startswith("num_") or key.endswith(("_size", "_dim", "_heads", "_rank", "_channels")):
        most = MOST_SIZE
    if most is not None and not (math.isfinite(value) and abs(value) <= most):
        raise ValueError(f"{path} is {value:g}")


def unreadable_files(folder: Path) -> list[tuple[str, Exception]]:
    """Files of a checkpoint that transformers would read and must not, by name, and why: one that is no regular file,
    or a small one that is too large."""
    found: list[tuple[str, Exception]] = []
    for file in sorted(folder.iterdir()):
        try:
            if file.suffix in _READ and (link := broken_link(file)):
                raise ValueError(link)
            if file.name in SMALL_FILES:
                read_bounded(file)
            elif file.suffix in _READ and not file.is_file() and not file.is_dir():
                raise ValueError("it is no regular file")
        except (OSError, ValueError) as error:
            found.append((file.name, error))
    return found


def damaged_json(folder: Path) -> tuple[str, Exception] | None:
    """The first JSON file of a checkpoint that holds no object, and why."""
    for file in sorted(folder.glob("*.json")):
        try:
            if file.name in SMALL_FILES:
                value = parse_json(read_bounded(file))
            elif file.is_file():
                data = file.read_bytes()
                value = json.loads(data) if len(data) > MOST_BYTES else parse_json(data)
            else:
                continue
            if not isinstance(value, dict) and file.name in (*SMALL_FILES, "tokenizer.json"):
                raise ValueError(f"it is {shown(value)}, where an object is expected")
        except (OSError, ValueError, RecursionError) as error:
            return file.name, error
    return None


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []
