"""One module a command whose output is not a report of image tokens."""
