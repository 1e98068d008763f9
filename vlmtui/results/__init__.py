"""What lenses and models find, as plain data: the same types in the session and in its clients."""
