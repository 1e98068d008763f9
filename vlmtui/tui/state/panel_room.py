"""Room of the panels: which of them a person has folded, which one must be seen, whether the image is alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class PanelRoom:
    """`folded` by the person, by name; `first` is the panel that must be seen where not all are, "" for the main one.

    `alone`: the image has the whole screen; `gains`: it is larger so, or more of it is in view. `seen` are the panels
    on the screen now, `lead` the one that must be.
    """

    folded: frozenset[str] = frozenset()
    first: str = ""
    alone: bool = False
    gains: bool = True
    seen: tuple[str, ...] = ()
    lead: str = ""

    def turn(self, name: str) -> None:
        """Fold a panel that is seen; show one that is not, whether it was folded or had no room."""
        if name in self.seen and not self.alone:
            self.folded |= {name}
            self.first = "" if self.first == name else self.first
        else:
            self.alone = False
            self.folded -= {name}
            self.first = name

    def turn_to_next(self, names: Sequence[str]) -> None:
        """Make the next of the panels that there are the one that must be seen, where not all of them are."""
        if not set(names) <= set(self.seen):
            at = names.index(self.lead) if self.lead in names else -1
            self.first = names[(at + 1) % len(names)]
            self.folded -= {self.first}
            self.alone = False
