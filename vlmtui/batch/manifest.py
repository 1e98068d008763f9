"""Manifest of a table in the making: what a command that resumes must agree with."""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, version

import msgspec

from vlmtui._version import __version__
from vlmtui.batch.folder import PartsFolder
from vlmtui.batch.sources import SourcesDigest
from vlmtui.catalogue import resolve_model
from vlmtui.errors import VlmtuiError
from vlmtui.files import explain_write_errors, write_once, write_whole
from vlmtui.query.options import LoadOptions, Query
from vlmtui.reading import ModelInfo
from vlmtui.reports.formats.parquet import SCHEMA

FORMAT = "vlmtui/parts/1"
_OPTIONS = {"k": "-k", "keep": "--where", "patches": "--patch"}
_SMALL = 1 << 20
_WAY_OUT = "repeat the first command, start again with --fresh, or name another file with -o"

PlainValue = str | int | float | bool | None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the rows of a table. Its fields are those of manifest.json.

    `query` are the options of the query, as text where they are not plain values; `files` is a digest of the model's
    folder, None for a hub or remote model; `versions` are those of the packages that the numbers depend on.
    """

    format: str = FORMAT
    table: str = SCHEMA
    sources: SourcesDigest
    part_size: int
    query: dict[str, PlainValue]
    files: str | None
    versions: dict[str, str]

    @property
    def parts(self) -> int:
        """The number of parts."""
        return -(-self.sources.count // self.part_size)

    def places(self, part: int) -> range:
        """Indices of a part's images in the list of sources."""
        return range(part * self.part_size, min((part + 1) * self.part_size, self.sources.count))


class ModelRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The model that is used, as in model.json. On another kind of device the same model gives other digits."""

    family: str
    revision: str | None
    dtype: str
    device: str
    processor: str | None


def new_manifest(query: Query, sources: SourcesDigest, part_size: int) -> Manifest:
    """The manifest of a table that is begun now."""
    return Manifest(
        sources=sources,
        part_size=part_size,
        query=_recorded_options(query),
        files=_digest_model_files(query.load),
        versions=package_versions(),
    )


def _recorded_options(query: Query) -> dict[str, PlainValue]:
    """The options of a query that decide the rows, by name; the device is in `ModelRecord`."""
    load, read, search, selection = query.load, query.read, query.search, query.selection
    options = {
        "model": load.model,
        "revision": load.revision,
        "processor": load.processor,
        "dtype": load.dtype,
        "k": search.k,
        "metric": search.metric,
        "ridge": search.ridge,
        "stage": selection.stage,
        "all_tokens": search.all_tokens,
        "patches": selection.patches,
        "rows": selection.rows,
        "keep": selection.condition,
        "fields": query.output.fields,
        "lens": query.lens,
        "null": search.null,
        "prompt": read.prompt,
        "max_pixels": read.max_pixels,
        "levels": read.levels,
    }
    return {name: value if isinstance(value, PlainValue) else repr(value) for name, value in options.items()}


def write_manifest(folder: PartsFolder, manifest: Manifest) -> None:
    """Write a folder's manifest, with which the table is begun."""
    with explain_write_errors(str(folder.manifest)):
        write_whole(folder.manifest, msgspec.json.format(msgspec.json.encode(manifest), indent=1), sync=True)


def read_manifest(folder: PartsFolder) -> Manifest | None:
    """The manifest of a folder, None where there is none. `VlmtuiError` for one of another format."""
    if not folder.manifest.exists():
        return None
    try:
        with explain_write_errors(str(folder.manifest)):
            return msgspec.json.decode(folder.manifest.read_bytes(), type=Manifest)
    except msgspec.MsgspecError:
        raise VlmtuiError(
            f"{folder.path} was started by another version of vlmtui (this one writes {FORMAT}): resume it with "
            "that version, start again with --fresh, or name another file with -o"
        ) from None


def check_same_query(folder: PartsFolder, begun: Manifest, now: Manifest) -> None:
    """`VlmtuiError` where the query, the model's files or the versions now would make other rows."""
    different = ""
    for name, was in begun.query.items():
        if was != now.query.get(name):
            option = _OPTIONS.get(name, f"--{name.replace('_', '-')}")
            plain = was is not None and not isinstance(was, bool) and name not in ("keep", "lens", "patches", "rows")
            different = different or (f"{option} {was}" if plain else f"another {option}")
    for name, number in begun.versions.items():
        if number != now.versions.get(name):
            different = different or f"{name} {number}"
    if begun.files != now.files:
        different = different or "other files of the model"
    if (begun.format, begun.table) != (now.format, now.table):
        different = different or f"another layout ({begun.format}, {begun.table})"
    if begun.part_size != now.part_size:
        different = different or f"--part-size {begun.part_size}"
    if different:
        raise VlmtuiError(f"{folder.path} was started with {different}: {_WAY_OUT}")


def check_same_sources(folder: PartsFolder, begun: Manifest, now: Manifest) -> None:
    """`VlmtuiError` where other images are named now than at the start."""
    was, is_ = begun.sources, now.sources
    if was.base not in (None, is_.base) and was.sha256 == is_.sha256:
        raise VlmtuiError(f"{folder.path} was started in {was.base}, where its images are: run the same command there")
    if was != is_:
        now_there = f"{is_.count:,}" if is_.count != was.count else "the same number, but others or in another order"
        raise VlmtuiError(
            f"{folder.path} was started with other images ({was.count:,} of them, now {now_there}): add --resume "
            "to resume with those, --fresh to start again, or name another file with -o"
        )


def record_model(folder: PartsFolder, model: ModelInfo) -> None:
    """Record the model that is used, or check that it is the recorded one. In a cluster the first actor records it.

    Raises `VlmtuiError` where it is another one.
    """
    now = ModelRecord(
        family=model.family,
        revision=model.revision,
        dtype=model.dtype,
        device=model.device.partition(":")[0],
        processor=model.processor,
    )
    if not folder.model.exists():
        with explain_write_errors(str(folder.model)):
            write_once(folder.model, msgspec.json.format(msgspec.json.encode(now), indent=1))
    with explain_write_errors(str(folder.model)):
        was = msgspec.json.decode(folder.model.read_bytes(), type=ModelRecord)
    for name in ModelRecord.__struct_fields__:
        if getattr(was, name) != getattr(now, name):
            raise VlmtuiError(
                f"{folder.path} was started with the model's {name} {getattr(was, name)}, and now it is "
                f"{getattr(now, name)}: {_WAY_OUT}"
            )


def package_versions() -> dict[str, str]:
    """Versions of the installed packages that the numbers depend on."""
    found = {"vlmtui": __version__}
    for name in ("torch", "transformers"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _digest_model_files(load: LoadOptions) -> str | None:
    """The sha256 of the names and bytes of a model's files; of large ones, of their size and time instead of bytes."""
    if load.where.remote is not None:
        return None
    folder = resolve_model(load.model).folder
    if folder is None:
        return None
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        found = path.stat()
        digest.update(f"{path.relative_to(folder)}\0{found.st_size}\0".encode("utf-8", "surrogateescape"))
        small = found.st_size <= _SMALL
        digest.update(path.read_bytes() if small else f"{found.st_mtime_ns}\0".encode())
    return digest.hexdigest()
