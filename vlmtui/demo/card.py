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


FREQUENT: Final = 8
WEAK: Final = 0.9
FOUND: Final = (
    "Asked of a session as the explorer asks. In the {scenes} scenes, every patch of those that show the thing: how "
    "often a patch at least half of which is the thing scores higher than one of which less is (AUC; 0.5 is chance). "
    "The score at the image tokens is the cosine, in the language model's last layer the logit; nothing ever asked "
    "of that layer that it names what stands at a patch. The last column looks at no picture: it knows how often the "
    "thing is at that place in {usual} scenes of the training."
)
APART: Final = (
    "Of the first {asked} scenes, those with a thing that fills 3% of the picture and shows in at most half of the "
    "patches, one thing a scene, drawn with a fixed seed: “What color is …?”, and a description that names it. Then "
    "all patches that show any of it are replaced by the mean image token, and in comparison as many patches that "
    "show none of it, either anywhere or together in one spot ({draws} draws of each a scene, their mean taken). The "
    "figures are nats that the log-probability of the answer (of a description: of the thing's word) falls by, below "
    "0 where it rises; “more” is the share of scenes in which it falls more without the thing, with a two-sided sign "
    "test. “Other answer” is how often another color, or a description without the word, comes instead."
)
LOOKED: Final = (
    "Attention of the color, or of the thing's word, to the picture, all layers and heads averaged: the share that is "
    "to the patches that show the thing, against the share of the patches that do, each scene for itself. AUC: how "
    "often a patch of the thing has more of it than another."
)
ASKED: Final = {"colour": "color", "caption": "description"}
OF: Final = {"all": "", "right": ", right", "wrong": ", wrong"}


def _named(found: dict[str, Any], names: list[str], measure: str) -> str:
    return ", ".join(f"{name} {_share(found[name][measure])}" for name in names) or "none"


def _nats(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no zero below zero


def finding(lenses: dict[str, Any]) -> str:
    """The words of the most patches, the mean of all, and those that are found badly."""
    found = lenses["find"]
    measures = ("auc", "within", "last", "place")
    often = sorted(found, key=lambda name: (-found[name]["patches"], name))[:FREQUENT]
    rows = [
        [name, *(f"{found[name][k]:,}" for k in ("scenes", "patches")), *(_share(found[name][k]) for k in measures)]
        for name in often
    ]
    means = [_share(sum(of[k] for of in found.values()) / len(found)) for k in measures]
    rows.append([f"mean of all {len(found)} words", "", "", *means])
    head = ["find", "scenes", "patches", "AUC", "mean of each scene's own", "last layer", "its usual place alone"]
    weak = sorted((name for name in found if found[name]["auc"] < WEAK), key=lambda name: found[name]["auc"])
    beaten = [name for name in found if found[name]["auc"] < found[name]["place"]]
    return "\n\n".join(
        [
            table(head, rows),
            f"AUC below {WEAK}: {_named(found, weak, 'auc')}. The usual place alone does better than the word for: "
            f"{_named(found, beaten, 'place')}.",
        ]
    )


def taken_apart(lenses: dict[str, Any]) -> str:
    """What answers lose without their thing, and without other patches."""
    rows = []
    for kind, asked in ASKED.items():
        for group, of in lenses[kind]["ablated"].items():
            sides = [of[name] for name in ("thing", "scattered", "together")]
            rows.append([asked + OF[group], str(of["scenes"])])
            rows[-1] += [f"{_nats(side['mean'])} ({_nats(side['median'])})" for side in sides]
            rows[-1] += [f"{side['thing is more']:.3f} (p {side['p']:.1g})" for side in sides[1:]]
            rows[-1] += [" / ".join(_share(side["another answer"]) for side in sides)]
    head = ["answer", "scenes", "without the thing: mean (median)", "without as many anywhere", "… in one spot"]
    return table([*head, "more than anywhere", "more than in one spot", "other answer: thing / anywhere / spot"], rows)


def looked(lenses: dict[str, Any]) -> str:
    """Where answers looked."""
    rows = []
    for kind, asked in ASKED.items():
        of = lenses[kind]["looked"]
        more = f"{of['more than its patches']:.3f} (p {of['p']:.1g})"
        rows.append([asked, str(of["scenes"]), _share(of["attention"]), _share(of["patches"]), more, _share(of["auc"])])
    return table(["answer", "scenes", "attention to the thing", "its patches", "more than its patches", "AUC"], rows)


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
    lenses = figures["lenses"]
    parts = {
        "Making": [making(training)],
        "Words at patches": [COUNTED.format(**figures["l2"]), overall(figures), classes(figures)],
        "Answers": [answers(figures), "Greedy; right means the same words."],
        "Where the vectors lie": [LIE.format(**figures["vectors"])],
        "What the lenses say": [
            FOUND.format(**lenses),
            finding(lenses),
            APART.format(**lenses),
            taken_apart(lenses),
            LOOKED,
            looked(lenses),
        ],
        "Photographs": ["Never used to train or to choose anything; here to show how it fails.", pictures(figures)],
    }
    text = "\n\n".join("\n\n".join([f"### {title}", *body]) for title, body in parts.items())
    pattern = re.escape(START) + ".*?" + re.escape(END)
    if not re.search(pattern, card, re.DOTALL):
        raise ValueError(f"the card has no {START!r} … {END!r}")
    return re.sub(pattern, lambda _: f"{START}\n\n{text}\n\n{END}", card, flags=re.DOTALL)
