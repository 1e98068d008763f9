"""State of the explorer: what is selected, and what the session has found. No Textual."""
