"""The model session: a process that owns the model, torch and the GPU, and the client that talks to it."""
