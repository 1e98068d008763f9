"""Benchmarks of this machine, as a Markdown table: `python -m benchmarks [NAME]...`, all of them without a name."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence

from benchmarks import (
    batching,
    cluster,
    cursor,
    full_size,
    loading,
    many_images,
    occlusion,
    reading,
    stage_steps,
    startup,
    uploads,
    word_search,
)
from benchmarks.slow_line import deeds

Row = tuple[str, str, str]
BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    "start": startup.rows,
    "cursor": cursor.rows,
    "line": deeds.rows,
    "stages": stage_steps.rows,
    "size": full_size.rows,
    "load": loading.rows,
    "reading": reading.rows,
    "words": word_search.rows,
    "occlusion": occlusion.rows,
    "many": batching.rows,
    "images": many_images.rows,
    "cluster": cluster.rows,
    "uploads": uploads.rows,
}


def main(argv: Sequence[str]) -> int:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    names = parser.parse_args(argv).names
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"no benchmark {unknown[0]}: choose {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.platform()}, {_processor()}, {cores} cores, Python {platform.python_version()}\n")
    print("| what | measured | wanted |\n| --- | --- | --- |")
    for name in names or BENCHMARKS:
        for what, measured, wanted in BENCHMARKS[name]():
            print(f"| {what} | {measured} | {wanted} |", flush=True)
    return 0


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
