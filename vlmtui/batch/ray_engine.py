"""Ray engine: parts made by actors of a cluster, one model each, with Ray Data, which is imported here alone.

The folder of the parts is on storage that all machines share: an actor reads the list of images there and writes its
parts there. Only part numbers, counts and error messages go through Ray's object store. A part that exists is not made
again, whatever died in between.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from vlmtui.batch import manifest as manifests
from vlmtui.batch.folder import PartsFolder
from vlmtui.batch.manifest import Manifest
from vlmtui.batch.parts import FinishedPart, make_parts, part_failures
from vlmtui.batch.reader import BatchReader
from vlmtui.batch.sources import SourceList
from vlmtui.catalogue import resolve_model
from vlmtui.errors import SessionError, UsageError, VlmtuiError, error_from_kind
from vlmtui.query.options import Query
from vlmtui.reports.image_notes import ImageNotes
from vlmtui.reports.per_image import ImageFailure
from vlmtui.session.discovery import SessionLocation, connect

INSTALL = "pip install 'vlmtui[ray]'"
_PARTS_A_TASK = 8
_CPUS_A_SESSION = 4
_OBJECT_STORE = 128 << 20
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# on every system, a Ray of one machine listens at 127.0.0.1 alone
_LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}

PartMessage = tuple[int, int, list[tuple[str, str, str]], list[tuple[str, str]], tuple[str, str] | None]
"""Of a part: its number, its count of images, name, kind and message of those that failed, and notes with the sources
of their images. Or, last, the kind and message of the error that ended the work."""


@dataclass(frozen=True)
class ClusterJob:
    """What every actor gets: the table's path, its manifest, the query, and the folder of relative names, if any."""

    output: str
    begun: Manifest
    query: Query
    base: str | None


def make_on_ray(
    job: ClusterJob,
    todo: list[int],
    workers: int | None,
    tell: Callable[[str], object],
    ready: Callable[[], object],
) -> Iterator[FinishedPart]:
    """Make these parts on the cluster that `RAY_ADDRESS` names, or on this machine, in any order.

    `ready` is called after Ray has started, since Ray installs signal handlers. Raises `VlmtuiError` for what concerns
    all images.
    """
    with _ray() as ray:
        ready()
        there = ray.cluster_resources()
        actors, needs = actor_shares(job.query, workers, int(there.get("GPU", 0)), int(there.get("CPU", 1)))
        machines = len(ray.nodes())
        tell(f"{_counted(actors, 'model session')} on Ray, on {_counted(machines, 'machine')}")
        at_once = max(1, min(_PARTS_A_TASK, len(todo) // (4 * actors)))
        tasks = -(-len(todo) // at_once)
        # from a list, not a task: a task would wait for processors that the actors occupy
        parts = ray.data.from_items([{"part": part} for part in todo], override_num_blocks=tasks)
        made = parts.map_batches(
            PartActor,
            fn_constructor_args=(job,),
            batch_size=None,
            compute=ray.data.ActorPoolStrategy(size=min(actors, tasks)),
            **needs,
        )
        notes = ImageNotes(tell)
        for row in made.iter_rows():
            part = decode_message(row["said"])
            for source, note in part.notes:
                notes.add(source, note)
            yield part


class PartActor:
    """A Ray actor with a session and its model, which it keeps as long as it lives."""

    def __init__(self, job: ClusterJob) -> None:
        self._job = job
        self._folder = PartsFolder(job.output)
        self._reader: BatchReader | None = None
        self._notes: list[tuple[str, str]] = []

    def __call__(self, batch: dict[str, Any]) -> Iterator[dict[str, Any]]:
        try:
            reader = self._reader = self._reader or self._opened()
            numbers = [int(part) for part in batch["part"]]
            there = self._folder.made()
            for part in numbers:
                if part in there:  # by an actor that was killed since
                    yield _encode_message(
                        FinishedPart(part, len(self._job.begun.places(part)), part_failures(self._folder, part))
                    )
            with SourceList(self._folder.sources, self._job.begun.sources) as sources:
                left = [part for part in numbers if part not in there]
                for made in make_parts(self._folder, self._job.begun, sources, left, self._job.query, reader):
                    notes, self._notes[:] = tuple(self._notes), ()
                    yield _encode_message(replace(made, notes=notes))
        except VlmtuiError as error:
            # sent, not raised: Ray would wrap it in its own message
            yield _encode_message(error)

    def _opened(self) -> BatchReader:
        host, folder = socket.gethostname(), self._folder
        if not folder.manifest.exists() or manifests.read_manifest(folder) != self._job.begun:
            raise VlmtuiError(
                f"{host} does not see {folder.path}: write the report to storage shared by all machines of the cluster"
            )
        wanted = self._job.begun.versions
        if (here := manifests.package_versions()) != wanted:
            raise VlmtuiError(
                f"{host} has {_version_list(here)}, but this report was started with {_version_list(wanted)}: "
                "install the same versions"
            )
        if (base := self._job.base) is not None:
            if not Path(base).is_dir():
                raise VlmtuiError(f"{host} does not see {base}: give full paths for the images and the model")
            os.chdir(base)
        query = self._job.query
        return BatchReader(
            query,
            lambda: connect(query.load.where),
            lambda model: manifests.record_model(folder, model),
            add_note=lambda source, note: self._notes.append((source, note)),
        )


@contextmanager
def _ray() -> Iterator[Any]:
    """Ray, connected to a cluster or started here, without dashboard, progress bars and usage reports."""
    address = os.environ.get("RAY_ADDRESS")
    for name, value in (_QUIET if address else _QUIET | _LOOPBACK).items():
        os.environ.setdefault(name, value)
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UsageError(f"--engine ray needs Ray ({error}): {INSTALL}") from error
    own = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE}
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    try:
        with _stderr_muted():
            ray.init(address or "local", **quiet, **({} if address else own))
    except (OSError, RuntimeError, ValueError) as error:
        where = f"the cluster at RAY_ADDRESS={address}" if address else "Ray on this machine"
        raise SessionError(
            f"{where} cannot be reached ({' '.join(str(error).split())[:200]}): start it first"
        ) from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):  # Ray prints there that a worker has died
        try:
            yield ray
        finally:
            ray.shutdown()


@contextmanager
def _stderr_muted() -> Iterator[None]:
    """Discard what native code writes to standard error, such as notices about its log."""
    with open(os.devnull, "wb") as nowhere:
        kept = os.dup(2)
        try:
            os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def actor_shares(query: Query, workers: int | None, gpus: int, cpus: int) -> tuple[int, dict[str, float]]:
    """The number of actors, and the resources of each."""
    on_gpu = query.load.device.startswith("cuda") or (query.load.device == "auto" and gpus > 0)
    if on_gpu:
        if not gpus:
            raise UsageError(f"--device {query.load.device}: no machine of this cluster has a GPU; leave --device out")
        return min(workers or gpus, gpus), {"num_gpus": 1, "num_cpus": 1}
    count = workers or max(1, cpus // _CPUS_A_SESSION)
    return count, {"num_cpus": cpus // count if count <= cpus else cpus / count}


def cluster_job(folder: PartsFolder, begun: Manifest, query: Query) -> ClusterJob:
    """The job of the actors, with private sessions on the GPUs that Ray assigns. `UsageError` where that cannot be."""
    if query.load.where.remote is not None:
        raise UsageError("--remote runs the model on one machine, --engine ray on many: leave one out")
    if ":" in query.load.device:
        raise UsageError(
            f"--device {query.load.device}: Ray assigns a GPU to every session; give the device without a number"
        )
    model = resolve_model(query.load.model).folder
    relative = begun.sources.base is not None or (model is not None and not model.is_absolute())
    return ClusterJob(
        str(folder.output),
        begun,
        replace(query, load=replace(query.load, where=SessionLocation(warm=False))),
        os.getcwd() if relative else None,
    )


def _encode_message(what: FinishedPart | VlmtuiError) -> dict[str, Any]:
    if isinstance(what, VlmtuiError):
        said: PartMessage = (-1, 0, [], [], (what.kind, str(what)))
    else:
        failed = [(one.name, one.error.kind, one.why) for one in what.failures]
        said = (what.part, what.pictures, failed, list(what.notes), None)
    return {"said": np.array([msgspec.msgpack.encode(said)], dtype=object)}


def decode_message(data: bytes) -> FinishedPart:
    """The part that an actor reports. Raises the error that ended its work."""
    part, pictures, failed, notes, error = msgspec.msgpack.decode(data, type=PartMessage)
    if error is not None:
        raise error_from_kind(*error)
    failures = tuple(ImageFailure(name, error_from_kind(kind, text)) for name, kind, text in failed)
    return FinishedPart(part, pictures, failures, tuple(notes))


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _version_list(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())
