"""Page of an image for a browser: one file that loads nothing from any network.

`content` computes what a page shows in a session, `data` serialises that for the script, `image` makes the image small
enough, `document` puts the file together from `assets`. Text from a tokenizer or a file name is never treated as
markup: it is embedded as JSON and inserted as text nodes.
"""
