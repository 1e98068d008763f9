"""Images: from a path, an address or standard input to bytes, and to upright RGB pixels, within limits."""
