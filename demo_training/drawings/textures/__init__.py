"""Textures of surfaces: each material is a function from a generator and a size to colours `[h, w, 3]`."""
