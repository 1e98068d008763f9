"""Reports: what a model makes of images, in any format. They import neither torch nor the terminal interface."""
