"""The form in a real Chromium, under its own policy: an error on the console or a breach of the policy fails."""

from __future__ import annotations

from pathlib import Path

from tests.reports.page.chromium import started
from tests.web.server import ready


def test_a_picture_is_sent_from_the_form_to_the_model_chosen(siglip_folder: Path) -> None:
    with started() as browser, ready("-m", "demo", "-m", str(siglip_folder)) as server:
        page = browser.new_page()
        wrong: list[str] = []
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.address)
        page.set_input_files("#file", "sample_images/scene-town.png")
        page.select_option("#model", str(siglip_folder))
        page.fill("#num_words", "3")
        page.click("button[type=submit]")
        page.wait_for_selector("#words .word", timeout=60_000)
        assert page.title().startswith("scene-town.png · ")
        assert "tiny-siglip" in page.title()
        assert wrong == []


def test_without_javascript_and_with_nothing_chosen() -> None:
    with started() as browser, ready() as server:
        page = browser.new_context(java_script_enabled=False).new_page()
        page.goto(server.address)
        page.click("button[type=submit]")
        assert "there is no image" in page.inner_text("[role=alert]")
        page.click("text=Back to the form")
        page.set_input_files("#file", "sample_images/scene-town.png")
        page.click("button[type=submit]")
        page.wait_for_selector("#image", timeout=60_000)
        assert page.title() == "scene-town.png · demo · vlmtui"
