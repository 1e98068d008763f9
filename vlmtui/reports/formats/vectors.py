"""Vectors of a report's entries (`--vectors FILE`), unprocessed, as `.safetensors` or `.npz`.

For the i-th image that could be read, from 0, the file has `vectors.i`, float32 [entries, hidden], and `entries.i`,
int64 [entries]: the stage's entries that they belong to, as `index` in the report. A line of JSON adds `schema`
(`vlmtui/vectors/1`), `model`, `stage` and the sources of the `images`: in the metadata `vlmtui` of a safetensors file,
as the text array `about` of an npz. An npz is written image by image; a safetensors file is held in memory until the
end. The file appears, complete, once all images have been processed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmtui.errors import UsageError
from vlmtui.reports.formats.json import json_line
from vlmtui.reports.image_report import ReportOrFailure
from vlmtui.reports.output.target import Pipe, Target, check_target, target
from vlmtui.reports.per_image import ImageFailure

SCHEMA = "vlmtui/vectors/1"
SAFETENSORS, NPZ = ".safetensors", ".npz"
_THEN = (1980, 1, 1, 0, 0, 0)  # a fixed date: the same vectors give the same bytes

Put = Callable[[str, NDArray[Any]], None]


def check_vectors(name: str, output: str | None) -> None:
    """Raise where vectors cannot be written to the file `name`, before anything is computed for them."""
    if PurePath(name).suffix.lower() not in (SAFETENSORS, NPZ):
        raise UsageError(f"--vectors {name} does not say which format to write: end it in {SAFETENSORS} or {NPZ}")
    if output is not None and PurePath(output) == PurePath(name):
        raise UsageError(f"--vectors and -o are both {name}: name another file for one of them")
    check_target(name)


def keep_vectors(
    results: Generator[ReportOrFailure, None, None], name: str, tell: Callable[[str], object] = lambda note: None
) -> Generator[ReportOrFailure, None, None]:
    """Pass the results on unchanged, and write their vectors to the file `name` when all have come.

    If the consumer stops early, no file is written and `tell` receives a note.
    """
    about: dict[str, Any] = {"schema": SCHEMA, "model": None, "stage": None, "images": []}
    write = _safetensors if PurePath(name).suffix.lower() == SAFETENSORS else _npz
    try:
        with target(name) as to, write(to, about) as put:
            for result in results:
                if not isinstance(result, ImageFailure) and result.vectors is not None:
                    number, reading = len(about["images"]), result.reading
                    put(f"vectors.{number}", result.vectors)
                    put(f"entries.{number}", np.array(result.entries, np.int64))
                    about |= {"model": reading.model.name, "stage": result.stage}
                    about["images"].append(reading.image.source)
                yield result
    except (GeneratorExit, KeyboardInterrupt, SystemExit):
        tell(f"{name} was not written, because the reader of the report closed the pipe: write the report with -o FILE")
        raise
    finally:
        results.close()


@contextmanager
def _safetensors(to: Target, about: dict[str, Any]) -> Iterator[Put]:
    from safetensors.numpy import save

    held: dict[str, NDArray[Any]] = {}
    yield held.__setitem__
    to.write(save({name: np.ascontiguousarray(array) for name, array in held.items()}, {"vlmtui": json_line(about)}))


@contextmanager
def _npz(to: Target, about: dict[str, Any]) -> Iterator[Put]:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as file:

        def put(name: str, array: NDArray[Any]) -> None:
            with file.open(zipfile.ZipInfo(f"{name}.npy", _THEN), "w", force_zip64=True) as part:
                np.lib.format.write_array(part, np.asarray(array), allow_pickle=False)  # type: ignore[no-untyped-call]
            to.write(pipe.taken())

        yield put
        put("about", np.array(json_line(about)))
    to.write(pipe.taken())
