"""`--lens`: what a report looks at every entry of a stage through, beside words and norms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vlmtui.errors import UsageError
from vlmtui.lenses.base import Lens, applies
from vlmtui.lenses.description import Description
from vlmtui.lenses.kinds import Colours, Facts, Kind, LayerWords, Matrix, Scalars, Scores, TokenMaps
from vlmtui.lenses.registry import find, listed
from vlmtui.lenses.source import Call, LensSource, call
from vlmtui.lenses.wording import Asked
from vlmtui.reading import PIXELS, ModelInfo, Reading
from vlmtui.reports.patches import PatchWords, entries_at, parse_patch

ALL_TOKENS = "all_tokens"
"""The option of a lens of words that `--all-tokens` gives it."""


@dataclass(frozen=True)
class Through:
    """A lens by its name, the word or class that it was given, the patches that it compares with, and other options.

    `source` is a lens's that is not built in, and `described` what the session says of it, None until it has.
    """

    name: str
    text: str = ""
    marked: tuple[PatchWords, ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    source: LensSource | None = None
    described: Description | None = None

    @property
    def built_in(self) -> Lens | None:
        """The lens, where it is built in."""
        return find(self.name) if self.source is None else None

    @property
    def description(self) -> Description:
        """What is known of it; `UsageError` for one that the session has not described yet."""
        known = self.built_in
        found = known.described if known else self.described
        if found is None:
            raise UsageError(f"--lens {self.name} is not known yet")
        return found

    @property
    def kind(self) -> type[Kind]:
        """The kind of its result."""
        return self.description.result

    @property
    def of_words(self) -> bool:
        """Whether it sends a vision stage through the projector: patches have words then, and no values."""
        return bool(self.built_in and self.built_in.offer.projects)

    @property
    def by_layer(self) -> bool:
        """Whether it gives tokens the words of every layer, and no values."""
        return self.kind is LayerWords

    @property
    def of_values(self) -> bool:
        """Whether it gives every entry a number or a colour."""
        return self.kind in (Scalars, Colours)

    @property
    def drawn(self) -> bool:
        """Whether it can be laid over the image as colours."""
        return self.kind in (Scalars, Colours, TokenMaps)

    @property
    def of_whole(self) -> bool:
        """Whether it says something of the image as a whole, or of all entries for each token of the answer."""
        return self.kind in (TokenMaps, Matrix, Scores)

    @property
    def of_single(self) -> bool:
        """Whether it is of one entry at a time."""
        return self.kind in (LayerWords, Facts)

    def check(self, stage: str, model: ModelInfo) -> None:
        """`UsageError` where it cannot look at this stage of the model, whatever the picture."""
        if stage == PIXELS:
            raise UsageError(f"--lens {self.name} looks at what the model makes of pixels: choose another stage")
        known = self.built_in
        if known and (why := known.offer.refuses(stage, model)):
            raise UsageError(f"--lens {self.name} {why}" if not why.startswith(":") else why[1:])
        if not applies(self.description.stages, stage):
            there = ", ".join(self.description.stages)
            raise UsageError(f"--lens {self.name} looks at {there}, not at {stage}: name one with --stage")

    def check_path(self, model: ModelInfo | None, way_out: str) -> None:
        """`UsageError` where several stages are to be looked at, and it looks at one, of any model without `model`."""
        known = self.built_in
        if known and known.offer.only_at(model):
            raise UsageError(f"--lens {self.name} is of one stage: {way_out}")

    @property
    def call(self) -> Call:
        """The lens with the options that were given by their names."""
        return call(self.source or self.name, **dict(self.given))

    def asked(self, marks_words: bool = False) -> Asked:
        """What it was given, as a report names it."""
        return Asked(self.text, " ".join(map(str, self.marked)), marks_words, self.description.line)


def parse_lens(name: str | None, word: str | None, marked: Sequence[str]) -> Through | None:
    """The lens that these options ask for, None without one; `UsageError` where they do not fit together."""
    there = {one.name: one for one in listed()}
    # without a name it is the first that takes what was given
    given = "word" if word is not None else "marked" if marked else ""
    chosen = name or next((one.name for one in there.values() if given and getattr(one.offer, given)), None)
    if chosen is None:
        return None
    if chosen not in there:
        raise UsageError(f"--lens {name!r} is not one of {', '.join(there)}")
    offer = there[chosen].offer
    if (word is not None and not offer.word) or (marked and not offer.marked):
        raise UsageError(f"--lens {chosen} takes neither --find nor --marked: leave one of them out")
    if offer.word and not (word or "").strip():
        raise UsageError(f"--lens {chosen} {offer.missing}")
    return Through(chosen, word or "", tuple(parse_patch(words, "--marked") for words in marked))


def colouring() -> Through:
    """The lens that colours stages where none is asked for."""
    return Through(next(one.name for one in listed() if one.kind is Colours))


def lens_for(through: Through, reading: Reading, stage: str, all_tokens: bool = False) -> Call:
    """What to ask about this reading at this stage; `UsageError` where a patch that is named is not there.

    `all_tokens` goes to a built-in lens that has such an option.
    """
    if through.built_in is None:
        return through.call
    offer = through.built_in.offer
    options = dict(through.given)
    if all_tokens and any(option.name == ALL_TOKENS for option in through.description.options):
        options[ALL_TOKENS] = True
    if offer.word:
        options[offer.word] = through.text
    if offer.marked:
        if not through.marked:
            raise UsageError(f"--lens {through.name} {offer.missing}")
        found = {entry for patch in through.marked for entry in entries_at(reading, stage, patch)}
        options[offer.marked] = tuple(sorted(found))
    return call(through.name, **options)
