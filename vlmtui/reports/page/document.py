"""HTML document of a page: one template with its style and script, each allowed by its hash."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache
from importlib import resources

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from vlmtui._version import __version__
from vlmtui.display.pieces import plain
from vlmtui.reports.page.content import PageContent
from vlmtui.reports.page.data import image_title, page_data
from vlmtui.reports.page.image import embed_image

SCRIPTS = ("numbers", "data", "state", "elements", "panels", "chart", "picture", "finding", "table", "keys", "page")
"""Parts of the script in order: what is declared first is available to later ones."""

LENS = "lens"
"""Script appended where the page has a lens; a page without one keeps its bytes."""


def page_document(content: PageContent) -> str:
    """The complete page; the same content gives the same bytes."""
    css, script = style(), _script(content.lens is not None)
    embedded = embed_image(content.rgb)
    image, model = content.reading.image, content.reading.model
    source, name = image_title(image.source), plain(model.name)
    return template("page.html").render(
        policy=policy(css, script),
        style=Markup(css),
        script=Markup(script),
        title=f"{source} · {name}",
        source=source,
        width=image.width,
        height=image.height,
        model=name,
        image=embedded.address,
        data=page_data(content, embedded),
        version=__version__,
    )


def template(name: str, package: str = __package__) -> Template:
    """A template of a package's `assets`, which may include those of the page; all values are escaped."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(package, "assets"), PackageLoader(__package__, "assets")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"allow_nan": False, "separators": (",", ":")}
    return environment.get_template(name)


def own_policy() -> str:
    """The content security policy embedded in every page, for a server that also sends it as a header."""
    return policy(style(), _script())


def policy(style: str, script: str | None = None) -> str:
    """A content security policy that allows the embedded image, this style and this script, and no network access."""
    scripts = "" if script is None else f"script-src '{hashed(script)}'; "
    return (
        f"default-src 'none'; img-src data:; style-src '{hashed(style)}'; {scripts}base-uri 'none'; form-action 'none'"
    )


@lru_cache(maxsize=1)
def style() -> str:
    """The style sheet of every page."""
    return palette() + "\n" + _asset("page.css")


def palette() -> str:
    """The colours of all pages, by meaning."""
    return _asset("palette.css")


@lru_cache(maxsize=2)
def _script(lens: bool = False) -> str:
    parts = "\n".join(_asset(f"{name}.js") for name in (*SCRIPTS, *((LENS,) if lens else ())))
    return f'(() => {{\n"use strict";\n{parts}}})();\n'


def _asset(name: str) -> str:
    text = resources.files("vlmtui.reports.page").joinpath("assets", name).read_text("utf-8")
    # would end the enclosing element, or be normalised by the parser and no longer match the hash
    assert not any(mark in text.lower() for mark in ("</script", "</style", "<!--", "\r")), name
    return text


def hashed(text: str) -> str:
    """The hash source of a style or script in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
