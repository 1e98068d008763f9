"""Folders of lenses: a user's own lenses by name, each a Python file in the folder or a folder with `__init__.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def lenses_in_folders(folders: Sequence[str]) -> dict[str, str]:
    """The paths of all lenses by name, with hyphens for underscores; of two with one name the first folder's."""
    found: dict[str, str] = {}
    for folder in map(Path, folders):
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            is_file = path.suffix == ".py" and path.is_file()
            if path.name.startswith((".", "_")) or not (is_file or (path / "__init__.py").is_file()):
                continue
            found.setdefault((path.stem if is_file else path.name).replace("_", "-"), str(path))
    return found


def find_in_folders(name: str, folders: Sequence[str]) -> str | None:
    """The lens `NAME`, or `NAME:LENS` of a file with several, as `--lens` takes it by path; None for no such file."""
    file, mark, lens = name.partition(":")
    path = lenses_in_folders(folders).get(file.replace("_", "-"))
    return None if path is None else f"{path}{mark}{lens}"
