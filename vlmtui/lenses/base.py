"""Lens definition: the `@lens` decorator, and what clients need to offer a lens without running it. Light imports only.

Built-in and third-party lenses are made by the same decorator. Only built-in ones have a `LensOffer`, which says which
command-line options fill the lens's own and where it refuses to run, and a `LensSchedule`.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, overload

from vlmtui.errors import UsageError

if TYPE_CHECKING:
    import msgspec

    from vlmtui.lenses.description import LensDescription
    from vlmtui.lenses.kinds import ResultKind
    from vlmtui.lenses.signature import LensSignature
    from vlmtui.reading import ModelInfo

Subject = Literal["stage", "answer", "image", "vocabulary"]
"""What a lens inspects: the entries of a stage, the model's answer, the whole image, or the vocabulary."""
Cost = Literal["quick", "slow", "idle"]
"""An `idle` lens is requested only when nothing else is, and gives way to the next request."""
Stamp = tuple[int, int, int]

NAME = re.compile(r"[a-z][a-z0-9-]*")
STAGE = re.compile(r"(vision|llm)(\.\d+)?|tokens")
SUBJECTS = ("stage", "answer", "image", "vocabulary")
COSTS = ("quick", "slow", "idle")


def refuses_nothing(stage: str, model: ModelInfo) -> str:
    """Return no reason: the lens applies to every stage of every model."""
    return ""


def any_model(model: ModelInfo) -> bool:
    """Return True: the lens suits every model."""
    return True


@dataclass(frozen=True, kw_only=True)
class LensOffer:
    """How clients offer a built-in lens.

    `listed`: `--lens` accepts it. `word` is the option that `--find` and `/` fill, `marked` the option that `--marked`
    and marks fill; `missing` is the message when that option was not given. `refuses` returns the reason why the lens
    does not apply to a stage of a model, or "". `only` is the single stage of a model at which it applies, or "" where
    there are several. `suits` says whether `--find` in a model means this lens, `unsuited` why not. `render` names the
    module of its folder that describes its numbers. `projects`: it returns the nearest words of the tokens that the
    projector makes from a vision stage. `page` is False for a lens that the HTML page, which has words and norms of its
    own, refuses; `overlay` is False for a lens with its own key and panel in the explorer, which is never laid over the
    image. `segmented`: the explorer's overlay `segments` shows its words first. `wordy`: it searches for words, and so
    needs a model with a vocabulary and k of at least 1. `noise`: its option of that name gives the same
    numbers of the image with its pixels shuffled, with which its own are compared.
    """

    listed: bool = False
    word: str = ""
    marked: str = ""
    missing: str = ""
    refuses: Callable[[str, ModelInfo], str] = refuses_nothing
    only: str | Callable[[ModelInfo], str] = ""
    suits: Callable[[ModelInfo], bool] = any_model
    unsuited: str = ""
    render: str = ""
    projects: bool = False
    page: bool = True
    overlay: bool = True
    segmented: bool = False
    wordy: bool = False
    noise: bool = False

    def only_at(self, model: ModelInfo | None) -> str:
        """The single stage at which the lens applies, or ""; no model is needed where it is the same in all."""
        if isinstance(self.only, str):
            return self.only
        return self.only(model) if model else ""


@dataclass(frozen=True, kw_only=True)
class LensSchedule:
    """How the session schedules a built-in lens.

    `beside` says when it may run between the blocks of a long computation: for a single entry, or always. `lets_in`
    says which such requests may run between its own blocks: any, or only those that need no forward pass; `runs` marks
    a lens that needs one. `doing` is the activity that the session reports meanwhile. A new request for one lens of a
    `group` replaces a waiting request for another of the same group, whatever they are about.
    """

    beside: Literal["", "one", "always"] = ""
    lets_in: Literal["", "any", "tokens"] = ""
    runs: bool = False
    doing: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Lens:
    """A lens. Calling it with a context and options calls its function.

    `stages` lists where it applies: "vision", "tokens", "llm", or stage names; empty means everywhere. `stamp` is the
    `file_stamp` of its file when it was defined, used to notice later changes.
    """

    function: Callable[..., Any]
    name: str
    subject: Subject = "stage"
    stages: tuple[str, ...] = ()
    cost: Cost = "quick"
    offer: LensOffer = field(default_factory=LensOffer)
    turn: LensSchedule = field(default_factory=LensSchedule)
    stamp: Stamp | None = None

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Call the function itself, as tests do."""
        return self.function(*args, **options)

    @property
    def line(self) -> str:
        """The first line of its docstring."""
        said = inspect.getdoc(self.function) or ""
        return said.split("\n", 1)[0].strip()

    @cached_property
    def signature(self) -> LensSignature:
        """The signature of the function, which declares the options and the kind of result."""
        from vlmtui.lenses.signature import LensSignature  # imports NumPy, which listing the lenses does not need

        return LensSignature(self.function, self.name)

    @property
    def kind(self) -> type[ResultKind]:
        """The kind of result, from the return annotation. `UsageError` where that is not a kind."""
        return self.signature.kind

    @property
    def options(self) -> type[msgspec.Struct]:
        """The options as a struct, in parameter order. `UsageError` for a parameter that cannot be an option."""
        return self.signature.options

    @cached_property
    def described(self) -> LensDescription:
        """The description that clients are sent."""
        return self.describe()

    def describe(self, origin: str = "vlmtui") -> LensDescription:
        """Describe the lens for clients. `UsageError` for a function that is not a valid lens."""
        from vlmtui.lenses.description import LensDescription

        return LensDescription(
            name=self.name,
            subject=self.subject,
            kind=self.kind.name,
            line=self.line,
            stages=self.stages,
            cost=self.cost,
            options=self.signature.described_options,
            origin=origin,
        )


@overload
def lens(function: Callable[..., Any], /) -> Lens: ...


@overload
def lens(
    *,
    name: str | None = None,
    subject: Subject = "stage",
    stages: str | Sequence[str] = (),
    cost: Cost = "quick",
    offer: LensOffer | None = None,
    turn: LensSchedule | None = None,
) -> Callable[[Callable[..., Any]], Lens]: ...


def lens(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    subject: Subject = "stage",
    stages: str | Sequence[str] = (),
    cost: Cost = "quick",
    offer: LensOffer | None = None,
    turn: LensSchedule | None = None,
) -> Any:
    """Make a lens from a function of a `Context`: `@lens`, or `@lens(name=…, subject=…, stages=…, cost=…)`.

    The name defaults to the function's, with hyphens for underscores. `stages` lists where the lens applies: "vision",
    "tokens", "llm", or stage names. Raises `UsageError` for an invalid name, subject, cost or stage.
    """

    def made(of: Callable[..., Any]) -> Lens:
        called = name or of.__name__.replace("_", "-")
        if not NAME.fullmatch(called):
            raise UsageError(
                f"{called!r} is not a valid lens name: use letters, digits and hyphens, beginning with a letter"
            )
        if subject not in SUBJECTS or cost not in COSTS:
            wrong, there = (subject, SUBJECTS) if subject not in SUBJECTS else (cost, COSTS)
            raise UsageError(f"the lens {called} names {wrong!r}: choose one of {', '.join(there)}")
        some = (stages,) if isinstance(stages, str) else tuple(stages)
        if unknown := [one for one in some if not STAGE.fullmatch(one)]:
            raise UsageError(
                f"the lens {called} names the stage {unknown[0]!r}: choose vision, tokens, llm, or one such as vision.3"
            )
        return Lens(
            of,
            called,
            subject,
            some,
            cost,
            offer or LensOffer(),
            turn or LensSchedule(),
            None if offer else file_stamp(of),
        )

    return made if function is None else made(function)


def file_stamp(function: Callable[..., Any]) -> Stamp | None:
    """The modification time, size and inode of a function's file; None for a function that comes from no file."""
    try:
        found = os.stat(function.__code__.co_filename)
    except (AttributeError, OSError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def applies_at(stages: Sequence[str], stage: str) -> bool:
    """Whether a lens declared for `stages` applies at `stage`."""
    return not stages or any(stage == one or stage.partition(".")[0] == one for one in stages)
