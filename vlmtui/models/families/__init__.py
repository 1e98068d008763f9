"""Model families: how each reads an image, its traits and its names.

`base` holds what most families have in common, every other file one family (or one line of descent), and `registry`
lists them by transformers' `model_type`. A family is added by its file and a line of the registry. No file here imports
torch or transformers before a model is loaded, because front ends read the traits (title, text tower, classification
head) of families whose models they refuse without loading them.
"""
