"""Commands whose output is not a report of image tokens, one module each."""
