"""Overlays of the image: numbers, colours and words of its entries."""
