"""How the demo models are made: architectures, recipe, batches, losses, the loop that trains."""
