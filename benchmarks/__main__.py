"""`python -m benchmarks [NAME]...`: measure what is named here, or all of it, and print a table of Markdown."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterator

from benchmarks import cluster, cursor, load, many, occlusion, size, stages, start, uploads, words

Row = tuple[str, str, str]
BENCHMARKS: dict[str, Callable[[], Iterator[Row]]] = {
    "start": start.rows,
    "cursor": cursor.rows,
    "stages": stages.rows,
    "size": size.rows,
    "load": load.rows,
    "words": words.rows,
    "occlusion": occlusion.rows,
    "many": many.rows,
    "cluster": cluster.rows,
    "uploads": uploads.rows,
}


def main(names: list[str]) -> int:
    """Run the benchmarks named, or all."""
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
