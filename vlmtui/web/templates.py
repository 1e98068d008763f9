"""Templates of the server's own pages: the form, the login by token, and refusals."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vlmtui.display.pieces import plain
from vlmtui.reports.page.document import hashed, palette


def render_template(name: str, **given: Any) -> str:
    """Render a template of `assets`; all values are escaped."""
    environment = Environment(
        loader=PackageLoader("vlmtui.web", "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["plain"] = plain
    return environment.get_template(name).render(style=Markup(_style()), script=Markup(read_asset("form.js")), **given)


@lru_cache(maxsize=1)
def content_policy() -> str:
    """The Content-Security-Policy of these pages: own style and script, the form, and requests for the queue."""
    style, script = hashed(_style()), hashed(read_asset("form.js"))
    return (
        f"default-src 'none'; img-src data: 'self'; style-src '{style}'; script-src '{script}'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@lru_cache(maxsize=4)
def read_asset(name: str) -> str:
    """The text of a file of `assets`."""
    return resources.files("vlmtui.web").joinpath("assets", name).read_text("utf-8")


def _style() -> str:
    """The colours of report pages, and the style of forms."""
    return palette() + read_asset("form.css")
