"""`vlmtui models`: the models on this disk, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from vlmtui.catalogue import ALIASES, OnDisk, on_disk
from vlmtui.display import numbers
from vlmtui.display.pieces import fit, plain, width


def table() -> Iterator[str]:
    """The lines of the table: name, family, size, folder; then the aliases."""
    found = on_disk()
    if found:
        rows = [("NAME", "FAMILY", "SIZE", "FOLDER"), *(_row(model) for model in found)]
        columns = [max(width(row[i]) for row in rows) for i in range(3)]
        for name, family, size, folder in rows:
            yield f"{fit(name, columns[0])}  {fit(family, columns[1])}  {fit(size, columns[2], 'right')}  {folder}"
    else:
        yield "There is no model on this disk."
    yield ""
    aliases = ", ".join(f"{alias} ({name})" for alias, name in ALIASES.items())
    yield f"Short names: {aliases}."
    yield "Any hub name or folder will do: --model NAME, or VLMTUI_MODEL."


def _row(model: OnDisk) -> tuple[str, str, str, str]:
    return plain(model.name), plain(model.family), numbers.memory(_weights(model.folder)), plain(str(model.folder))


def _weights(folder: Path) -> int:
    """Bytes of the weights in a folder; links into the hub's cache are followed."""
    return sum(file.stat().st_size for file in folder.glob("*.safetensors") if file.exists())
