"""Queries: which model, image, entries and lens, and how to search and write. Shared by all front ends; no torch."""
