"""Screens of the terminal front end: the explorer, and its layout."""
