"""Options of the explorer, from the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from vlmtui.images.image_file import ImageFile
from vlmtui.query.options import Query


@dataclass(frozen=True)
class ExplorerSettings:
    """What a user has set of the screen: the theme, the keys of actions by name, and the panels by name.

    Without a theme or panels those of the explorer are used. `notes` are told as the screen opens.
    """

    theme: str = ""
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)
    panels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExplorerOptions:
    """The image, which has been read already, what is asked of it, and how it is to be shown.

    `theme` is light, dark, or auto: what is set, or else what suits the terminal. `settings` gives the user's; it is
    called once, when the session is starting: to check them takes Textual.
    """

    image: ImageFile
    query: Query
    color: str = "auto"
    theme: str = "auto"
    debug: bool = False
    settings: Callable[[], ExplorerSettings] = ExplorerSettings
