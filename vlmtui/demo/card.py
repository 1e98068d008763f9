"""The tables of CARD.md, from the figures: no number in them is typed by hand."""

from __future__ import annotations

import re
from typing import Any, Final

from vlmtui.demo.words import NAMES

START: Final = "<!-- figures: written by `python -m vlmtui.demo.evaluate` -->"
END: Final = "<!-- end of figures -->"
SHOWN: Final = (
    "object@1",
    "object@5",
    "colour@1",
    "colour@5",
    "object-or-colour@1",
    "macro object@1",
    "macro object@5",
)


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _share(value: float) -> str:
    return f"{value:.3f}"


def overall(figures: dict[str, Any]) -> str:
    rows = [[name, _share(figures["l2"][name]), _share(figures["cosine"][name])] for name in SHOWN]
    return table(["share of patches", "l2", "cosine"], rows)


def classes(figures: dict[str, Any]) -> str:
    measures = [f"{what}@{k}, {metric}" for what in ("object", "colour") for metric in ("l2", "cosine") for k in (1, 5)]
    head = ["class", "patches", *measures]
    rows = []
    for name in NAMES:
        near, alike = figures["l2"]["classes"].get(name), figures["cosine"]["classes"].get(name)
        if near is None:
            rows.append([name, "0", *["–"] * 8])
            continue
        parts = [_share(d[f"{what}@{k}"]) for what in ("object", "colour") for d in (near, alike) for k in (1, 5)]
        rows.append([name, str(near["patches"]), *parts])
    return table(head, rows)


QUESTIONS: Final = {
    "caption": "caption: F1 of content words",
    "colour": "“What color is …?”",
    "place": "“What is in the top left?” and the like",
    "presence": "“Is there …?” (half of them yes)",
}


def answers(figures: dict[str, Any]) -> str:
    rows = [[QUESTIONS[k], str(v["asked"]), _share(v["score"])] for k, v in figures["answers"].items()]
    return table(["question", "asked", "score"], rows)


def pictures(figures: dict[str, Any]) -> str:
    rows = []
    for name, said in figures["photographs"].items():
        words = ", ".join(f"{word} {share:.0%}" for word, share in said["words"].items())
        rows.append([name, words, said["caption"]])
    return table(["photograph", "first words (l2), by share of patches", "its description"], rows)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def making(training: dict[str, Any]) -> str:
    rows = [
        [s["name"], str(s["steps"]), str(s["size"]), f"{s['steps'] * s['size']:,}"]
        + [f"{s[name]:g}" for name in ("rate", "patch", "talk", "talkers", "balance", "hue")]
        for s in training["stages"]
    ]
    said = (
        f"{training['parameters']:,} parameters, seed {training['seed']}. {training['scenes']:,} scenes drawn in "
        f"{_minutes(training['drawing_seconds'])}, then {_minutes(training['training_seconds'])} of training on "
        f"{training['device']} (shared with other work), torch {training['torch']}."
    )
    head = "stage|steps|batch|presentations|top rate|patch loss|language loss|spoken of|balance|hue".split("|")
    return said + "\n\n" + table(head, rows)


COUNTED: Final = (
    "{scenes} held-out scenes, {patches:,} patches at least 60% one class, all pieces that are not special competing. "
    "An object is right when the class's own word is said (no synonyms); a colour when the base or the fine name of "
    "most of the patch is."
)
LIE: Final = (
    "Image tokens are {token length} long, words {word length}. The nearest word of an image token is "
    "{nearest distance} away, the mean word {mean distance}; the best cosine is {best cosine} on average. A token "
    "sits between words, not on one."
)


def write_card(card: str, figures: dict[str, Any], training: dict[str, Any]) -> str:
    """The card with everything between its markers written anew."""
    parts = {
        "Making": [making(training)],
        "Words at patches": [COUNTED.format(**figures["l2"]), overall(figures), classes(figures)],
        "Answers": [answers(figures), "Greedy; right means the same words."],
        "Where the vectors lie": [LIE.format(**figures["vectors"])],
        "Photographs": ["Never used to train or to choose anything; here to show how it fails.", pictures(figures)],
    }
    text = "\n\n".join("\n\n".join([f"### {title}", *body]) for title, body in parts.items())
    pattern = re.escape(START) + ".*?" + re.escape(END)
    if not re.search(pattern, card, re.DOTALL):
        raise ValueError(f"the card has no {START!r} … {END!r}")
    return re.sub(pattern, lambda _: f"{START}\n\n{text}\n\n{END}", card, flags=re.DOTALL)
