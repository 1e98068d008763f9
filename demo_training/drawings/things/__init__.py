"""Things with an outline: each function paints one onto a canvas, from its place and size."""
