"""Panels beside the image."""
