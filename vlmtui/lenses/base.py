"""A lens: a function of a context, and what front ends must know to offer it without running it. No imports that cost.

Built-in lenses and those of other people are made by the same decorator. What only a built-in one has is its
`LensOffer`: which words of the command line fill its options, and where it says by itself that it cannot look.
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
    from vlmtui.reading import ModelInfo

Subject = Literal["stage", "answer", "image", "vocabulary"]
"""What a lens looks at: the entries of a stage, the model's answer, the whole image, the vocabulary."""
Cost = Literal["quick", "slow", "idle"]
"""`idle` is asked for while nothing else is, and gives way to whatever is asked next."""
Stamp = tuple[int, int, int]

NAME = re.compile(r"[a-z][a-z0-9-]*")
STAGE = re.compile(r"(vision|llm)(\.\d+)?|tokens")
SUBJECTS = ("stage", "answer", "image", "vocabulary")
COSTS = ("quick", "slow", "idle")


def refuses_nothing(stage: str, model: ModelInfo) -> str:
    """It can look at every stage of every model."""
    return ""


def any_model(model: ModelInfo) -> bool:
    """It is for every model."""
    return True


@dataclass(frozen=True, kw_only=True)
class LensOffer:
    """How front ends offer a built-in lens.

    `listed`: `--lens` takes it. `word` is the option that `--find` and `/` fill, `marked` the one that `--marked` and
    marks do; `missing` says what to name where that was not given. `refuses` gives the reason why it cannot look at a
    stage of a model, or "". `only` is the one stage of a model at which it looks, or "" where there are several.
    `suits` says whether the word that a person looks for in a model is this lens's, `unsuited` why not. `render` names
    the module of its folder that says in words what its numbers are. `projects`: it is the nearest words of the tokens
    that the projector makes of a vision stage. Without `page` the page, which has its own words and norms, refuses it;
    without `overlay` the explorer, which has a key and a panel for it, does not lay it over the image.
    `wordy`: it looks for words, one at least, in a model that has some.
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
    wordy: bool = False

    def only_at(self, model: ModelInfo | None) -> str:
        """The one stage at which it looks, or ""; without a model where that is the same in all."""
        if isinstance(self.only, str):
            return self.only
        return self.only(model) if model else ""


@dataclass(frozen=True, kw_only=True)
class LensSchedule:
    """A built-in lens's turn in the session's queue.

    `beside` says when it may be asked amidst what takes long: for one entry, or always. `lets_in` says that such
    questions may come between its own blocks: any, or of those only what needs no run of the model; `runs` says of a
    lens that it does. `doing` is what the session is said to be doing meanwhile. Lenses of one `group` take each
    other's place, whatever they are asked about: a person who asks one has moved on from the other.
    """

    beside: Literal["", "one", "always"] = ""
    lets_in: Literal["", "any", "tokens"] = ""
    runs: bool = False
    doing: str = ""
    group: str = ""


@dataclass(frozen=True, eq=False)
class Lens:
    """A lens. Called with a context and options it is its function.

    `stages` says where it applies: "vision", "tokens", "llm", or the names of stages; everywhere without. `stamp` is
    that of its file when it was defined, by which a change since is known.
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
        """Its function: how it is tested."""
        return self.function(*args, **options)

    @property
    def line(self) -> str:
        """The first line of its docstring."""
        said = inspect.getdoc(self.function) or ""
        return said.split("\n", 1)[0].strip()

    @cached_property
    def kind(self) -> type[ResultKind]:
        """The kind of its result, by its return annotation; `UsageError` where that is none."""
        from vlmtui.lenses.options import result_kind

        return result_kind(self)

    @cached_property
    def options(self) -> type[msgspec.Struct]:
        """Its options as a struct, in the order of its parameters; `UsageError` where one cannot be an option."""
        from vlmtui.lenses.options import options_struct

        return options_struct(self)

    @cached_property
    def described(self) -> LensDescription:
        """What front ends are told of it."""
        from vlmtui.lenses.options import describe_lens

        return describe_lens(self)


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
    """Make a lens of a function of a `Context`: `@lens`, or `@lens(name=…, subject=…, stages=…, cost=…)`.

    The name is the function's, with hyphens for underscores. `stages` says where it applies: "vision", "tokens", "llm",
    or names of stages. Raises `UsageError` for a name that is none, or a word that is not one of those.
    """

    def made(of: Callable[..., Any]) -> Lens:
        called = name or of.__name__.replace("_", "-")
        if not NAME.fullmatch(called):
            raise UsageError(f"{called!r} is no name for a lens: give letters, digits and hyphens, a letter first")
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
    """What its file is now: when it was changed, its size, its number; None where it comes from no file."""
    try:
        found = os.stat(function.__code__.co_filename)
    except (AttributeError, OSError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def applies_at(stages: Sequence[str], stage: str) -> bool:
    """Whether a lens for `stages` looks at this one."""
    return not stages or any(stage == one or stage.partition(".")[0] == one for one in stages)
