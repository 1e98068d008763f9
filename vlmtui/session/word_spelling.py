"""Spelling of a typed word: the word-pieces that it stands for."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.errors import UsageError
from vlmtui.session.vocabulary_index import VocabularyIndex


@dataclass(frozen=True)
class Spelling:
    """The rows to look for: the spellings of a word that are one piece each, or with `several` the pieces of one."""

    ids: list[int]
    pieces: tuple[str, ...]
    several: bool

    @property
    def note(self) -> str:
        """What is looked for, in a few words; "" for the word itself."""
        if self.several:
            return f"the word is not a single piece: the mean of its {len(self.ids)} pieces"
        return "" if len(self.ids) == 1 else f"the nearest of its {len(self.ids)} spellings"


def find_spelling(index: VocabularyIndex, text: str) -> Spelling:
    """The word-pieces of a text: as written, in lower case and capitalised, each with and without a space before it.

    A word of which no spelling is a single piece is looked for as the pieces of the first one. `UsageError` for an
    empty text, and for one without pieces.
    """
    word = " ".join(text.split())
    if not word:
        raise UsageError("no word was given: type one")
    spellings = dict.fromkeys(
        f"{space}{case}" for case in (word, word.lower(), word.capitalize()) for space in (" ", "")
    )
    cut = [ids for ids in (_ids(index, spelling) for spelling in spellings) if ids]
    if not cut:
        raise UsageError(f"the model's tokenizer has no pieces for {word!r}: choose another word")
    single = list(dict.fromkeys(ids[0] for ids in cut if len(ids) == 1))
    ids = single or cut[0]
    named = index.tokenizer.convert_ids_to_tokens(ids)
    return Spelling(ids, tuple(str(piece) for piece in named), not single)


def _ids(index: VocabularyIndex, text: str) -> list[int]:
    """The ids of a text; none where one of them is special, such as an unknown piece."""
    ids = [int(i) for i in index.tokenizer(text, add_special_tokens=False)["input_ids"]]
    if any(i in index.special for i in ids):
        return []
    # a SentencePiece tokenizer may make a piece of its own of a leading space
    while len(ids) > 1 and not index.tokenizer.decode(ids[:1]).strip():
        ids = ids[1:]
    return ids
