"""Words at the patches of labelled photographs: how often they are accepted, beside lists dealt at random.

For measuring only: the labels must never be used to train, to choose a checkpoint or to tune the drawings.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from demo_training.evaluation.answers import LlavaCheckpoint
from demo_training.evaluation.patch_accuracy import nearest

ROOT: Final = Path(__file__).parents[2]
LABELS: Final = ROOT / "tests" / "data" / "photographs.json"
PICTURES: Final = ROOT / "sample_images"
WORDS: Final = 5
DRAWS: Final = 10_000
ALSO: Final = {"gray": "grey", "person": "people", "woman": "women"}  # spellings that follow no rule

What = Literal["things", "colours"]


class Patch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A patch at `row` and `col` from 0, and the words that are accepted for it."""

    row: int
    col: int
    things: tuple[str, ...] = ()
    colours: tuple[str, ...] = ()
    unclear: bool = False


class Photograph(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The labelled patches of a photograph, and the hash of its file."""

    sha256: str
    patches: tuple[Patch, ...]

    @property
    def counted(self) -> list[Patch]:
        """Patches with clear labels."""
        return [p for p in self.patches if not p.unclear]


class Labels(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All labelled photographs by file name; each has `grid` × `grid` patches over the whole image, stretched."""

    about: tuple[str, ...]
    grid: int
    seed: int
    photographs: dict[str, Photograph]


def read_labels(path: Path = LABELS) -> Labels:
    """Read the labels."""
    return msgspec.json.decode(path.read_bytes(), type=Labels)


def spellings(word: str) -> set[str]:
    """Spell a singular word and its plural: leaf, leafs, leaves."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        plurals = {word + "es"}
    elif word.endswith("y") and word[-2:-1] not in set("aeiou"):
        plurals = {word[:-1] + "ies"}
    elif word.endswith(("f", "fe")):
        plurals = {word + "s", word.removesuffix("e")[:-1] + "ves"}
    else:
        plurals = {word + "s"}
    return {word, *plurals, ALSO.get(word, word)}


def bare(piece: str) -> str:
    """Remove the marks of a word's beginning or end from a word-piece, and fold its case."""
    return piece.removesuffix("</w>").lstrip("▁Ġ ").casefold()


def hits(accepted: Sequence[Iterable[str]], lists: Sequence[Iterable[str]]) -> NDArray[np.bool_]:
    """Whether list j has a word accepted at patch i: `[patches, lists]`."""
    right = [set().union(*map(spellings, words)) for words in accepted]
    said = [{bare(piece) for piece in pieces} for pieces in lists]
    return np.array([[not words.isdisjoint(pieces) for pieces in said] for words in right], bool)


def score(hit: NDArray[np.bool_], of: NDArray[np.intp], seed: int = 0) -> dict[str, Any]:
    """Score `hits` `[n, n]`, with the photograph `[n]` of each patch: the share of patches whose own list is right.

    `all dealt` and `own dealt` are exact: what the share is on average over all permutations of the lists, among all
    patches or among those of the same photograph. `interval` and `above dealt` (the share less `own dealt`) are 95%
    intervals by the bootstrap: over photographs, whose patches are alike, or of a single photograph over its patches.
    """
    assert hit.shape == (len(of), len(of))
    names = np.unique(of)
    own, anywhere = hit.diagonal().astype(float), hit.mean(1)
    within = np.array([row[of == name].mean() for row, name in zip(hit, of, strict=True)])
    values = np.stack([own, own - within], 1)
    groups = [values[of == name] for name in names] if len(names) > 1 else list(values[:, None])
    sums, sizes = np.array([g.sum(0) for g in groups]), np.array([len(g) for g in groups])
    drawn = np.random.default_rng(seed).integers(0, len(groups), (DRAWS, len(groups)))
    means = sums[drawn].sum(1) / sizes[drawn].sum(1)[:, None]
    low, high = np.quantile(means, [0.025, 0.975], axis=0).round(4).tolist()
    return {
        "patches": len(of),
        "share": round(float(own.mean()), 4),
        "interval": [low[0], high[0]],
        "all dealt": round(float(anywhere.mean()), 4),
        "own dealt": round(float(within.mean()), 4),
        "above dealt": [low[1], high[1]],
    }


def _found(accepted: Iterable[str], pieces: Iterable[str]) -> set[str]:
    said = {bare(piece) for piece in pieces}
    return {word for word in accepted if not said.isdisjoint(spellings(word))}


def scores(labels: Labels, lists: dict[str, list[list[str]]]) -> dict[str, Any]:
    """Scores of things and of colours: overall, by photograph, and how often each word was found.

    `lists` has, by photograph, the words of its counted patches in their order.
    """
    names = list(labels.photographs)
    patches = [(i, p) for i, name in enumerate(names) for p in labels.photographs[name].counted]
    said = [row for name in names for row in lists[name]]
    assert len(said) == len(patches)
    of = np.array([i for i, _ in patches])
    out: dict[str, Any] = {}
    whats: tuple[What, ...] = ("things", "colours")
    for what in whats:
        accepted: list[tuple[str, ...]] = [getattr(p, what) for _, p in patches]
        hit = hits(accepted, said)
        each = {}
        for i, name in enumerate(names):
            mine = np.flatnonzero(of == i)
            found = Counter(word for j in mine for word in _found(accepted[j], said[j]))
            # lists from all photographs, though scored at the patches of this one
            dealt = round(float(hit[mine].mean()), 4)
            each[name] = score(hit[np.ix_(mine, mine)], of[mine]) | {
                "all dealt": dealt,
                "found": dict(found.most_common()),
            }
        out[what] = {"overall": score(hit, of), "photographs": each}
    return out


def _words(
    checkpoint: LlavaCheckpoint, image: Image.Image, where: NDArray[np.intp], side: int
) -> dict[str, list[list[str]]]:
    """Find the nearest words of the image tokens at `where`, by metric."""
    tokens, words = checkpoint.tokens(image), checkpoint.model.get_input_embeddings().weight
    if len(tokens) != side * side:
        raise ValueError(f"this checkpoint gives {len(tokens)} image tokens; the labels are for {side} × {side}")
    pieces = checkpoint.processor.tokenizer.convert_ids_to_tokens
    chosen = tokens[torch.from_numpy(where)]
    l2, cosine = nearest(chosen, words, "l2", WORDS), nearest(chosen, words, "cosine", WORDS)
    return {"l2": [pieces(row.tolist()) for row in l2], "cosine": [pieces(row.tolist()) for row in cosine]}


def photograph_scores(folder: Path, labels: Labels | None = None, pictures: Path = PICTURES) -> dict[str, Any]:
    """`scores` of the first five words of the checkpoint in `folder`, by l2 and by cosine."""
    labels = labels or read_labels()
    checkpoint = LlavaCheckpoint.load(folder)
    lists: dict[str, dict[str, list[list[str]]]] = {"l2": {}, "cosine": {}}
    for name, photograph in labels.photographs.items():
        path = pictures / name
        if hashlib.sha256(path.read_bytes()).hexdigest() != photograph.sha256:
            raise ValueError(f"{path} is not the photograph that was labelled; take it from the repository again")
        where = np.array([p.row * labels.grid + p.col for p in photograph.counted])
        with Image.open(path) as file:
            image = file.convert("RGB")
        for metric, words in _words(checkpoint, image, where, labels.grid).items():
            lists[metric][name] = words
    return {metric: scores(labels, of) for metric, of in lists.items()}


HEAD: Final = [
    "words",
    "metric",
    "patches",
    "share (95%)",
    "lists dealt among all",
    "… within each photograph",
    "above that (95%)",
]


def _row(of: dict[str, Any]) -> list[str]:
    (low, high), (least, most) = of["interval"], of["above dealt"]
    share, above = f"{of['share']:.3f} ({low:.3f}–{high:.3f})", of["share"] - of["own dealt"]
    dealt = [f"{of['all dealt']:.3f}", f"{of['own dealt']:.3f}"]
    return [str(of["patches"]), share, *dealt, f"{above:+.3f} ({least:+.3f} to {most:+.3f})"]


def overall_rows(figures: dict[str, Any]) -> list[list[str]]:
    """Build the rows under `HEAD`: things and colours, by l2 and by cosine."""
    whats = ("things", "colours")
    return [[what, metric, *_row(figures[metric][what]["overall"])] for what in whats for metric in ("l2", "cosine")]


EACH: Final = ["photograph", "words", *HEAD[2:], "found, in how many patches"]


def photograph_rows(figures: dict[str, Any], metric: str = "l2") -> list[list[str]]:
    """Build the rows under `EACH`: things and colours of each photograph."""
    rows = []
    for name in figures[metric]["things"]["photographs"]:
        for what in ("things", "colours"):
            of = figures[metric][what]["photographs"][name]
            found = ", ".join(f"{word} {n}" for word, n in of["found"].items()) or "none"
            rows.append([name, what, *_row(of), found])
    return rows
