"""The lens of a query (`--lens`): which one, its inputs and options, and the call that computes it for a reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vlmtui.errors import UsageError, nearest_name
from vlmtui.lenses.base import Lens, applies_at
from vlmtui.lenses.captions import LensInputs
from vlmtui.lenses.description import LensDescription
from vlmtui.lenses.kinds import Colours, Facts, LayerWords, Matrix, ResultKind, Scalars, Scores, TokenMaps
from vlmtui.lenses.lens_folders import find_in_folders, lenses_in_folders
from vlmtui.lenses.lens_source import LensCall, LensSource, is_lens_file, lens_call, read_lens_source
from vlmtui.lenses.registry import find_lens, lens_entry_points, listed_lenses
from vlmtui.lenses.validation import checked_options as checked_options
from vlmtui.query.patches import PatchPosition, entries_at, parse_patches
from vlmtui.query.search_options import SearchOptions
from vlmtui.reading import PIXELS, ModelInfo, Reading

if TYPE_CHECKING:
    from vlmtui.session.client import SessionClient

SEARCHED = ("metric", "all_tokens", "ridge")
"""Options of a search for words, which `--metric` and its like set in a built-in lens that has them."""


@dataclass(frozen=True)
class ChosenLens:
    """A lens by name with its inputs: a word or class (`text`), patches to compare with (`marked`), and its `options`.

    For a lens that is not built in, `source` says where it is from, and `session_description` is the description that a
    session gave of it, None until one has been asked.
    """

    name: str
    text: str = ""
    marked: tuple[PatchPosition, ...] = ()
    options: tuple[tuple[str, Any], ...] = ()
    source: LensSource | None = None
    session_description: LensDescription | None = None

    def __repr__(self) -> str:
        """The lens and its inputs in a line. Written to the manifest of a batch and compared with it on resuming: its
        form must not change."""
        said = f"Through(name={self.name!r}, text={self.text!r}, marked={self.marked!r}"
        if self.options:
            said += f", given={self.options!r}"
        if self.source is not None:
            said += f", source={self.source.sha256 or (self.session_description and self.session_description.origin)!r}"
        return f"{said})"

    @property
    def is_described(self) -> bool:
        """Whether its description is available: it is built in, or a session has described it."""
        return self.built_in is not None or self.session_description is not None

    def described_by(self, client: SessionClient) -> ChosenLens:
        """Add the session's description and the values of all options. Raises `UsageError` for an unknown option.

        A built-in lens is returned as it is.
        """
        if self.is_described or self.source is None:
            return self
        described, options = client.describe_with(self.source, dict(self.options)).result()
        return replace(self, name=described.name, session_description=described, options=options)

    @property
    def origin(self) -> dict[str, str]:
        """The origin of a lens that is not built in.

        The `path` and `sha256` of its file, or of a folder with all its files; or the `package` that offers it and its
        `version`.
        """
        if self.source is not None and self.source.foreign:
            return {"path": self.source.path, "sha256": self.source.sha256}
        package, _, version = self.description.origin.rpartition(" ")
        return {"package": package, "version": version}

    @property
    def built_in(self) -> Lens | None:
        """The built-in lens of this name; None for a lens from elsewhere."""
        return find_lens(self.name) if self.source is None else None

    @property
    def description(self) -> LensDescription:
        """The description of the lens. Raises `UsageError` where the session has not described it yet."""
        known = self.built_in
        found = known.described if known else self.session_description
        if found is None:
            raise UsageError(f"--lens {self.name} is not known yet")
        return found

    @property
    def kind(self) -> type[ResultKind]:
        """The class of its results."""
        return self.description.result

    @property
    def uses_projector(self) -> bool:
        """Whether it sends a vision stage through the projector, so that patches have words and no values."""
        return bool(self.built_in and self.built_in.offer.projects)

    @property
    def by_layer(self) -> bool:
        """Whether its result for an image token is words by layer."""
        return self.kind is LayerWords

    @property
    def gives_entry_values(self) -> bool:
        """Whether its result is one number or colour per entry."""
        return self.kind in (Scalars, Colours)

    @property
    def is_drawable(self) -> bool:
        """Whether its result can be drawn over the image as colours."""
        return self.kind in (Scalars, Colours, TokenMaps)

    @property
    def gives_image_result(self) -> bool:
        """Whether its result is for the whole image, or for all entries by token of the answer."""
        return self.kind in (TokenMaps, Matrix, Scores)

    @property
    def takes_one_entry(self) -> bool:
        """Whether it is computed for one entry at a time."""
        return self.kind in (LayerWords, Facts)

    def check(self, stage: str, model: ModelInfo) -> None:
        """Raise `UsageError` where it does not apply to this stage of the model, for any image."""
        if stage == PIXELS:
            raise UsageError(f"--lens {self.name} needs hidden states or tokens: choose a stage after pixels")
        known = self.built_in
        if known and (why := known.offer.refuses(stage, model)):
            raise UsageError(f"--lens {self.name} {why}" if not why.startswith(":") else why[1:])
        if not applies_at(self.description.stages, stage):
            there = ", ".join(self.description.stages)
            raise UsageError(f"--lens {self.name} applies to {there}, not to {stage}: name one with --stage")

    def check_path(self, model: ModelInfo | None, way_out: str) -> None:
        """Raise `UsageError` where several stages are to be shown and the lens applies to one only.

        Checked for `model`, or for any model where that is None.
        """
        known = self.built_in
        if known and known.offer.only_at(model):
            raise UsageError(f"--lens {self.name} is for one stage: {way_out}")

    @property
    def call(self) -> LensCall:
        """The call of the lens with the options given by name."""
        return lens_call(self.source or self.name, **dict(self.options))

    def inputs(self, marks_words: bool = False) -> LensInputs:
        """Its inputs, as a report names them."""
        return LensInputs(self.text, " ".join(map(str, self.marked)), marks_words, self.description.line)


def parse_lens(
    name: str | None,
    word: str | None,
    marked: Sequence[str],
    options: Sequence[str] = (),
    far: bool = False,
    folders: Sequence[str] = (),
) -> ChosenLens | None:
    """Parse the lens options of the command line; None where no lens is asked for, `UsageError` where they conflict.

    `options` are NAME=VALUE each. With `far` the session runs on another machine, and the lenses installed there are
    not known here: any name is accepted. Those in the user's `folders` go before installed ones.
    """
    if name is not None and not name.strip():
        raise UsageError("--lens is empty: name a lens, or leave it out (vlmtui lenses lists them)")
    there = {one.name: one for one in listed_lenses()}
    if name is not None and name not in there and (source := _source(name, far, folders)) is not None:
        if word is not None or marked:
            raise UsageError(f"--lens {name} takes neither --find nor --marked: its options are given by --lens-option")
        return ChosenLens(source.name or source.shown, options=_options(options), source=source)
    # without a name: the first lens that takes the input given
    given = "word" if word is not None else "marked" if marked else ""
    chosen = name or next((one.name for one in there.values() if given and getattr(one.offer, given)), None)
    if chosen is None:
        if options:
            raise UsageError("--lens-option is for a lens: name one with --lens")
        return None
    if chosen not in there:
        elsewhere = [*lenses_in_folders(folders), *(entry.name for entry in lens_entry_points())]
        others = dict.fromkeys(one for one in elsewhere if find_lens(one) is None)
        choices = "; ".join(", ".join(names) for names in (there, others) if names)
        near = nearest_name(name, [*there, *others])
        advice = f"did you mean {near}?" if near else "choose one, or name a file, such as ./sharpness.py"
        raise UsageError(f"--lens {name!r} is not one of {choices}: {advice}")
    offer = there[chosen].offer
    if (word is not None and not offer.word) or (marked and not offer.marked):
        if name is None:
            raise UsageError("--find and --marked are for different lenses: leave one of them out")
        off = [*["--find"] * (word is not None and not offer.word), *["--marked"] * (bool(marked) and not offer.marked)]
        raise UsageError(f"--lens {chosen} does not take {' and '.join(off)}: leave one of them out")
    if offer.word and not (word or "").strip():
        raise UsageError(f"--lens {chosen} {offer.missing}")
    patches = tuple(patch for words in marked for patch in parse_patches(words, "--marked"))
    return ChosenLens(chosen, word or "", patches, _built_in_options(there[chosen], options))


def _source(name: str, far: bool, folders: Sequence[str]) -> LensSource | None:
    """The source of a lens that is not built in, by name, file or folder; None where there is none."""
    if is_lens_file(name):
        return read_lens_source(name)
    if find_lens(name) is not None:
        return None
    if (path := find_in_folders(name, folders)) is not None:
        return read_lens_source(path)
    return LensSource(name) if far or any(entry.name == name for entry in lens_entry_points()) else None


def _options(words: Iterable[str]) -> tuple[tuple[str, Any], ...]:
    """Options by name; an option given several times becomes a list."""
    found: dict[str, list[str]] = {}
    for word in words:
        name, mark, value = word.partition("=")
        if not mark or not name.strip():
            raise UsageError(f"--lens-option {word!r} is not an option: give NAME=VALUE, such as power=3")
        found.setdefault(name.strip().replace("-", "_"), []).append(value)
    return lens_call("", **{name: values[0] if len(values) == 1 else values for name, values in found.items()}).options


def _built_in_options(lens: Lens, words: Sequence[str]) -> tuple[tuple[str, Any], ...]:
    """Check the options given to a built-in lens by `--lens-option`; those set by other options are refused."""
    options = _options(words)
    own = {lens.offer.word: "--find", lens.offer.marked: "--marked"}
    for name, _ in options:
        if name in own:
            raise UsageError(f"--lens {lens.name} takes its {name} by {own[name]}: leave --lens-option {name} out")
    if options and lens.kind not in (Scalars, Colours):
        raise UsageError(f"--lens {lens.name} takes no --lens-option: leave {options[0][0]} out")
    if options:
        # options that --find and --marked set are not known yet: filled with a placeholder for the check
        filled = {name: "0" for name in own if name}
        return tuple(
            (name, value) for name, value in checked_options(lens, dict(options) | filled).items() if name not in own
        )
    return ()


def default_colour_lens() -> ChosenLens:
    """The lens that colours stages where no lens is asked for."""
    return ChosenLens(next(one.name for one in listed_lenses() if one.kind is Colours))


def lens_for(through: ChosenLens, reading: Reading, stage: str, search: SearchOptions) -> LensCall:
    """The call of a lens for a stage of a reading. Raises `UsageError` for a marked patch that does not exist.

    A built-in lens that has options of `SEARCHED` is given those of `search`.
    """
    if through.built_in is None:
        return through.call
    offer = through.built_in.offer
    options = dict(through.options)
    if offer.word:
        options[offer.word] = through.text
    if offer.marked:
        if not through.marked:
            raise UsageError(f"--lens {through.name} {offer.missing}")
        found = {entry for patch in through.marked for entry in entries_at(reading, stage, patch)}
        options[offer.marked] = tuple(sorted(found))
    return searched_call(lens_call(through.name, **options), search)


def searched_call(call: LensCall, search: SearchOptions) -> LensCall:
    """The call with the options of `SEARCHED` that a built-in lens has and that were not given."""
    known = None if call.lens.foreign else find_lens(call.name)
    named = {option.name for option in known.described.options} if known else set()
    missing = {name: getattr(search, name) for name in SEARCHED if name in named and name not in call.given}
    return lens_call(call.lens, **call.given, **missing) if missing else call
