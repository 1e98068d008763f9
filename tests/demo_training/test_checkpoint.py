"""The checkpoint that ships: stock transformers load it, and it is as good as its card says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from transformers import LlavaForConditionalGeneration, SiglipModel, ViTForImageClassification

from demo_training.drawings.scenes import FIGURES, Scene
from demo_training.evaluate import CARD, read_figures
from demo_training.evaluation.answers import LlavaCheckpoint, vector_figures
from demo_training.evaluation.card import END, START, write_card
from demo_training.evaluation.patch_accuracy import patch_accuracy, scenes_from
from demo_training.evaluation.retrieval import retrieval
from demo_training.evaluation.scene_kinds import kind_accuracy
from demo_training.vocabulary import INDEX
from vlmtui.catalogue import DEMO_NOTES
from vlmtui.demo import CHECKPOINT, WEIGHTS

SCENES = 120


@pytest.fixture(scope="module")
def speaker() -> LlavaCheckpoint:
    return LlavaCheckpoint.load(CHECKPOINT)


@pytest.fixture(scope="module")
def scenes() -> list[Scene]:
    """The first of the card's own."""
    return scenes_from(FIGURES, SCENES)


def figures(model: str) -> dict[str, Any]:
    found: dict[str, Any] = read_figures(WEIGHTS)[model]["figures"]
    return found


@pytest.mark.parametrize("name", ["demo", "demo-captioned"])
def test_words_at_patches_are_as_good_as_the_card_says(name: str, scenes: list[Scene]) -> None:
    model = LlavaForConditionalGeneration.from_pretrained(WEIGHTS / name, dtype="float32").eval()
    found, said = patch_accuracy(model, scenes), figures(name)["l2"]
    for measure in ("object@1", "object@5", "colour@5"):
        assert found[measure] == pytest.approx(said[measure], abs=0.05), measure


def test_pairs_are_found_as_the_card_says(scenes: list[Scene]) -> None:
    found = retrieval(SiglipModel.from_pretrained(WEIGHTS / "demo-siglip", dtype="float32").eval(), scenes)
    said = figures("demo-siglip")
    assert found["among"] == said["among"]
    for measure in ("caption@1", "picture@1"):  # of a hundred pictures: three standard errors
        assert found[measure] == pytest.approx(said[measure], abs=0.15), measure


def test_kinds_are_told_as_the_card_says(scenes: list[Scene]) -> None:
    model = ViTForImageClassification.from_pretrained(WEIGHTS / "demo-vit", dtype="float32").eval()
    assert kind_accuracy(model, scenes)["right"] == pytest.approx(figures("demo-vit")["right"], abs=0.1)


def test_patches_that_were_taught_words_lie_among_them_and_others_do_not(scenes: list[Scene]) -> None:
    """What the two LLaVAs ship for: the same tower, and only the training of the patches differs."""
    taught, real = (
        vector_figures(LlavaCheckpoint.load(WEIGHTS / name), scenes[:8]) for name in ("demo", "demo-captioned")
    )
    assert real["token length"] > 3 * real["word length"]
    assert real["best cosine"] < taught["best cosine"]
    assert real["spread"] / real["token length"] > 2 * taught["spread"] / taught["token length"]


def test_the_card_says_what_the_figures_say() -> None:
    models, card = read_figures(WEIGHTS), CARD.read_text()
    assert START in card
    assert END in card
    assert write_card(card, models) == card
    assert f"{models['demo']['figures']['l2']['object@5']:.3f}" in card


def test_weights_are_half_precision_and_small() -> None:
    paths = list(WEIGHTS.glob("*/*.safetensors"))
    assert {path.parent.name for path in paths} == set(DEMO_NOTES)
    for path in paths:
        with safe_open(path, "pt") as weights:
            assert {weights.get_tensor(name).dtype for name in weights.keys()} == {torch.float16}  # noqa: SIM118
    assert sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file()) < 40e6


def test_processor_is_the_one_that_needs_no_torchvision(speaker: LlavaCheckpoint) -> None:
    assert type(speaker.processor.image_processor).__name__.endswith("Pil")


@pytest.mark.parametrize("size", [(1, 1), (7, 3000), (640, 480)])
def test_any_picture_is_196_tokens(speaker: LlavaCheckpoint, size: tuple[int, int]) -> None:
    inputs = speaker.inputs(Image.new("RGB", size, (20, 90, 200)), "Describe the image.")
    assert inputs["pixel_values"].shape == (1, 3, 224, 224)
    assert int((inputs["input_ids"] == speaker.model.config.image_token_id).sum()) == 196
    assert speaker.tokens(Image.new("RGB", size)).shape == (196, 256)


def test_chat_template(speaker: LlavaCheckpoint) -> None:
    content = [{"type": "image"}, {"type": "text", "text": "Describe the image."}]
    text = speaker.processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    assert text == "USER: <image>\nDescribe the image. ASSISTANT:"
    ids = speaker.inputs(Image.new("RGB", (9, 9)), "Describe the image.")["input_ids"][0].tolist()
    tokenizer = speaker.processor.tokenizer
    assert ids[0] == tokenizer.bos_token_id
    assert ids.count(tokenizer.bos_token_id) == 1


def test_it_describes_a_scene(speaker: LlavaCheckpoint) -> None:
    said = [speaker.answer(s.image, "Describe the image.") for s in scenes_from(FIGURES, 3)]
    assert all(len(text.split()) >= 2 and text.endswith(".") for text in said)


def test_the_sky_is_called_sky(speaker: LlavaCheckpoint, scenes: list[Scene]) -> None:
    scene = max(scenes, key=lambda s: (s.labels == INDEX["sky"]).mean())
    words = np.array([row[0] for row in speaker.words(scene.image)])
    sky = (scene.labels == INDEX["sky"]).reshape(14, 16, 14, 16).all(axis=(1, 3)).ravel()
    assert sky.sum() >= 20
    assert (words[sky] == "sky").mean() > 0.8


def test_the_path_of_the_weights_needs_nothing_heavy() -> None:
    heavy = {"torch", "numpy", "PIL", "transformers"}
    code = f"import sys; from vlmtui.demo import CHECKPOINT; assert not {heavy} & set(sys.modules); print(CHECKPOINT)"
    root = Path(__file__).parents[2]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert out.stdout.strip() == str(CHECKPOINT)
