"""Pages in a real Chromium, watched: an error on the console, a breach of the policy or a request fails the test."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from vlmtui.display.numbers import format_number
from vlmtui.display.pieces import visible
from vlmtui.reading import TokenWords

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")


def executable() -> str | None:
    """A Chromium of this machine: the one that CHROMIUM names, or one on the PATH."""
    return os.environ.get("CHROMIUM") or next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def started() -> Iterator[Any]:
    """A browser; without one the tests are skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright drives the browser: pip install it")
    path = executable()
    if path is None:
        pytest.skip("no Chromium on this machine: install one, or name it in CHROMIUM")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


Opened = Callable[..., Any]
"""(the text of a page, options of the browser's context) -> the page, opened from a file."""


@contextmanager
def watched(browser: Any, folder: Path) -> Iterator[Opened]:
    """Opens pages as files, and in the end looks at what they did."""
    contexts: list[Any] = []
    said: list[str] = []
    asked: list[str] = []

    def opened(text: str, **options: Any) -> Any:
        file = folder / f"{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(**({"viewport": {"width": 1400, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(60_000)  # of milliseconds, for a machine that is busy
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(file.as_uri())
        return page

    try:
        yield opened
        for context in contexts:
            for page in context.pages:
                page.evaluate("0")  # what was said so far has come when this is answered
    finally:
        for context in contexts:
            context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file://", "data:", "about:"))] == []
    assert sum(url.startswith("file://") for url in asked) == len(contexts)


def texts(page: Any, selector: str) -> list[str]:
    """The text of every element there is, as it is laid out."""
    return [" ".join(text.split()) for text in page.locator(selector).all_inner_texts()]


def rows(page: Any) -> list[tuple[str, str, str]]:
    """The words listed: piece, score, id."""
    columns = [texts(page, f"#words li:not(.heads) .{name}") for name in ("word", "score", "id")]
    return list(zip(*columns, strict=True))


def told(words: TokenWords, entry: int, joins: bool = True) -> list[tuple[str, str, str]]:
    """The words of an entry as the page should list them."""
    return [
        (
            visible(words.pieces[id_], words.texts[id_], joins),
            format_number(abs(score) if words.metric == "l2" else score),
            str(id_),
        )
        for id_, score in words.at(entry)
    ]


def place(page: Any) -> str:
    """What the patch panel says of where the cursor is."""
    return str(page.locator("#patch-about").inner_text())
