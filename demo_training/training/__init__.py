"""Training: architectures, recipes, batches, losses and the training loop of the demo models."""
