"""`html`: one file that shows a picture and its words in a browser, and asks nothing of any network.

`looking` asks a session for what a page holds, `data` lays that out for the script, `picture` makes the picture small
enough, `document` puts the file together of `assets`. What comes from a tokenizer or a file name is text to the page,
never markup: it travels as JSON and enters the document as text nodes.
"""

from vlmtui.reports.page.content import METRICS, Glance, glance, looked, write
from vlmtui.reports.page.document import document, own_policy

__all__ = ["METRICS", "Glance", "document", "glance", "looked", "own_policy", "write"]
