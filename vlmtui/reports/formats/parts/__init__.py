"""Parts of text and JSON that several formats share: lens values, word grids, the noise baseline."""
