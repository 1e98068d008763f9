"""Where a report goes: files, folders, standard output, and its progress."""
