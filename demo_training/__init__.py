"""The training of the demo models: drawn scenes, tasks, losses, and the figures of their cards."""
