"""Model loading, from a name to tensors on a device: hub downloads, file checks, memory, preprocessing."""
