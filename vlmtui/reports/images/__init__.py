"""Drawings (`png` and `svg`): words on the image, heat maps, a sheet of all stages, a chart of norms.

`content` computes what a drawing shows in a session; `words_on_image`, `heat_map` and `chart` lay it out as a `Scene`,
chosen by `composition`; `formats.png` and `formats.svg` encode the scene. `stage_values` computes animations.
"""
