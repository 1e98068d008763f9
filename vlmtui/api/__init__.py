"""The Python API: a session, pictures read in it, and the lenses under the names that the command line knows.

    >>> import vlmtui
    >>> session = vlmtui.open_session("demo")
    >>> picture = session.read("sample_images/scene-town.png")
    >>> [word.text for word in picture.words(2, 3, k=3)]
    ['roof', 'tiles', 'brown']
    >>> picture.norms("vision.3").shape
    (14, 14)
    >>> row, col = divmod(int(picture.find("sky").argmax()), 14)  # the patch that is nearest to a word
    >>> picture.words(row, col, k=1)[0].text
    'sky'
    >>> picture.to_table(k=1).column_names[7:12]  # of pyarrow, a row an image token; `to_pandas()` makes a data frame
    ['index', 'kind', 'grid', 'row', 'col']
    >>> picture.to_html()[:15]  # the page that `vlmtui report --format html` writes; a notebook shows it by itself
    '<!doctype html>'
    >>> session.close()

Nothing here imports torch: the model lives in a process of its own, as it does for the screen.
"""

from __future__ import annotations

from vlmtui.api.image_argument import Picture
from vlmtui.api.reading import PictureReading, Word
from vlmtui.api.session import Session, open_session

__all__ = ["Picture", "PictureReading", "Session", "Word", "open_session"]
