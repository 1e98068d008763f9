"""Which word-pieces a word that a person types stands for."""

from __future__ import annotations

from dataclasses import dataclass

from vlmtui.errors import UsageError
from vlmtui.session.vocabulary_index import VocabularyIndex


@dataclass(frozen=True)
class Spelling:
    """The rows to look for: ways to write a word, or with `several` the pieces of one that no piece is alone."""

    ids: list[int]
    pieces: tuple[str, ...]
    several: bool

    @property
    def note(self) -> str:
        """What was looked for, in a few words."""
        if self.several:
            return f"no single piece is that word: the mean of its {len(self.ids)} pieces"
        return "" if len(self.ids) == 1 else f"the nearest of its {len(self.ids)} spellings"


def find_spelling(index: VocabularyIndex, text: str) -> Spelling:
    """The pieces of a word: as it stands, capitalised or not, at the beginning of a word and within one.

    A word that the tokenizer cuts, however it is written, is looked for as the pieces of its plainest spelling.
    """
    word = " ".join(text.split())
    if not word:
        raise UsageError("there is no word to look for: type one")
    ways = dict.fromkeys(f"{space}{case}" for case in (word, word.lower(), word.capitalize()) for space in (" ", ""))
    cut = [ids for ids in (_ids(index, way) for way in ways) if ids]
    if not cut:
        raise UsageError(f"the model's tokenizer has no pieces for {word!r}: look for another word")
    single = list(dict.fromkeys(ids[0] for ids in cut if len(ids) == 1))
    ids = single or cut[0]
    named = index.tokenizer.convert_ids_to_tokens(ids)
    return Spelling(ids, tuple(str(piece) for piece in named), not single)


def _ids(index: VocabularyIndex, text: str) -> list[int]:
    """The ids of a text, without special ones: an unknown piece, a start of sentence."""
    ids = [int(i) for i in index.tokenizer(text, add_special_tokens=False)["input_ids"]]
    if any(i in index.special for i in ids):
        return []
    # a sentence-piece tokenizer may make of a leading space a piece of its own
    while len(ids) > 1 and not index.tokenizer.decode(ids[:1]).strip():
        ids = ids[1:]
    return ids
