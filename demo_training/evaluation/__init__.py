"""Evaluation of the demo models on held-out scenes and photographs, and the tables of their card."""
