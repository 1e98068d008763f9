"""What is usual for a format where the query leaves it open: folded spellings, and the noise baseline."""

from __future__ import annotations

import pytest

from tests.query.queries import query_of
from vlmtui.reports.formats.registry import FORMATS, format_named

READ, DRAWN = ("text", "html"), ("png", "svg", "gif", "ansi")


@pytest.mark.parametrize("name", [one.name for one in FORMATS])
def test_what_is_read_folds_and_tells_noise_of_one_image(name: str) -> None:
    usual = format_named(name).usual
    fold = True if name in READ else None
    for several in (False, True):
        noise = not several if name in (*READ, *DRAWN) else None
        search = usual(query_of("tiny"), several).search
        assert (search.fold, search.noise, search.null) == (fold, noise, False)
    for asked in (False, True):
        search = usual(query_of("tiny", fold=asked, noise=asked), True).search
        assert (search.fold, search.noise) == (asked, asked)
