"""From a model name to tensors on a device: hub, files, checks, memory."""
