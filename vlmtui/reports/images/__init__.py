"""`png` and `svg`: words on the picture, heat maps, a sheet of all stages, norms as a plot.

`drawing` is what was asked for, `looking` asks a session for it, `words`, `heat` and `chart` lay it out as a `Scene`,
and `raster` and `vector` make a file of that.
"""
