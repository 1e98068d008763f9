"""How each family is put together: from a checkpoint on disk to image tokens, norms and places. They know no lens."""
