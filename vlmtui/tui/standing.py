"""How the session stands, for the line of state: what it does, holds and took, and what went wrong."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.reading import ModelInfo
from vlmtui.session.protocol import Status
from vlmtui.tui.messages import WorkProgressed
from vlmtui.tui.widgets.bars import StatusBar, state_facts

IDLE = WorkProgressed("")


@dataclass
class Standing:
    """`seconds` names the last thing that was timed; `trouble` is a sentence that stays until it is over.

    `where` names the session where it is not the explorer's own.
    """

    work: WorkProgressed
    status: Status | None = None
    seconds: tuple[str, float] | None = None
    trouble: str = ""
    where: str = ""

    def show(self, bar: StatusBar, model: ModelInfo | None, depth: str | None, alive: bool) -> None:
        """Put it on the line of state; `depth` is the colour system found."""
        facts = state_facts(model, self.status, self.seconds, depth)
        if self.where:
            facts = (*facts[:-1], self.where, facts[-1])
        work = self.work
        if self.trouble:
            bar.show("outlier", self.trouble, facts)
        elif work.doing:
            share = f" {100 * work.done // work.total}%" if work.total else ""
            bar.show("accent", f"{work.doing}{share}", facts)
        else:
            bar.show("alive" if alive else "dim", "", facts)
