"""What patches are taught."""

from __future__ import annotations

import numpy as np

from vlmtui.demo.colours import BASE, lab, name_pixels
from vlmtui.demo.measure import truth
from vlmtui.demo.targets import LABELS, signals, target_matrix
from vlmtui.demo.tokenizer import word_id
from vlmtui.demo.words import INDEX


def test_colour_names_of_plain_colours() -> None:
    plain = {
        "black": (5, 5, 5),
        "white": (250, 250, 250),
        "red": (200, 25, 25),
        "green": (30, 130, 40),
        "blue": (40, 90, 200),
    }
    for name, rgb in plain.items():
        base, _, _ = name_pixels(np.array([rgb], np.uint8))
        assert BASE[int(base[0])] == name


def test_lab_of_white_and_black() -> None:
    assert np.allclose(lab(np.array([[255.0, 255, 255], [0, 0, 0]])), [[100, 0, 0], [0, 0, 0]], atol=0.3)


def test_signals_of_a_patch() -> None:
    rgb = np.full((224, 224, 3), (40, 90, 200), np.uint8)
    labels = np.full((224, 224), INDEX["sea"], np.uint8)
    labels[:16, :8] = INDEX["sand"]
    found = signals(rgb, labels)
    assert found.labels[0, INDEX["sand"]] == found.labels[0, INDEX["sea"]] == 0.5
    assert (found.labels[1:, INDEX["sea"]] == 1).all()
    assert (found.colours[:, BASE.index("blue")] == 1).all()
    right = truth(found)
    assert list(right.where) == list(range(1, 196))  # the mixed patch does not count
    target = np.concatenate([found.labels[5], found.colours[5]]) @ target_matrix()
    assert target.argmax() == word_id("sea")
    assert np.argsort(-target)[1] == word_id("blue")


def test_every_signal_has_words_and_only_glyphs_have_characters() -> None:
    matrix = target_matrix()
    assert (matrix.sum(1) > 0).all()
    letters = matrix[:, word_id("A")]
    assert letters[INDEX["letter"]] == 0
    assert letters[:LABELS].sum() > 0
