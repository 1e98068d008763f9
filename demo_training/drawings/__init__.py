"""The drawings that the demo models learn from: textures, things, places, and what a camera does to them."""
