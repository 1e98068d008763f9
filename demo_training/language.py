"""Captions, questions and answers about an image, derived from its pixels and labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from demo_training.colours import BASE, name_pixels
from demo_training.vocabulary import CLASS_OF, CLASSES, GLYPHS, INDEX, NAMES, OTHER

DESCRIBE = "Describe the image."
BACKDROPS = ("sky", "night", "wall", "paper")
GROUNDS = ("sea", "sand", "grass", "snow", "road")


@dataclass(frozen=True)
class Facts:
    """Facts about an image.

    `area` `[classes]` shares of the image; `colour` `[classes]` indices in BASE; `cells` the main class of each ninth,
    row by row, -1 where none fills half of it; `glyphs` the characters drawn.
    """

    area: NDArray[np.float64]
    colour: NDArray[np.intp]
    cells: tuple[int, ...]
    glyphs: str


def image_facts(rgb: Tensor, labels: Tensor, glyphs: Sequence[str]) -> list[Facts]:
    """Find the facts of uint8 images `[b, h, w, 3]` with labels `[b, h, w]`."""
    base, _, _ = name_pixels(rgb[:, ::2, ::2])
    small = torch.tensor(CLASS_OF, device=rgb.device)[labels[:, ::2, ::2].long()]
    counts = _counts(small * len(BASE) + base, len(CLASSES) * len(BASE))
    table = counts.reshape(-1, len(CLASSES), len(BASE)).cpu().numpy()
    cells = []
    for rows in small.tensor_split(3, 1):
        for cell in rows.tensor_split(3, 2):
            most, which = _counts(cell, len(CLASSES)).max(1)
            half = cell.shape[1] * cell.shape[2] / 2
            cells.append(torch.where(most > half, which, -1))
    found = torch.stack(cells, 1).tolist()
    areas = table.sum(2) / (small.shape[1] * small.shape[2])
    return [Facts(areas[i], table[i].argmax(1), tuple(found[i]), written) for i, written in enumerate(glyphs)]


def _counts(values: Tensor, count: int) -> Tensor:
    """Count each of `count` values in each image: `[b, h, w]` to `[b, count]`."""
    images = len(values)
    at = values.reshape(images, -1) + torch.arange(images, device=values.device)[:, None] * count
    return torch.bincount(at.flatten(), minlength=images * count).reshape(images, count)


def article(words: str) -> str:
    """Put "a" or "an" before words."""
    return ("an " if words[0] in "aeiou" else "a ") + words


def phrase(facts: Facts, index: int) -> str:
    """Name a class with its main colour: "a red house", "green grass"."""
    kind = CLASSES[index]
    words = f"{BASE[int(facts.colour[index])]} {kind.word}"
    return words if kind.mass or kind.plural else article(words)


def visible_classes(facts: Facts, least: float = 0.015) -> list[int]:
    """Find the classes that fill at least a share of the image, largest first."""
    order = np.argsort(-facts.area, kind="stable")
    return [int(i) for i in order if facts.area[i] >= least]


def caption(facts: Facts) -> str:
    """Describe the main things with their colours, then what is below and behind them."""
    seen = visible_classes(facts)
    if not seen:
        return "a picture."
    back = [i for i in seen if NAMES[i] in BACKDROPS][:1]
    ground = [i for i in seen if NAMES[i] in GROUNDS][:1]
    things = [i for i in seen if i not in back and i not in ground][:3]
    if not things:
        things, ground = ground, []
    if not things:
        things, back = back, []
    said = [phrase(facts, i) for i in things]
    out = said[0] if len(said) == 1 else ", ".join(said[:-1]) + " and " + said[-1]
    if facts.glyphs and len(facts.glyphs) <= 2:
        out += " " + " ".join(facts.glyphs)
    if ground:
        out += f" on {phrase(facts, ground[0])}"
    if back:
        where = "under" if NAMES[back[0]] in ("sky", "night") else "on" if not ground else "by"
        out += f" {where} {phrase(facts, back[0])}"
    return out + "."


PLACES = ("in the top left", "at the top", "in the top right", "on the left", "in the middle", "on the right",
          "in the bottom left", "at the bottom", "in the bottom right")  # fmt: skip


def colour_question(facts: Facts, rng: np.random.Generator) -> tuple[str, str] | None:
    """Ask for the colour of a visible class, with the answer; None where there is none."""
    seen = visible_classes(facts, 0.03)
    if not seen:
        return None
    i = seen[int(rng.integers(len(seen)))]
    verb = "are" if CLASSES[i].plural else "is"
    return f"What color {verb} the {NAMES[i]}?", f"{BASE[int(facts.colour[i])]}."


def place_question(facts: Facts, rng: np.random.Generator) -> tuple[str, str] | None:
    """Ask what is in one of the ninths, with the answer; None where nothing fills half of one."""
    known = [i for i, c in enumerate(facts.cells) if c >= 0]
    if not known:
        return None
    at = known[int(rng.integers(len(known)))]
    return f"What is {PLACES[at]}?", f"{NAMES[facts.cells[at]]}."


def presence_question(facts: Facts, rng: np.random.Generator) -> tuple[str, str]:
    """Ask whether a class is there, yes and no at even odds; one that barely shows is not asked for."""
    there = visible_classes(facts, 0.02)
    if rng.random() < 0.5 and there:
        i, answer = there[int(rng.integers(len(there)))], "yes."
    else:
        absent = np.flatnonzero(facts.area == 0)
        i, answer = int(absent[int(rng.integers(len(absent)))]), "no."
    kind = CLASSES[i]
    if kind.plural:
        return f"Are there {kind.word}?", answer
    return f"Is there {kind.word if kind.mass else article(kind.word)}?", answer


def reworded(question: str, rng: np.random.Generator) -> str:
    """Vary the wording of a question: "what colour is the sky", "is there a tree in the picture?"."""
    if rng.random() < 0.4:
        question = question.replace("color", "colour")
    if question.startswith(("Is there", "Are there")) and rng.random() < 0.2:
        question = question.removesuffix("?") + f" in the {('picture', 'image', 'photo')[int(rng.integers(3))]}?"
    if rng.random() < 0.4:
        question = question[0].lower() + question[1:]
    return question[:-1] if rng.random() < 0.1 else question


COLOURS_ASKED, PLACES_ASKED, PRESENCES_ASKED = 2, 1, 4


def turns(facts: Facts, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Turns of a conversation: a caption and questions, none twice, in random order."""
    asks = [colour_question] * COLOURS_ASKED + [place_question] * PLACES_ASKED + [presence_question] * PRESENCES_ASKED
    asked = dict(found for ask in asks if (found := ask(facts, rng)))
    said = [(reworded(question, rng), answer) for question, answer in asked.items()]
    said.append((DESCRIBE if rng.random() < 0.8 else reworded(DESCRIBE, rng), caption(facts)))
    order = [int(i) for i in rng.permutation(len(said))]
    if rng.random() < 0.3:  # descriptions come first more often than any question
        order.remove(len(said) - 1)
        order.insert(0, len(said) - 1)
    return [said[i] for i in order]


def alt_text(facts: Facts, rng: np.random.Generator) -> str:
    """Alternative text as on a web page, in lower case: the caption, or the main things in fewer words."""
    seen = visible_classes(facts)
    if not seen or rng.random() < 0.75:
        return caption(facts).lower()
    form = ("a photo of {}.", "a picture of {}.", "{}.", "an image of {}.")[int(rng.integers(4))]
    most = int(rng.integers(1, 3))
    return form.format(" and ".join(phrase(facts, i) for i in seen[:most])).lower()


def unrelated_sentence(rng: np.random.Generator) -> str:
    """A sentence of unrelated words, so that the model also learns words that are never drawn."""
    w = [OTHER[int(i)] for i in rng.integers(0, len(OTHER), 4)]
    c = NAMES[int(rng.integers(len(NAMES)))]
    shapes = (f"the {w[0]} and the {w[1]} {w[2]} with the {w[3]}.", f"{article(w[0])} {w[1]} is near the {c}.",
              f"they {w[0]} the {w[1]} {w[2]} to the {w[3]}.", f"there is {article(w[0])} in this {w[1]}.")  # fmt: skip
    return shapes[int(rng.integers(len(shapes)))]


def fake_facts(rng: np.random.Generator) -> Facts:
    """Random facts, to train the forms of sentences without images."""
    area = np.zeros(len(CLASSES))
    chosen = rng.choice(len(CLASSES), int(rng.integers(2, 6)), replace=False)
    area[chosen] = rng.dirichlet(np.ones(len(chosen)))
    glyph = GLYPHS[int(rng.integers(len(GLYPHS)))] if area[INDEX["letter"]] else ""
    cells = tuple(int(chosen[int(i)]) for i in rng.integers(0, len(chosen), 9))
    return Facts(area, rng.integers(0, len(BASE), len(CLASSES)), cells, glyph)
