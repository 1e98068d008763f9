"""The server's own pages: the form, the question for the token, and a refusal for a person."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from vlmtui.display.pieces import plain


def render(name: str, **given: Any) -> str:
    """A template of `assets`; everything given is escaped."""
    environment = Environment(
        loader=PackageLoader("vlmtui.web", "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters["plain"] = plain
    return environment.get_template(name).render(
        style=Markup(asset("form.css")), script=Markup(asset("form.js")), **given
    )


@lru_cache(maxsize=1)
def policy() -> str:
    """What these pages may do: wear their style, run their script, send their form, ask for the place in the queue."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_hash('form.css')}'; script-src '{_hash('form.js')}'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@lru_cache(maxsize=4)
def asset(name: str) -> str:
    """The text of a file of `assets`."""
    return resources.files("vlmtui.web").joinpath("assets", name).read_text("utf-8")


def _hash(name: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(asset(name).encode()).digest()).decode()}"
