"""Model folders: the folder on this disk that holds a model's checkpoint, or as much of it as is needed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from vlmtui import cache
from vlmtui.catalogue import ModelSource, resolve_model
from vlmtui.errors import ModelError
from vlmtui.models.loading import hub
from vlmtui.models.loading.adapters import is_adapter, read_adapter
from vlmtui.models.loading.checkpoint import Checkpoint, Progress, check_folder
from vlmtui.models.loading.weight_files import INDEX

__all__ = ["INDEX", "Checkpoint", "Progress", "check_folder", "find_checkpoint", "find_processor", "has_full_decoder"]


def find_checkpoint(
    source: ModelSource,
    revision: str | None,
    progress: Progress,
    *,
    decoder_layers: int | None = 0,
    own_processor: bool = True,
    base: Path | None = None,
) -> Checkpoint:
    """Find the checkpoint of `source`: a folder, in the hub's cache, in vlmtui's cache, or downloaded now.

    `own_processor`: no other is named for its images; a model whose own cannot be built is then not downloaded. A
    download has what a model with its first `decoder_layers` decoder layers consists of (None: all of them), and
    fetches nothing that is already on this disk. `progress(doing, bytes fetched, bytes wanted)` may raise to stop it;
    the next download resumes it. The relative path of an adapter's base starts beside the adapter, or else from `base`
    as in `resolve_model`. Raises `ModelError`.
    """
    if source.folder is not None:
        if revision is not None:
            raise ModelError(f"{source.name} is a folder and has no revisions: leave out --revision")
        if source.folder.is_dir() and is_adapter({file.name for file in source.folder.iterdir()}):
            return _with_adapter(source.folder, source.name, progress, decoder_layers, own_processor, base)
        config = check_folder(source.folder, source.name)
        return Checkpoint(source.name, source.folder, None, config)
    assert source.hub_name is not None
    found = hub.fetch_checkpoint(source.hub_name, source.name, revision, decoder_layers, progress, own_processor)
    if isinstance(found, Checkpoint):
        return found
    return _with_adapter(found, source.name, progress, decoder_layers, own_processor, base)


def _with_adapter(
    folder: Path, name: str, progress: Progress, decoder_layers: int | None, own_processor: bool, start: Path | None
) -> Checkpoint:
    """The checkpoint of the base of the adapter in `folder`, with that adapter."""
    adapter = read_adapter(folder, name)
    # a relative path may start beside the adapter, or where the person is
    beside = (folder / adapter.base).resolve()
    try:
        source = resolve_model(str(beside) if beside.is_dir() else adapter.base, start)
        if source.folder is not None and is_adapter({file.name for file in source.folder.iterdir()}):
            raise ModelError("it is an adapter itself: merge it into its own base first")
        revision = None if source.folder is not None else adapter.base_revision
        base = find_checkpoint(source, revision, progress, decoder_layers=decoder_layers, own_processor=own_processor)
    except ModelError as error:
        raise ModelError(f"{name} is an adapter (LoRA) of {adapter.base}: {error}") from error
    return replace(base, name=name, adapter=folder)


def has_full_decoder(checkpoint: Checkpoint) -> bool:
    """Whether all decoder layers are on this disk: of a hub model, often only what most lenses need is."""
    finished, layers = cache.cached_layers(checkpoint.folder)
    return not finished or layers is None


def find_processor(source: ModelSource, progress: Progress) -> Path:
    """The folder with the processor files of `source`, without its weights."""
    if source.folder is not None:
        return source.folder
    assert source.hub_name is not None
    return hub.fetch_processor(source.hub_name, progress)
