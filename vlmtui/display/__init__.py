"""What all front ends share: word-pieces made visible, their width, colours, number formats, verdicts on norms."""
