"""A report of many pictures from start to end: begun or gone on with, made in parts, joined."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from vlmtui.batch import manifest as manifests
from vlmtui.batch import sources as lists
from vlmtui.batch.folder import Folder
from vlmtui.batch.manifest import Manifest
from vlmtui.batch.parts import Made, join, make_parts
from vlmtui.batch.progress import Tally
from vlmtui.batch.reader import Reader
from vlmtui.batch.sources import Sources
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.query.options import Query
from vlmtui.reports.formats import parquet
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.run import ReportJob, check_job, check_output, describe_lens, error_naming_image
from vlmtui.signals import exit_on_signals

PART_SIZE = 64
"""Pictures a part: of two parts at most is what was done lost when the power is cut."""
Engine = Literal["here", "ray"]
Making = Generator[Made, None, None]


@dataclass(frozen=True)
class How:
    """How a report of many pictures is made.

    `resume` False begins anew whatever is there, True goes on with the pictures named at the start though others are
    named now. `workers` is of the engine `ray`: how many sessions, one a GPU without it.
    """

    part_size: int | None = None
    resume: bool | None = None
    engine: Engine = "here"
    workers: int | None = None


def run_batch(order: ReportJob, query: Query, how: How) -> int:
    """Write the report of the pictures; the exit status."""
    table = format_named("parquet")
    check_job(order, query, table)
    check_output(order)
    with describe_lens(order, query) as query:
        check_job(order, query, table)
        return _run(order, query, how)


def _run(order: ReportJob, query: Query, how: How) -> int:
    if order.output is None:
        raise UsageError("a report of many pictures in parts needs a file: name one with -o")
    folder = Folder(order.output)
    progress = ProgressLine(order.quiet)
    with folder.locked():
        now = manifests.manifest(query, lists.frozen(order.sources), how.part_size or PART_SIZE)
        if (failed := folder.joined) is not None and how.resume is not False and manifests.read(folder) == now:
            folder.remove()  # all was done but this
            return _status(order, failed, 0)
        begun = _begin(folder, order, now, how)
        made = folder.made()
        tally = Tally(begun, made, progress)
        todo = [part for part in range(begun.parts) if part not in made]
        failed_now = 0
        with _said(order, folder, tally, progress):
            if todo:
                with closing(_making(how, folder, begun, todo, order, query, progress)) as making:
                    for one in making:
                        progress.clear()
                        for failure in one.failures:
                            order.say(error_naming_image(failure))
                        failed_now += len(one.failures)
                        tally.add(one)
            failed = join(folder, begun, parquet.schema(query), tally.joining)
            folder.mark_joined(failed)
            folder.remove()
    return _status(order, failed, failed_now)


def _making(
    how: How, folder: Folder, begun: Manifest, todo: list[int], order: ReportJob, query: Query, progress: ProgressLine
) -> Making:
    if how.engine == "ray":
        return make_on_cluster(folder, begun, todo, order, query, how.workers)
    return make_here(folder, begun, todo, order, query, progress)


def make_here(
    folder: Folder, begun: Manifest, todo: list[int], order: ReportJob, query: Query, progress: ProgressLine
) -> Making:
    """Make parts with one session, that which the order is for."""
    reader = Reader(
        query, lambda: order.start(progress), lambda model: manifests.hold(folder, model), progress, order.tell
    )
    with Sources(folder.sources) as sources, closing(reader):
        yield from make_parts(folder, begun, sources, todo, query, reader)


def _begin(folder: Folder, order: ReportJob, now: Manifest, how: How) -> Manifest:
    """What is to be made: that which was begun, where parts of it are there, else what is asked for now."""
    if how.resume is not False and folder.joined is None and folder.made():
        begun = manifests.read(folder)
        if begun is not None:
            manifests.check_same(folder, begun, now if how.part_size else replace(now, part_size=begun.part_size))
            if not how.resume:
                manifests.check_sources(folder, begun, now)
            return begun
    folder.clear()
    lists.write(folder.sources, order.sources)
    manifests.write(folder, now)
    return now


@contextmanager
def _said(order: ReportJob, folder: Folder, tally: Tally, progress: ProgressLine) -> Iterator[None]:
    """Whoever has to leave is told what is done by then; where nothing is, nothing is left behind."""
    try:
        yield
    except BaseException as error:
        progress.clear()
        if not tally.done:
            folder.remove()
        elif isinstance(error, VlmtuiError):
            raise type(error)(f"{error}; {tally.sentence()}") from error
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            order.tell(tally.sentence())
        raise
    progress.clear()


def make_on_cluster(
    folder: Folder, begun: Manifest, todo: list[int], order: ReportJob, query: Query, workers: int | None
) -> Making:
    """Make parts with the sessions of a cluster."""
    from vlmtui.batch import ray_engine

    order.let_go()
    job = ray_engine.job(folder, begun, query)
    yield from ray_engine.make_on_ray(job, todo, workers, order.tell, exit_on_signals)


def _status(order: ReportJob, failed: int, failed_now: int) -> int:
    if before := failed - failed_now:
        images = "1 image" if before == 1 else f"{before:,} images"
        order.tell(f"{images} had failed before this command went on: the rows with an error say which, and why")
    return 1 if failed else 0
