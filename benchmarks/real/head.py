"""A classifier on the backbone: a logistic head, fitted to crops of the sample images and made-up drawings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

PHOTOGRAPHS = {
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "temple": "china.jpg",
    "coffee": "coffee.png",
    "flower": "flower.jpg",
    "galaxies": "hubble_deep_field.jpg",
    "rocket": "rocket.jpg",
}
DRAWN = ("circle", "square", "stripes")
CLASSES = (*PHOTOGRAPHS, *DRAWN)
CROPS = 24  # of each class; every fourth is kept to count with


def classifier(backbone: Any, images: Any, folder: Path, seed: int = 0) -> tuple[Any, float]:
    """The backbone with a fitted head, as Dinov2ForImageClassification; and its share right of crops kept out.

    `folder` has the sample images. Crops of one photograph look alike, so the share says little of other images.
    """
    import torch
    from sklearn.linear_model import LogisticRegression
    from transformers import Dinov2ForImageClassification

    rng = np.random.default_rng(seed)
    features, labels = [], []
    for label, name in enumerate(CLASSES):
        rgb = [
            _crop(folder / PHOTOGRAPHS[name], rng) if name in PHOTOGRAPHS else _draw(name, rng) for _ in range(CROPS)
        ]
        with torch.no_grad():
            states = backbone(images(rgb, return_tensors="pt").pixel_values).last_hidden_state
        features.append(torch.cat([states[:, 0], states[:, 1:].mean(1)], 1).numpy())
        labels.append(np.full(CROPS, label))
    rows, wanted = np.concatenate(features), np.concatenate(labels)
    kept = np.arange(len(rows)) % 4 == 3
    fitted = LogisticRegression(max_iter=2000, C=0.01).fit(rows[~kept], wanted[~kept])

    config = type(backbone.config)(**backbone.config.to_dict())
    config.id2label = dict(enumerate(CLASSES))
    config.label2id = {name: label for label, name in enumerate(CLASSES)}
    model = Dinov2ForImageClassification(config).eval()
    model.dinov2.load_state_dict(backbone.state_dict())
    with torch.no_grad():
        model.classifier.weight.copy_(torch.tensor(fitted.coef_))
        model.classifier.bias.copy_(torch.tensor(fitted.intercept_))
    return model, float(fitted.score(rows[kept], wanted[kept]))


def _crop(file: Path, rng: np.random.Generator) -> Image.Image:
    """A random part of the photograph, at least six tenths of each side, mirrored every other time."""
    with Image.open(file) as opened:
        rgb = opened.convert("RGB")
    width, height = (int(side * rng.uniform(0.6, 1.0)) for side in rgb.size)
    left, top = (int(rng.integers(0, whole - part + 1)) for whole, part in zip(rgb.size, (width, height), strict=True))
    part = rgb.crop((left, top, left + width, top + height))
    return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if rng.random() < 0.5 else part


def _draw(shape: str, rng: np.random.Generator) -> Image.Image:
    """A shape of one colour on another."""
    back, front = (tuple(int(value) for value in rng.integers(0, 256, 3)) for _ in range(2))
    drawn = Image.new("RGB", (224, 224), back)
    draw = ImageDraw.Draw(drawn)
    size = int(rng.integers(40, 140))
    left, top = (int(rng.integers(0, 224 - size)) for _ in range(2))
    if shape == "circle":
        draw.ellipse((left, top, left + size, top + size), fill=front)
    elif shape == "square":
        draw.rectangle((left, top, left + size, top + size), fill=front)
    else:
        for x in range(left % 28, 224, 28):
            draw.rectangle((x, 0, x + 13, 224), fill=front)
    return drawn
