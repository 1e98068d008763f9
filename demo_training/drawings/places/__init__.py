"""Scenes: each function paints one onto a canvas and returns the characters that it wrote."""
