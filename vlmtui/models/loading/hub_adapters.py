"""Adapters (LoRA) of the hub: found on this disk, or downloaded into vlmtui's own cache, their weights in ranges."""

from __future__ import annotations

import json
from pathlib import Path

from vlmtui import cache
from vlmtui.display.numbers import format_bytes
from vlmtui.files import write_whole
from vlmtui.models.loading import safetensors_header
from vlmtui.models.loading.adapters import CONFIG, PROCESSOR_FILES, WEIGHTS, describe_adapter, is_adapter
from vlmtui.models.loading.checkpoint import Progress
from vlmtui.models.loading.hub_files import HubCommit, check_room
from vlmtui.models.loading.range_requests import ByteRange, RangeDownload


def is_whole_adapter(folder: Path) -> bool:
    """Whether a folder has an adapter alone, with its weights."""
    return is_adapter({file.name for file in folder.iterdir()}) and (folder / WEIGHTS).exists()


def own_adapter(place: Path) -> Path | None:
    """The folder of a commit in vlmtui's own cache where it has an adapter, complete and undamaged."""
    if not cache.cached_layers(place)[0] or not is_whole_adapter(place):
        return None
    try:
        safetensors_header.read(place / WEIGHTS)
    except (OSError, ValueError):
        return None
    return place


def fetch_adapter(remote: HubCommit, label: str, progress: Progress) -> Path:
    """Download an adapter into the folder of its commit, which is returned. `ModelError` for one that is not read."""
    place = cache.commit_folder(remote.name, remote.commit)
    place.mkdir(parents=True, exist_ok=True)
    remote.fetch(CONFIG, place)
    # what its config rules out is said before its weights are fetched
    describe_adapter(place, label)
    for file in sorted(PROCESSOR_FILES & remote.files):
        remote.fetch(file, place)
    if WEIGHTS in remote.files:
        _fetch_weights(remote, place, progress)
    return place


def _fetch_weights(remote: HubCommit, place: Path, progress: Progress) -> None:
    tensors, size = remote.header_and_size(WEIGHTS)
    begun = place / f"{WEIGHTS}.incomplete"
    fetch = RangeDownload(begun, size, [ByteRange(WEIGHTS, 0, 0, size)], remote.open)
    check_room(remote.name, fetch.left, place)
    doing = f"downloading {format_bytes(size)} of the adapter {remote.name}"
    fetch.run(lambda got, wanted: progress(doing, got, wanted))
    safetensors_header.read(begun)
    begun.rename(place / WEIGHTS)
    fetch.journal.path.unlink(missing_ok=True)
    # the index, written last, says that all is there
    index = {"metadata": {cache.LAYERS: "all"}, "weight_map": {tensor.key: WEIGHTS for tensor in tensors}}
    write_whole(place / cache.INDEX, json.dumps(index, indent=1).encode())
