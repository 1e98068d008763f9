"""The tables of CARD.md, from the figures: no number in them is typed by hand."""

from __future__ import annotations

import re
from typing import Any, Final

from demo_training.evaluation.goals import HEAD as ASKED_FOR
from demo_training.evaluation.goals import goal_rows
from demo_training.evaluation.photographs import EACH, overall_rows, photograph_rows
from demo_training.evaluation.photographs import HEAD as LABELLED
from demo_training.vocabulary import NAMES

START: Final = "<!-- figures: written by `python -m demo_training.evaluate` -->"
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


def accuracy_table(figures: dict[str, Any]) -> str:
    rows = [[name, _share(figures["l2"][name]), _share(figures["cosine"][name])] for name in SHOWN]
    return table(["share of patches", "l2", "cosine"], rows)


def class_table(figures: dict[str, Any]) -> str:
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


def answer_table(figures: dict[str, Any]) -> str:
    rows = [[QUESTIONS[k], str(v["asked"]), _share(v["score"])] for k, v in figures["answers"].items()]
    return table(["question", "asked", "score"], rows)


def photograph_table(figures: dict[str, Any]) -> str:
    rows = []
    for name, said in figures["photographs"].items():
        words = ", ".join(f"{word} {share:.0%}" for word, share in said["words"].items())
        rows.append([name, words, said["caption"]])
    return table(["photograph", "top-1 words (l2), by share of patches", "its description"], rows)


FREQUENT: Final = 8
WEAK: Final = 0.9
FOUND: Final = (
    "Asked of a session as the explorer asks. In the {scenes} scenes, every patch of those that show the thing: how "
    "often a patch at least half of which is the thing scores higher than one of which less is (AUC; 0.5 is chance). "
    "The score at the image tokens is the cosine, in the language model's last layer the logit; nothing ever asked "
    "of that layer that it names what is at a patch. The last column uses no image: it knows how often the "
    "thing is at that place in {usual} scenes of the training."
)
APART: Final = (
    "Of the first {asked} scenes, those with a thing that fills 3% of the image and shows in at most half of the "
    "patches, one thing a scene, drawn with a fixed seed: “What color is …?”, and a description that names it. Then "
    "all patches that show any of it are replaced by the mean image token, and in comparison as many patches that "
    "show none of it, either anywhere or together in one spot ({draws} draws of each a scene, their mean taken). The "
    "figures are nats that the log-probability of the answer (of a description: of the thing's word) falls by, below "
    "0 where it rises; “more” is the share of scenes in which it falls more without the thing, with a two-sided sign "
    "test. “Other answer” is how often another color, or a description without the word, comes instead."
)
LOOKED: Final = (
    "Attention of the color, or of the thing's word, to the image, all layers and heads averaged: the share that is "
    "to the patches that show the thing, against the share of the patches that do, each scene for itself. AUC: how "
    "often a patch of the thing has more of it than another."
)
ASKED: Final = {"colour": "color", "caption": "description"}
OF: Final = {"all": "", "right": ", right", "wrong": ", wrong"}


def _named(found: dict[str, Any], names: list[str], measure: str) -> str:
    return ", ".join(f"{name} {_share(found[name][measure])}" for name in names) or "none"


def _nats(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}"  # no negative zero


def find_tables(lenses: dict[str, Any]) -> str:
    """Table of the words with the most patches and the mean of all words, and a list of those with a low AUC."""
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


def ablation_table(lenses: dict[str, Any]) -> str:
    """Table of what answers lose without their thing, and without other patches."""
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


def attention_table(lenses: dict[str, Any]) -> str:
    """Table of the attention of answers to the patches of their thing."""
    rows = []
    for kind, asked in ASKED.items():
        of = lenses[kind]["looked"]
        more = f"{of['more than its patches']:.3f} (p {of['p']:.1g})"
        rows.append([asked, str(of["scenes"]), _share(of["attention"]), _share(of["patches"]), more, _share(of["auc"])])
    return table(["answer", "scenes", "attention to the thing", "its patches", "more than its patches", "AUC"], rows)


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


WEIGHED: Final = {"match": "pairs", "patch": "patches", "talk": "answers", "kind": "kinds"}


def _learns(stage: dict[str, Any]) -> str:
    learnt = [f"{of} ×{stage[name]:g}" for name, of in WEIGHED.items() if stage[name]]
    also = {
        "talkers": f"{stage['talkers']} of them spoken of",
        "kept": f"{stage['kept']:.0%} of the patches seen" if stage["kept"] < 1 else "",
        "balance": f"balance {stage['balance']:g}" if stage["patch"] else "",
        "objects": f"objects' words ×{stage['objects']:g}" if stage["objects"] != 1 else "",
        "span": f"broken off at {1 / stage['span']:.0%} of the rate's fall" if stage["span"] != 1 else "",
        "frozen": "frozen: " + ", ".join(name.strip(".").split(".")[-1] for name in stage["frozen"]),
    }
    return "; ".join([*learnt, *(text for name, text in also.items() if stage[name] and text)])


def training_table(models: dict[str, dict[str, Any]]) -> str:
    """Duration, and the stages of each model."""
    about = models["demo"]["training"]
    seconds = sum(model["training"]["training_seconds"] for model in models.values())
    said = (
        f"Seed {about['seed']}. {about['scenes']:,} scenes drawn in {_minutes(about['drawing_seconds'])}, then "
        f"{_minutes(seconds + about['language_seconds'])} of training on {about['device']} (shared with other work), "
        f"torch {about['torch']}."
    )
    rows = []
    for name, model in models.items():
        parameters = f"{model['training']['parameters']:,}"
        for i, s in enumerate(model["training"]["stages"]):
            shown = f"{s['steps'] * s['size']:,}"
            rows.append(
                [name if not i else "", parameters if not i else "", s["name"], str(s["steps"]), str(s["size"]), shown]
            )
            rows[-1] += [f"{s['rate']:g}", _learns(s)]
    head = ["model", "parameters", "stage", "steps", "batch", "presentations", "top rate", "learns"]
    return said + "\n\n" + table(head, rows)


COUNTED: Final = (
    "{scenes} held-out scenes, {patches:,} patches at least 60% one class, all pieces that are not special competing. "
    "An object is right when the class's own word is said (no synonyms); a colour when the base or the fine name of "
    "most of the patch is."
)
LIE: Final = (
    "Image tokens are {token length} long (± {spread}, the longest {longest}), words {word length}. The nearest word "
    "of an image token is {nearest distance} away, the mean word {mean distance}; the best cosine is {best cosine} on "
    "average."
)
HELD: Final = (
    "{counted} patches of {photographs} photographs, labelled before any model was looked at: the share whose five "
    "nearest words hold one that was accepted, beside what the same lists reach when they are dealt to other patches, "
    "of any photograph or of the same one; 95% intervals over photographs. No photograph was used to train or to "
    "choose anything."
)
REACHED: Final = (
    "What was asked of the models before they were made, on held-out scenes unless photographs are named. The figures "
    "are those of the tables below."
)
PAIRS: Final = (
    "The right caption among {among} distinct ones: {caption@1:.3f} of images. The right image among {among}: "
    "{picture@1:.3f} of captions. {trials} such trials."
)


def patch_tables(figures: dict[str, Any], by_class: bool) -> list[str]:
    return [COUNTED.format(**figures["l2"]), accuracy_table(figures), *([class_table(figures)] if by_class else [])]


def photograph_tables(figures: dict[str, Any]) -> list[str]:
    labelled = figures["labelled"]
    things = labelled["l2"]["things"]
    return [
        HELD.format(counted=things["overall"]["patches"], photographs=len(things["photographs"])),
        table(LABELLED, overall_rows(labelled)),
        table(EACH, photograph_rows(labelled)),
        photograph_table(figures),
    ]


def llava_sections(figures: dict[str, Any], by_class: bool) -> dict[str, list[str]]:
    return {
        "words at patches": patch_tables(figures, by_class),
        "photographs": photograph_tables(figures),
        "answers": [answer_table(figures), "Greedy; right means the same words."],
        "where the vectors lie": [LIE.format(**figures["vectors"])],
    }


def kind_table(figures: dict[str, Any]) -> list[str]:
    rows = [[kind, str(of["scenes"]), _share(of["right"])] for kind, of in figures["kinds"].items()]
    rows.append(["all", str(figures["scenes"]), _share(figures["right"])])
    return [table(["kind", "scenes", "accuracy"], rows)]


def lens_tables(lenses: dict[str, Any]) -> list[str]:
    return [
        FOUND.format(**lenses),
        find_tables(lenses),
        APART.format(**lenses),
        ablation_table(lenses),
        LOOKED,
        attention_table(lenses),
    ]


def write_card(card: str, models: dict[str, dict[str, Any]]) -> str:
    """Replace everything between the markers of the card, from `figures` and `training` of each model."""
    figures = {name: model["figures"] for name, model in models.items()}
    parts: dict[str, list[str]] = {"Asked and reached": [REACHED, table(ASKED_FOR, goal_rows(figures))]}
    parts["Making"] = [training_table(models)]
    parts |= {f"demo: {title}": body for title, body in llava_sections(figures["demo"], by_class=True).items()}
    parts["demo: what the lenses say"] = lens_tables(figures["demo"]["lenses"])
    parts |= {
        f"demo-captioned: {title}": body for title, body in llava_sections(figures["demo-captioned"], False).items()
    }
    parts["demo-siglip: pairs"] = [PAIRS.format(**figures["demo-siglip"])]
    parts["demo-vit: kinds of scene"] = kind_table(figures["demo-vit"])
    text = "\n\n".join("\n\n".join([f"### {title}", *body]) for title, body in parts.items())
    pattern = re.escape(START) + ".*?" + re.escape(END)
    if not re.search(pattern, card, re.DOTALL):
        raise ValueError(f"the card has no {START!r} … {END!r}")
    return re.sub(pattern, lambda _: f"{START}\n\n{text}\n\n{END}", card, flags=re.DOTALL)
