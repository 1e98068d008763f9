"""Worked examples of the form's page, from a real server."""

from __future__ import annotations

import io
import re

import httpx2 as httpx
from PIL import Image

from tests.web.server import ready
from vlmtui.reports.page.data import PURSUIT
from vlmtui.web.examples import EXAMPLES, example_image


def test_each_example_has_an_image_and_its_report() -> None:
    with ready() as server, httpx.Client(base_url=server.address, timeout=300, trust_env=False) as client:
        form = client.get("/").text
        assert len(EXAMPLES) == 3
        pages = {}
        for example in EXAMPLES:
            assert f'<a href="/examples/{example.name}"><img src="/examples/{example.name}.jpg"' in form
            shown = client.get(f"/examples/{example.name}.jpg")
            assert Image.open(io.BytesIO(shown.content)).format == "JPEG"
            assert "img-src data: 'self'" in client.get("/").headers["content-security-policy"]
            page = client.get(f"/examples/{example.name}")
            assert page.status_code == 200
            assert f"<title>{example.name}.jpg" in page.text
            assert example_image(example).sha256 in page.text
            pages[example] = page.text
        # the second time it is the same page, without the model
        assert client.get(f"/examples/{EXAMPLES[0].name}").text == pages[EXAMPLES[0]]
        # the server's default metric is omp, and its pages say what that is
        assert all(PURSUIT in page for page in pages.values())
        assert PURSUIT not in server.post(example_image(EXAMPLES[0]).data).text
        refused = client.get("/examples/no-such")
        assert refused.status_code == 404
        assert re.search("the examples are china, flower, town", refused.text)
        assert client.get("/examples/..%2Fform").status_code == 404
