"""Training of the demo models: drawn scenes, tasks, losses, and the figures on their card."""
