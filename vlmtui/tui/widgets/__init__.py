"""Widgets of the explorer; each shows one matter and knows no other."""
