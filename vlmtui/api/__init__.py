"""The Python API: a session, images read in it, and the lenses under their names on the command line.

    >>> import vlmtui
    >>> session = vlmtui.open_session("demo")
    >>> picture = session.read("sample_images/scene-town.png")
    >>> [word.text for word in picture.words(2, 3, k=3)]
    ['roof', 'tiles', 'brown']
    >>> picture.norms("vision.3").shape
    (14, 14)
    >>> row, col = divmod(int(picture.find("sky").argmax()), 14)  # the patch nearest to a word
    >>> picture.words(row, col, k=1)[0].text
    'sky'
    >>> picture.to_table(k=1).column_names[7:12]  # of pyarrow, a row an image token; `to_pandas()` makes a data frame
    ['index', 'kind', 'grid', 'row', 'col']
    >>> picture.to_html()[:15]  # the page that `vlmtui report --format html` writes; a notebook shows it by itself
    '<!doctype html>'
    >>> session.close()

Nothing here imports torch: the model is in a process of its own, as for the explorer.
"""

from __future__ import annotations

from vlmtui.api.image_argument import ImageArgument
from vlmtui.api.reading import ImageReading, Word
from vlmtui.api.session import Session, open_session

# former names
Picture = ImageArgument
PictureReading = ImageReading

__all__ = ["ImageArgument", "ImageReading", "Picture", "PictureReading", "Session", "Word", "open_session"]
