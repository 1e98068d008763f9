"""`--lens`: what a report looks at every entry of a stage through, beside words and norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlmtui.errors import UsageError
from vlmtui.exits import PROJECTOR, no_exit_of
from vlmtui.reading import PIXELS, ModelInfo, Reading, of_patches
from vlmtui.reports.patches import PatchWords, entries_at, parse_patch
from vlmtui.values import POSITION_STAGE, Components, Evidence, Find, Lens, Position, Similarity

SIMILARITY, PCA, FIND, EVIDENCE, POSITION = "similarity", "pca", "find", "evidence", "position"
LAYERS = "layers"
LENSES = (SIMILARITY, PCA, FIND, EVIDENCE, POSITION, PROJECTOR, LAYERS)


@dataclass(frozen=True)
class Through:
    """A lens by its name, the word that `find` looks for, or the class that `evidence` is for, and the patches that
    `similarity` compares with.

    All but two give every entry a value: `projector` gives vision patches words, `layers` tokens those of every layer.
    """

    name: str
    text: str = ""
    marked: tuple[PatchWords, ...] = ()

    @property
    def of_words(self) -> bool:
        """Whether it is the one that gives patches words, and no values."""
        return self.name == PROJECTOR

    @property
    def by_layer(self) -> bool:
        """Whether it is the one that gives tokens the words of every layer, and no values."""
        return self.name == LAYERS

    def check(self, stage: str, model: ModelInfo) -> None:
        """`UsageError` where it cannot look at this stage of the model, whatever the picture."""
        if stage == PIXELS:
            raise UsageError(f"--lens {self.name} looks at what the model makes of pixels: choose another stage")
        if self.name == POSITION and stage != POSITION_STAGE:
            there = f"name it with --stage {POSITION_STAGE}"
            raise UsageError(f"--lens position looks at the patches as they enter the tower, not at {stage}: {there}")
        if self.by_layer and (model.wordless or of_patches(stage)):
            why = model.wordless or f"{stage} comes before it: choose tokens or a layer, such as llm.1"
            raise UsageError(f"--lens layers looks at tokens in the language model, and {why}")
        if not self.of_words:
            return
        if wrong := no_exit_of(model):
            raise UsageError(wrong)
        if not of_patches(stage):
            there = f"name one, such as --stage vision.{model.vision_layers}"
            raise UsageError(f"--lens projector looks at a vision stage, not at {stage}: {there}")


def parse_lens(name: str | None, find: str | None, marked: Sequence[str]) -> Through | None:
    """The lens that these options ask for, None without one; `UsageError` where they do not fit together."""
    chosen = name or (FIND if find is not None else SIMILARITY if marked else None)
    if chosen is None:
        return None
    if chosen not in LENSES:
        raise UsageError(f"--lens {name!r} is not one of {', '.join(LENSES)}")
    if (find is not None and chosen not in (FIND, EVIDENCE)) or (marked and chosen != SIMILARITY):
        raise UsageError(f"--lens {chosen} takes neither --find nor --marked: leave one of them out")
    if chosen == FIND and not (find or "").strip():
        raise UsageError("--lens find looks for a word: name it, such as --find sky")
    if chosen == EVIDENCE and not (find or "").strip():
        raise UsageError("--lens evidence is for a class of the model's head: name it, such as --find tabby")
    return Through(chosen, find or "", tuple(parse_patch(words, "--marked") for words in marked))


def lens_for(through: Through, reading: Reading, stage: str) -> Lens:
    """What to ask about this reading at this stage; `UsageError` where a patch that is named is not there."""
    if through.name == PCA:
        return Components()
    if through.name == FIND:
        return Find(through.text)
    if through.name == EVIDENCE:
        return Evidence(through.text)
    if through.name == POSITION:
        return Position()
    if not through.marked:
        raise UsageError("--lens similarity compares with patches: name one or more, such as --marked 3,4")
    found = {entry for patch in through.marked for entry in entries_at(reading, stage, patch)}
    return Similarity(tuple(sorted(found)))
