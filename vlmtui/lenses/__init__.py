"""Ways to look at vectors. They take tensors and callables, and know no model and no screen."""
