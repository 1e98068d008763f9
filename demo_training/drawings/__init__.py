"""Drawn scenes that the demo models are trained on: textures, things, places, and the effects of a camera."""
