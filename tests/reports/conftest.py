"""A browser for the pages, started when the first test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reports.page import chromium


@pytest.fixture(scope="module")  # while it lives its driver's event loop does, in which no other can be started
def browser() -> Iterator[Any]:
    """A Chromium; the test is skipped where there is none."""
    with chromium.started() as browser:
        yield browser


@pytest.fixture
def opened(browser: Any, tmp_path: Path) -> Iterator[chromium.Opened]:
    """Opens pages in the browser, and watches them."""
    with chromium.watched(browser, tmp_path) as opened:
        yield opened
