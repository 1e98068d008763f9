"""Calls of the lenses that give each entry a number or a colour, under the names that Python users import."""

from vlmtui.session.typed_lenses.values import Components, Evidence, Find, Position, Similarity, Values

__all__ = ["Components", "Evidence", "Find", "Position", "Similarity", "Values"]
