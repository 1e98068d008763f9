"""What is laid over the image: numbers, colours and words of its entries."""
