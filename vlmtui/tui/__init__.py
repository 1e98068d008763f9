"""The terminal front end. Nothing outside this package imports Textual."""
