"""The server's own pages: the form, the question for the token, and a refusal for a person."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vlmtui.display.pieces import plain
from vlmtui.reports.page.document import hashed, palette


def render(name: str, **given: Any) -> str:
    """A template of `assets`; everything given is escaped."""
    environment = Environment(
        loader=PackageLoader("vlmtui.web", "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["plain"] = plain
    return environment.get_template(name).render(style=Markup(_style()), script=Markup(asset("form.js")), **given)


@lru_cache(maxsize=1)
def policy() -> str:
    """What these pages may do: wear their style, run their script, send their form, ask for the place in the queue."""
    return (
        f"default-src 'none'; img-src data:; style-src '{hashed(_style())}'; script-src '{hashed(asset('form.js'))}'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@lru_cache(maxsize=4)
def asset(name: str) -> str:
    """The text of a file of `assets`."""
    return resources.files("vlmtui.web").joinpath("assets", name).read_text("utf-8")


def _style() -> str:
    """The colours of the pages that are sent, and what a form needs besides."""
    return palette() + asset("form.css")
