"""The pages of lenses: one for each built-in lens, with its facts from the registry, and the table of all."""

from __future__ import annotations

import pytest

from tests.docs.blocks import DOCS, check_block, markdown_table
from vlmtui.lenses.base import Lens
from vlmtui.lenses.registry import built_in_lenses

PAGES = DOCS / "lenses"
HEADINGS = ("## What it shows", "## How it is computed", "## How it was checked", "## How to misread it")
SHORT = 80
"""Characters of a section that says too little."""
OTHER_PAGES = {"index", "own"}
COMMANDS = {
    "hidden-states": "`--vectors FILE`",
    "nearest-tokens": "every report; `--metric`",
    "norms": "`--draw norms`",
    "noise-baseline": "`--null`",
    "agreement": "`--null`",
    "attention": "`vlmtui ask --attention`",
    "rollout": "",
    "gradient": "`vlmtui ask --gradient`",
    "occlusion": "`vlmtui ask --occlude SIDE`",
    "ablation": "`vlmtui ask --ablate ROW,COLUMN`",
    "mask": "",
    "patch-embedding": "`--stage pixels`",
    "image-text": "`vlmtui match`",
    "pair-loss": "`vlmtui match --captions`",
    "classes": "`vlmtui classify`",
    "vocabulary": "`vlmtui vocabulary`",
    "near": "`vlmtui vocabulary --near WORD`",
}
"""How commands ask for the lenses that `--lens` does not take; "" where no command does."""


def in_reports(one: Lens) -> str:
    """How a command asks for the lens."""
    if not one.offer.listed:
        return COMMANDS[one.name]
    if one.offer.word:
        return f"`--lens {one.name} --find WORD`"
    return f"`--lens {one.name} --marked ROW,COLUMN`" if one.offer.marked else f"`--lens {one.name}`"


def test_every_lens_has_a_page_and_every_page_a_lens() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - OTHER_PAGES == set(built_in_lenses())
    assert COMMANDS.keys() == {one.name for one in built_in_lenses().values() if not one.offer.listed}


@pytest.mark.parametrize("one", built_in_lenses().values(), ids=lambda one: one.name)
def test_a_page_says_what_the_registry_says(one: Lens) -> None:
    page = PAGES / f"{one.name}.md"
    described = one.described
    options = ", ".join(
        f"`{option.name}`" if option.default is None else f"`{option.name}` ({option.default})"
        for option in described.options
    )
    rows = [
        ("of", described.subject),
        ("kind of result", f"[`{described.kind}`](own.md#kinds)"),
        ("stages", ", ".join(described.stages)),
        ("options", options),
        ("cost", described.cost),
        ("in reports", in_reports(one)),
    ]
    shown = markdown_table(("lens", f"`{one.name}`"), [row for row in rows if row[1]])
    check_block(page, "facts", f"{described.line}\n\n{shown}")
    text = page.read_text(encoding="utf-8")
    assert text.startswith(f"# `{one.name}`\n")
    parts = [text.index(heading) for heading in HEADINGS]
    assert parts == sorted(parts)
    for heading, start, end in zip(HEADINGS, parts, [*parts[1:], len(text)], strict=True):
        long = len(text[start:end].removeprefix(heading).strip())
        title = heading.removeprefix("## ")
        assert long > SHORT, f"section {title!r} of {page.name} has {long} characters: say it in more than {SHORT}"
    assert "tests/" in text[parts[2] : parts[3]]


def test_the_index_lists_all() -> None:
    rows = [
        (f"[`{one.name}`]({one.name}.md)", one.line, one.subject, one.described.kind, in_reports(one))
        for one in built_in_lenses().values()
    ]
    check_block(
        PAGES / "index.md", "lenses", markdown_table(("lens", "what it shows", "of", "kind", "in reports"), rows)
    )
