"""A table of many images from start to end: begun or resumed, made in parts, joined."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Literal

from msgspec.structs import replace

from vlmtui.batch import manifest as manifests
from vlmtui.batch import sources as lists
from vlmtui.batch.folder import PartsFolder
from vlmtui.batch.manifest import Manifest
from vlmtui.batch.parts import FinishedPart, join_parts, make_parts
from vlmtui.batch.progress import BatchProgress
from vlmtui.batch.reader import BatchReader
from vlmtui.batch.sources import SourceList
from vlmtui.errors import UsageError, VlmtuiError
from vlmtui.query.options import Query
from vlmtui.reports.formats import parquet
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_notes import ImageNotes
from vlmtui.reports.output.progress import ProgressLine
from vlmtui.reports.run import ReportJob, check_job, check_output, describe_lens, error_naming_image
from vlmtui.signals import exit_on_signals

PART_SIZE = 64
"""Images a part. When the power fails, the work on two parts at most is lost."""
Engine = Literal["here", "ray"]
PartGenerator = Generator[FinishedPart, None, None]


@dataclass(frozen=True)
class BatchOptions:
    """How a table of many images is made.

    `resume` False begins anew whatever exists, True resumes with the images named at the start even if others are
    named now. `workers` is for the engine `ray`: the number of sessions, without it one a GPU.
    """

    part_size: int | None = None
    resume: bool | None = None
    engine: Engine = "here"
    workers: int | None = None


def run_batch(order: ReportJob, query: Query, how: BatchOptions) -> int:
    """Make the table of the images; the exit status."""
    table = format_named("parquet")
    check_job(order, query, table)
    check_output(order)
    with describe_lens(order, query) as query:
        check_job(order, query, table)
        return _run_locked(order, query, how)


def _run_locked(order: ReportJob, query: Query, how: BatchOptions) -> int:
    if order.output is None:
        raise UsageError("a batch report of many images needs an output file: name one with -o")
    folder = PartsFolder(order.output)
    progress = ProgressLine(order.quiet)
    with folder.locked():
        now = manifests.new_manifest(query, lists.digest_sources(order.sources), how.part_size or PART_SIZE)
        if (failed := folder.joined) is not None and how.resume is not False and manifests.read_manifest(folder) == now:
            folder.remove()  # the command before stopped just before this
            return _exit_status(order, failed, 0)
        begun = _begin_or_resume(folder, order, now, how)
        made = folder.made()
        tally = BatchProgress(begun, made, progress)
        todo = [part for part in range(begun.parts) if part not in made]
        failed_now = 0
        with _tell_when_stopped(order, folder, tally, progress):
            if todo:
                with closing(_make_parts(how, folder, begun, todo, order, query, progress)) as making:
                    for one in making:
                        progress.clear()
                        for failure in one.failures:
                            order.on_failure(error_naming_image(failure))
                        failed_now += len(one.failures)
                        tally.add(one)
            failed = join_parts(folder, begun, parquet.schema(query), tally.joining)
            folder.mark_joined(failed)
            folder.remove()
    return _exit_status(order, failed, failed_now)


def _make_parts(
    how: BatchOptions,
    folder: PartsFolder,
    begun: Manifest,
    todo: list[int],
    order: ReportJob,
    query: Query,
    progress: ProgressLine,
) -> PartGenerator:
    if how.engine == "ray":
        return make_on_cluster(folder, begun, todo, order, query, how.workers)
    return make_here(folder, begun, todo, order, query, progress)


def make_here(
    folder: PartsFolder, begun: Manifest, todo: list[int], order: ReportJob, query: Query, progress: ProgressLine
) -> PartGenerator:
    """Make parts with one session, that of the order."""
    reader = BatchReader(
        query,
        lambda: order.start(progress),
        lambda model: manifests.record_model(folder, model),
        progress,
        ImageNotes(order.on_note).add,
    )
    with SourceList(folder.sources, begun.sources) as sources, closing(reader):
        yield from make_parts(folder, begun, sources, todo, query, reader)


def _begin_or_resume(folder: PartsFolder, order: ReportJob, now: Manifest, how: BatchOptions) -> Manifest:
    """The manifest to work by: the existing one where there are parts of it, else that of this command."""
    if how.resume is not False and folder.joined is None and folder.made():
        begun = manifests.read_manifest(folder)
        if begun is not None:
            manifests.check_same_query(folder, begun, now if how.part_size else replace(now, part_size=begun.part_size))
            if not how.resume:
                manifests.check_same_sources(folder, begun, now)
            with SourceList(folder.sources, begun.sources):
                pass  # told here, where nothing is said of resuming
            return begun
    folder.clear()
    lists.write_sources(folder.sources, order.sources)
    manifests.write_manifest(folder, now)
    return now


@contextmanager
def _tell_when_stopped(
    order: ReportJob, folder: PartsFolder, tally: BatchProgress, progress: ProgressLine
) -> Iterator[None]:
    """Where the block is interrupted, tell what is done by then; where nothing is, remove the folder."""
    try:
        yield
    except BaseException as error:
        progress.clear()
        if not tally.done:
            folder.remove()
        elif isinstance(error, VlmtuiError):
            raise type(error)(f"{error}; {tally.sentence()}") from error
        elif isinstance(error, KeyboardInterrupt | SystemExit):
            order.on_note(tally.sentence())
        raise
    progress.clear()


def make_on_cluster(
    folder: PartsFolder, begun: Manifest, todo: list[int], order: ReportJob, query: Query, workers: int | None
) -> PartGenerator:
    """Make parts with the sessions of a Ray cluster."""
    from vlmtui.batch import ray_engine

    order.close_started()
    job = ray_engine.cluster_job(folder, begun, query)
    yield from ray_engine.make_on_ray(job, todo, workers, order.on_note, exit_on_signals)


def _exit_status(order: ReportJob, failed: int, failed_now: int) -> int:
    if before := failed - failed_now:
        images = "1 image" if before == 1 else f"{before:,} images"
        order.on_note(f"{images} failed in an earlier run of this command: the rows with an error say which, and why")
    return 1 if failed else 0
