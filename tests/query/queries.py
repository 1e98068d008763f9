"""Queries made from options in one flat list."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from vlmtui.query.options import EntrySelection, LoadOptions, OutputOptions, Query, ReadOptions, SearchOptions

_PARTS = {
    "load": LoadOptions,
    "read": ReadOptions,
    "search": SearchOptions,
    "selection": EntrySelection,
    "output": OutputOptions,
}


def query_of(model: str = "tiny", /, **options: Any) -> Query:
    """The query with these options, each put into the part that has it."""
    options["model"] = model
    parts = {
        name: part(**{field.name: options.pop(field.name) for field in fields(part) if field.name in options})
        for name, part in _PARTS.items()
    }
    return Query(**parts, **options)  # type: ignore[arg-type]


def with_options(of: Query, **options: Any) -> Query:
    """A query with some options changed."""
    every = {
        field.name: getattr(getattr(of, name), field.name) for name, part in _PARTS.items() for field in fields(part)
    }
    every |= {"lens": of.lens} | options
    return query_of(every.pop("model"), **every)
