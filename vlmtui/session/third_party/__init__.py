"""Lenses that are not built in: their code loaded, run so that it can be left, and its results checked."""
