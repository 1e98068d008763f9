"""Goals that were set before the demo models were trained, beside what they reach."""

from __future__ import annotations

from typing import Any, Final

TWICE: Final = 2.0  # least ratio of the share on photographs to that of lists dealt to other patches

# model, keys of its figure, name of the figure, the least that was asked for
GOALS: Final[tuple[tuple[str, tuple[str, ...], str, float], ...]] = (
    ("demo", ("l2", "object@1"), "object@1", 0.75),
    ("demo", ("l2", "object@5"), "object@5", 0.96),
    ("demo", ("l2", "macro object@5"), "object@5, mean over classes", 0.88),
    ("demo", ("l2", "colour@5"), "colour@5", 0.97),
    ("demo", ("answers", "caption", "score"), "captions, F1 of content words", 0.75),
    ("demo", ("answers", "presence", "score"), "yes or no", 0.90),
    ("demo", ("answers", "colour", "score"), "answers to what color", 0.85),
    ("demo-siglip", ("caption@1",), "right caption among 100", 0.60),
    ("demo-siglip", ("picture@1",), "right image among 100", 0.60),
    ("demo", ("labelled", "l2", "things", "overall", "share"), "photographs: things in the first five", 0.35),
    ("demo", ("labelled", "l2", "colours", "overall", "share"), "photographs: colours in the first five", 0.50),
)
HEAD: Final = ["model", "figure", "asked", "reached", ""]


def _at(figures: dict[str, Any], path: tuple[str, ...]) -> float:
    found: Any = figures
    for key in path:
        found = found[key]
    return float(found)


def _row(model: str, what: str, asked: float, reached: float, form: str) -> list[str]:
    return [f"`{model}`", what, format(asked, form), format(reached, form), "yes" if reached >= asked else "**no**"]


def goal_rows(figures: dict[str, dict[str, Any]]) -> list[list[str]]:
    """Build the rows under `HEAD` from `figures` by model."""
    rows = [_row(model, what, asked, _at(figures[model], path), ".3f") for model, path, what, asked in GOALS]
    for what in ("things", "colours"):
        of = figures["demo"]["labelled"]["l2"][what]["overall"]
        times = of["share"] / max(of["all dealt"], 1e-9)
        rows.append(_row("demo", f"photographs: {what}, times what lists dealt among all reach", TWICE, times, ".2f"))
    return rows
