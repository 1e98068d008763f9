"""Things with an outline: each function paints one, from its place and size, onto a canvas."""
