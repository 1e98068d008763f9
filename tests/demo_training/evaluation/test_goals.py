"""The card says of each figure that was asked for whether it was reached."""

from __future__ import annotations

from typing import Any

from demo_training.evaluation.goals import GOALS, HEAD, goal_rows


def figures_at(level: float) -> dict[str, dict[str, Any]]:
    """Every figure at `level` times what was asked, photographs' dealt lists at half their share."""
    out: dict[str, dict[str, Any]] = {"demo": {}, "demo-siglip": {}}
    for model, path, _, asked in GOALS:
        inner = out[model]
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = asked * level
    for what in ("things", "colours"):
        overall = out["demo"]["labelled"]["l2"][what]["overall"]
        overall["all dealt"] = overall["share"] / (2 * level)
    return out


def test_what_is_reached_is_told_from_what_is_not() -> None:
    for level, said in ((1.0, "yes"), (1.1, "yes"), (0.99, "**no**")):
        rows = goal_rows(figures_at(level))
        assert len(rows) == len(GOALS) + 2
        assert {len(row) for row in rows} == {len(HEAD)}
        assert {row[-1] for row in rows} == {said}


def test_one_that_is_missed_is_the_one_that_is_marked() -> None:
    figures = figures_at(1.05)
    figures["demo"]["l2"]["object@5"] = 0.5
    assert [row[1:4] for row in goal_rows(figures) if row[-1] != "yes"] == [["object@5", "0.960", "0.500"]]
