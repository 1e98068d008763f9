"""Display helpers shared by all clients: word-pieces, cell widths, colours, number formats and norm statistics."""
