"""Page of an image for a browser: one file that asks nothing of any network.

`content` asks a session for what a page shows, `data` lays that out for the script, `image` makes the image small
enough, `document` puts the file together from `assets`. What comes from a tokenizer or a file name is text to the
page, never markup: it travels as JSON and enters the document as text nodes.
"""
