"""Results of lenses and models as plain data, the same types in the session and in its clients."""
