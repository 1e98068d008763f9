"""Selection for a report: the images that paths name, and entries as rows and columns."""
