"""Classes against transformers' own models with a classification head."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForImageClassification

from tests.families import build
from tests.families.towers import LABELS, builders, classifying
from tests.models.test_vlm import held, picture
from tests.models.vision.test_dual_encoder import seen
from vlmtui.errors import UsageError

SIZE = (90, 60)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("heads")
    return {name: classifying(name, folder / name) for name in builders}


@torch.no_grad()
def theirs(folder: Path):
    """transformers' own model, and its logits."""
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    return model, model(**images(images=Image.fromarray(picture(*SIZE).rgb), return_tensors="pt")).logits[0]


@pytest.mark.parametrize("name", builders)
def test_logits_are_transformers(name, folders):
    model = held(folders[name])
    inputs, final = seen(model, SIZE)
    _, expected = theirs(folders[name])
    classifier = model.classifier
    torch.testing.assert_close(classifier.logits(inputs, final), expected, atol=1e-5, rtol=1e-4)
    assert classifier.labels == tuple(LABELS.values())
    assert classifier.kind == "softmax"


@pytest.mark.parametrize("name", [name for name in builders if name != "vit"])
def test_where_the_head_reads_a_mean_the_patches_shares_are_the_logit(name, folders):
    model = held(folders[name])
    inputs, final = seen(model, SIZE)
    classifier = model.classifier
    classes = torch.tensor([3, 0])
    shares, rest = classifier.evidence(inputs, final, classes), classifier.rest(final, classes)
    assert classifier.exact
    assert rest is not None
    assert shares.shape == (2, sum(r * c for r, c in model.family.shapes(model.family.frames(inputs.pixels))))
    _, expected = theirs(folders[name])
    torch.testing.assert_close(shares.sum(dim=1) + rest, expected[classes], atol=1e-4, rtol=1e-4)


def test_where_it_reads_the_class_token_a_patch_stands_in_its_place(folders):
    model = held(folders["vit"])
    inputs, final = seen(model, SIZE)
    classifier = model.classifier
    whole, _ = theirs(folders["vit"])
    with torch.no_grad():
        pixels = {"pixel_values": inputs.pixels["pixel_values"]}
        expected = whole.classifier(whole.vit(**pixels).last_hidden_state[0, 1:])
    found = classifier.evidence(inputs, final, torch.arange(5))
    torch.testing.assert_close(found, expected.T, atol=1e-5, rtol=1e-4)
    assert not classifier.exact
    assert classifier.rest(final, torch.arange(5)) is None


def test_classes_that_do_not_exclude_each_other(tmp_path):
    folder = classifying("siglip", tmp_path / "several", problem_type="multi_label_classification")
    assert held(folder).classifier.kind == "sigmoid"


def test_who_has_no_head_says_so(clip_folder, tmp_path):
    for folder in (clip_folder, build("clip", tmp_path / "clip")):
        with pytest.raises(UsageError, match=r"has no classification head: choose .* vit-base"):
            _ = held(folder).classifier
