"""Places: each function paints a scene onto a canvas and returns the characters that it wrote."""
