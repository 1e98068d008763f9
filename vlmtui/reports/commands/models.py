"""`vlmtui models`: models on this disk, and models with short names with the size of what exploring them loads.

{"schema",
 "device": {"name", "free", "total"},                           of --device auto; bytes, null where not known
 "on_disk": [{"name", "family", "owner", "folder", "bytes",     owner: demo, hub, or vlmtui for its own cache
              "decoder_layers"}],                               how many vlmtui downloaded; null: all
 "incomplete": [{"name", "bytes"}],                             downloads that were broken off
 "named": [{"name", "hub", "family", "licence", "gated",
            "download", "whole",                                bytes: for exploring, and of the full model
            "memory", "dtype", "fits"}]}                        bytes needed on the device, in this data type
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vlmtui import cache, memory
from vlmtui.catalogue import KnownModel, LocalModel, known_models, models_on_disk, resolve_model
from vlmtui.display import numbers
from vlmtui.display.pieces import fit, plain, width
from vlmtui.errors import ModelError

SCHEMA = "vlmtui/models/1"
FORMATS = ("text", "json")
_FLOAT32, _BFLOAT16 = 4, 2
_GATED = "*"


def model_table(long: bool = False) -> Iterator[str]:
    """Lines of the table: models on this disk and how to remove them, then short names with sizes.

    With `long`, short names come with hub names and the sizes of the parts.
    """
    yield from _disk()
    yield ""
    yield from _names(memory.automatic_device(), long)
    yield ""
    yield f"{_GATED} accept the licence on the hub first, then log in with `hf auth login`."
    yield "Any other hub name or folder can be given as well: --model NAME, or VLMTUI_MODEL."


def models_object() -> dict[str, Any]:
    """What the table has, as an object of the schema."""
    device = memory.automatic_device()
    return {
        "schema": SCHEMA,
        "device": {"name": device.name, "free": device.free, "total": device.total},
        "on_disk": [
            {
                "name": model.name,
                "family": model.family,
                "owner": model.owner,
                "folder": str(model.folder),
                "bytes": _bytes(model.folder),
                "decoder_layers": model.decoder_layers,
            }
            for model in models_on_disk()
        ],
        "incomplete": [
            {"name": cached.name, "bytes": cached.size} for cached in cache.cached_models() if not cached.finished
        ],
        "named": [_named(model, device) for model in known_models().values()],
    }


def _named(model: KnownModel, device: memory.DeviceMemory) -> dict[str, Any]:
    needed, dtype, fits = _need(model, device)
    return {
        "name": model.alias,
        "hub": model.hub,
        "family": model.family,
        "licence": model.licence,
        "gated": model.gated,
        "download": model.download,
        "whole": model.whole,
        "memory": needed,
        "dtype": dtype,
        "fits": fits,
    }


def clear_model(name: str) -> str:
    """Remove a hub model from vlmtui's cache; return a sentence with the bytes freed. Raises `ModelError` if absent."""
    hub_name = resolve_model(name, option="--clear").hub_name
    if hub_name is None:
        raise ModelError(f"{name} is a local folder or comes with vlmtui: only downloaded models can be cleared")
    freed = cache.remove_model(hub_name)
    if not freed:
        elsewhere = any(model.name == hub_name for model in models_on_disk())
        raise ModelError(
            f"vlmtui's cache has nothing of {hub_name}: "
            + (
                f"remove it from the hub's own with `hf cache rm model/{hub_name}`"
                if elsewhere
                else "see vlmtui models"
            )
        )
    return f"{numbers.format_bytes(freed)} of {hub_name} removed from {cache.folder()}"


def _disk() -> Iterator[str]:
    local_models = models_on_disk()
    if local_models:
        rows = [
            (model.name, model.family, _size(model.folder), _what(model), str(model.folder)) for model in local_models
        ]
        yield from _columns(("ON THIS DISK", "FAMILY", "SIZE", "WHAT", "FOLDER"), rows, right_aligned=(2,))
    else:
        yield "There are no models on this disk."
    unfinished = [cached for cached in cache.cached_models() if not cached.finished]
    for cached in unfinished:
        yield f"Incomplete: {plain(cached.name)}, {numbers.format_bytes(cached.size)} so far; load it again to resume."
    if unfinished or any(model.owner == "vlmtui" for model in local_models):
        yield "To remove what vlmtui downloaded: vlmtui models --clear NAME"
    if any(model.owner == "hub" for model in local_models):
        yield "To remove what other programs downloaded as well: hf cache rm model/NAME"


def _what(model: LocalModel) -> str:
    if model.owner == "demo":
        return "comes with vlmtui"
    if model.decoder_layers is None:
        return "whole"
    if model.decoder_layers == 0:
        return "for exploring"
    return f"with {numbers.count(model.decoder_layers, 'decoder layer')}"


def _names(device: memory.DeviceMemory, long: bool) -> Iterator[str]:
    headings = ["SHORT NAME", "FAMILY", "LICENCE", "DOWNLOADS", "OF", "MEMORY", "FITS"]
    right_aligned = [3, 4, 5]
    if long:
        headings += ["AS BFLOAT16", "VISION", "WORDS", "DECODER", "HUB NAME"]
        right_aligned += [7, 8, 9, 10]
    rows = [_row(model, device, long) for model in known_models().values()]
    free = "an unknown amount" if device.free is None else numbers.format_bytes(device.free)
    total = "" if device.total is None else f" of {numbers.format_bytes(device.total)}"
    yield from _columns(headings, rows, right_aligned)
    yield (
        f"DOWNLOADS: what exploring downloads, OF the full model. MEMORY: needed on {device.name}, with "
        f"{free}{total} free."
    )


def _row(model: KnownModel, device: memory.DeviceMemory, long: bool) -> list[str]:
    need, dtype, fits = _need(model, device)
    row = [
        model.alias,
        model.family,
        model.licence + (_GATED if model.gated else ""),
        numbers.format_bytes(model.download),
        numbers.format_bytes(model.whole),
        numbers.format_bytes(need),
        f"yes, as {dtype}" if fits else "no",
    ]
    if long:
        parts = (model.vision, model.words, model.layers)
        half = memory.memory_needed(model.seen, _BFLOAT16, device.name != "cpu")
        row += [numbers.format_bytes(half), *(_millions(part) for part in parts), model.hub]
    return row


def _need(model: KnownModel, device: memory.DeviceMemory) -> tuple[int, str, bool]:
    """The bytes that exploring a model needs on a device, the data type, as --dtype auto chooses it, and whether they
    fit."""
    on_gpu = device.name != "cpu"
    need, dtype = memory.memory_needed(model.seen, _BFLOAT16, on_gpu), "bfloat16"
    if not on_gpu:
        full = memory.memory_needed(model.seen, _FLOAT32, on_gpu)
        if device.free is None or full <= device.free:
            need, dtype = full, "float32"
    return need, dtype, device.free is None or need <= device.free


def _millions(parameters: int) -> str:
    return f"{parameters / 1e6:,.0f} M" if parameters else numbers.NOT_A_NUMBER


def _columns(headings: Sequence[str], rows: Sequence[Sequence[str]], right_aligned: Sequence[int]) -> Iterator[str]:
    """Rows in aligned columns; the last column is not padded."""
    table = [list(headings), *([plain(cell) for cell in row] for row in rows)]
    widths = [max(width(row[i]) for row in table) for i in range(len(headings))]
    for row in table:
        cells = [fit(cell, widths[i], "right" if i in right_aligned else "left") for i, cell in enumerate(row[:-1])]
        yield "  ".join([*cells, row[-1]])


def _size(folder: Path) -> str:
    """Size of the weights in a folder, following links into the hub's cache."""
    return numbers.format_bytes(_bytes(folder))


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*.safetensors") if file.exists())
