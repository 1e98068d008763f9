"""What a report is of: images, entries, fields and the lens, as given on the command line."""
