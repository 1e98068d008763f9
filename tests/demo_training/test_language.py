"""Captions and questions say what pixels and labels hold."""

from __future__ import annotations

import numpy as np
import torch

from demo_training import language
from demo_training.tokenizer import TEXT_LENGTH, text_ids
from demo_training.vocabulary import INDEX, NAMES


def two_halves() -> language.Facts:
    """Blue sky over green grass."""
    rgb = np.zeros((224, 224, 3), np.uint8)
    rgb[:112], rgb[112:] = (100, 160, 230), (60, 130, 40)
    labels = np.full((224, 224), INDEX["grass"], np.uint8)
    labels[:112] = INDEX["sky"]
    return language.image_facts(torch.from_numpy(rgb)[None], torch.from_numpy(labels)[None], [""])[0]


def test_facts() -> None:
    facts = two_halves()
    assert facts.area[INDEX["sky"]] == 0.5
    assert [NAMES[i] for i in facts.cells[:3]] == ["sky"] * 3
    assert [NAMES[i] for i in facts.cells[6:]] == ["grass"] * 3


def test_caption() -> None:
    assert language.caption(two_halves()) == "green grass under a blue sky."


def test_questions_have_true_answers() -> None:
    facts = two_halves()
    for seed in range(30):
        rng = np.random.default_rng(seed)
        colour = language.colour_question(facts, rng)
        place = language.place_question(facts, rng)
        assert colour in (("What color is the sky?", "blue."), ("What color is the grass?", "green."))
        assert place is not None
        assert place[1] in ("sky.", "grass.")
        if "top" in place[0] or "bottom" in place[0]:
            assert place[1] == ("sky." if "top" in place[0] else "grass.")
        question, answer = language.presence_question(facts, rng)
        there = question.rstrip("?").split()[-1] in ("sky", "grass")
        assert answer == ("yes." if there else "no.")


def test_articles() -> None:
    assert language.article("orange house") == "an orange house"
    assert language.article("red house") == "a red house"


def test_turns_hold_the_caption_once() -> None:
    turns = language.turns(two_halves(), np.random.default_rng(0))
    assert [q for q, _ in turns].count(language.DESCRIBE) == 1
    asked = [q for q, _ in turns]
    assert len(set(asked)) == len(asked) >= 5


def test_questions_come_as_people_write_them() -> None:
    rng = np.random.default_rng(0)
    colour = {language.reworded("What color is the sky?", rng) for _ in range(200)}
    there = {language.reworded("Is there a tree?", rng) for _ in range(200)}
    assert {"what colour is the sky?", "What color is the sky?", "what color is the sky"} <= colour
    assert {"is there a tree?", "Is there a tree in the picture?"} <= there


def test_alt_texts_are_short_and_name_what_is_there() -> None:
    rng = np.random.default_rng(0)
    said = {language.alt_text(two_halves(), rng) for _ in range(100)}
    assert "green grass under a blue sky." in said
    assert "a photo of a blue sky." in said
    assert all(text == text.lower() and len(text_ids(text)) == TEXT_LENGTH for text in said)
