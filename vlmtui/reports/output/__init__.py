"""Output of reports: files, folders and standard output, and the progress line."""
