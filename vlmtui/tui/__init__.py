"""Terminal front end. Nothing outside this package imports Textual."""
