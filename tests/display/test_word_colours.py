"""Colours of words: a word keeps its own, frequent words have different ones, colour-blind eyes tell them apart."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlmtui.display.colours import oklab
from vlmtui.display.word_colours import HUES, PALETTE, SHADES, WordColours, tint
from vlmtui.display.word_segments import word_segments

EYES = {
    "normal": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
"""What linear RGB looks like to such eyes: Machado, Oliveira and Fernandes 2009, severity 1."""
JUST_SEEN = 0.02
"""A distance in Oklab that can be seen."""

shown = st.lists(st.lists(st.sampled_from([f"word {i}" for i in range(30)]), unique=True, max_size=20), max_size=8)


def as_seen(colour: tuple[int, int, int], eyes: str) -> np.ndarray:
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(EYES[eyes]) @ linear, 0, 1)
    return oklab(np.rint(255 * np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)))


@given(shown)
def test_a_word_keeps_its_colour_unless_a_more_important_one_has_it(grids: list[list[str]]) -> None:
    colours, known = WordColours(), {}
    for words in grids:
        given = colours.give(words)
        assert list(given) == words
        for at, word in enumerate(words):
            if known.get(word, given[word]) != given[word]:
                assert known[word] in [known.get(other) for other in words[:at]]
        known |= given


@given(shown)
def test_words_shown_together_have_different_colours(grids: list[list[str]]) -> None:
    colours = WordColours()
    for words in grids:
        given = colours.give(words)
        if len(words) <= len(PALETTE):
            assert len(set(given.values())) == len(words)
        assert colours.give(words) == given


def test_two_words_of_other_maps_do_not_share_a_colour_where_they_meet() -> None:
    colours = WordColours()
    first = colours.give([f"word {at}" for at in range(14)])
    second = colours.give([f"other {at}" for at in range(14)])
    word = next(word for word, colour in second.items() if colour == first["word 3"])
    met = colours.give(["word 3", word])
    assert met["word 3"] == first["word 3"] != met[word]


def test_the_first_colours_are_the_seven_hues() -> None:
    assert list(WordColours().give(map(str, range(14))).values()) == [*HUES, *SHADES]


HUE = {"red": 29, "orange": 60, "yellow": 105, "green": 150, "blue": 255, "purple": 325, "pink": 350}
"""Degrees in Oklab."""


@pytest.mark.parametrize("before", [0, 5, 14])
def test_a_word_that_names_a_colour_has_one_that_does_not_contradict_it(before: int) -> None:
    colours = WordColours()
    others = [f"word {at}" for at in range(before)]
    colours.give(others)
    # after other words, which have had colours before it came
    for named in (["red", "Orange", "yellow", "green", "blue", "pink"], ["purple"]):
        given = colours.give([*others[:6], *named, "black", "white", "brown"])
        for word in named:
            _, a, b = oklab(np.array(given[word]))
            off = abs((np.degrees(np.arctan2(b, a)) - HUE[word.lower()] + 180) % 360 - 180)
            assert off < 45, (word, given[word], off)
        light = {word: float(oklab(np.array(given[word]))[0]) for word in ("black", "brown", "white")}
        assert light["black"] < 0.35
        assert light["brown"] < 0.45
        assert light["white"] > 0.8
        assert len({*given.values()}) == len(given) <= len(PALETTE) or len(given) > len(PALETTE)


def test_neighbours_that_name_colours_are_told_apart() -> None:
    names = ["red", "orange", "brown", "maroon", "crimson", "tan"]
    given = WordColours().give(names, {one: set(names) - {one} for one in names})
    for eyes in EYES:
        seen = [as_seen(tint(colour), eyes) for colour in given.values()]
        assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 2 * JUST_SEEN


@pytest.mark.parametrize("eyes", EYES)
def test_eyes_tell_the_colours_apart_over_the_image(eyes: str) -> None:
    seen = [as_seen(tint(colour), eyes) for colour in (*PALETTE, None)]
    assert min(float(np.linalg.norm(a - b)) for a, b in combinations(seen, 2)) > 2 * JUST_SEEN


def lab(colour: tuple[int, int, int], eyes: str) -> np.ndarray:
    """CIE L*a*b* of a colour as such eyes see it, by the definition of 1976 with the white D65."""
    share = np.array(colour) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    seen = np.clip(np.array(EYES[eyes]) @ linear, 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    ratio = np.array(to_xyz) @ seen / np.array([0.9505, 1.0, 1.089])
    f = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_no_colour_of_a_word_looks_like_the_grey() -> None:
    grey = lab(tint(None), "normal")
    for colour in PALETTE:
        seen = lab(tint(colour), "normal")
        assert np.hypot(*seen[1:]) > 15, colour
        assert np.linalg.norm(seen - grey) > 18, colour


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("seed", range(4))
def test_neighbours_differ_clearly_and_words_keep_their_colours_between_maps(seed: int, eyes: str) -> None:
    rng = np.random.default_rng(seed)
    colours = WordColours()
    # blocks of patches of up to 15 words; from overlay to overlay three blocks have another word
    blocks = rng.integers(0, 15, (5, 5))
    maps = []
    for _ in range(4):
        maps.append(np.kron(blocks, np.ones((4, 4), int)))
        blocks[rng.integers(0, 5, 3), rng.integers(0, 5, 3)] = rng.integers(0, 15, 3)
    grids = [[[f"word {at}" for at in line] for line in grid.tolist()] for grid in maps]
    changed, before = 0, {}
    for grid in grids:
        found = word_segments(grid)
        given = colours.give(found.frequent, found.touching)
        seen = {word: lab(tint(colour), eyes) for word, colour in given.items()}
        rows = range(len(grid))
        sides = {(grid[r][c], grid[r][c + 1]) for r in rows for c in rows[:-1]}
        sides |= {(grid[r][c], grid[r + 1][c]) for r in rows[:-1] for c in rows}
        least = min(np.linalg.norm(seen[a] - seen[b]) for a, b in sides if a != b)
        assert least > 12, (least, eyes)
        # seen once more, nothing changes
        assert colours.give(found.frequent, found.touching) == given
        changed += sum(before.get(word, colour) != colour for word, colour in given.items())
        before |= given
    # most of some 40 words on the last three have the colour that they had
    assert changed <= 14
