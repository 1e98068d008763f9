"""Answers of a LLaVA through transformers' own interface, and how often they are right."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration, LlavaProcessor

from demo_training import language
from demo_training.colours import BASE
from demo_training.drawings.scenes import Scene
from demo_training.evaluation.patch_accuracy import facts_of, nearest
from demo_training.vocabulary import GLYPHS, NAMES

CONTENT = frozenset((*NAMES, *BASE, *GLYPHS))


@dataclass(frozen=True)
class LlavaCheckpoint:
    """A checkpoint as transformers loads it, in float32 on the CPU."""

    model: LlavaForConditionalGeneration
    processor: LlavaProcessor

    @classmethod
    def load(cls, folder: Path) -> LlavaCheckpoint:
        """Load it from a folder."""
        model = LlavaForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
        return cls(model, AutoProcessor.from_pretrained(folder))

    def inputs(self, image: Image.Image, question: str) -> Any:
        """Prepare the inputs of the model for a question about an image."""
        content = [{"type": "image", "image": image}, {"type": "text", "text": question}]
        return self.processor.apply_chat_template(
            [{"role": "user", "content": content}],
            add_generation_prompt=True,
            tokenize=True,
            return_dict=True,
            return_tensors="pt",
        )

    @torch.no_grad()
    def answer(self, image: Image.Image, question: str) -> str:
        """Generate the greedy answer."""
        inputs = self.inputs(image, question)
        out = self.model.generate(**inputs, do_sample=False, max_new_tokens=48)
        text: str = self.processor.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)
        return text.strip()

    @torch.no_grad()
    def tokens(self, image: Image.Image) -> torch.Tensor:
        """The image tokens `[196, hidden]` that enter the language model."""
        inputs = self.inputs(image, language.DESCRIBE)
        features = self.model.get_image_features(pixel_values=inputs["pixel_values"]).pooler_output
        found: torch.Tensor = features[0]
        return found

    def words(self, image: Image.Image, k: int = 1) -> list[list[str]]:
        """The `k` nearest words (l2) of each image token."""
        ids = nearest(self.tokens(image), self.model.get_input_embeddings().weight, "l2", k)
        pieces = self.processor.tokenizer.convert_ids_to_tokens
        return [[p.removeprefix("▁") for p in pieces(row.tolist())] for row in ids]


def _f1(said: str, right: str) -> float:
    """F1 of the content words of two captions, as sets."""
    a, b = ({w for w in re.findall(r"\w+", text) if w in CONTENT} for text in (said, right))
    return 2 * len(a & b) / (len(a) + len(b)) if a or b else 1.0


def answer_accuracy(checkpoint: LlavaCheckpoint, scenes: list[Scene]) -> dict[str, Any]:
    """F1 of captions and the share of right answers of each kind of question; one question of each kind a scene."""
    scores: dict[str, list[float]] = {"caption": [], "colour": [], "place": [], "presence": []}
    asks = {
        "colour": language.colour_question,
        "place": language.place_question,
        "presence": language.presence_question,
    }
    for i, scene in enumerate(scenes):
        facts = facts_of(scene)
        scores["caption"].append(_f1(checkpoint.answer(scene.image, language.DESCRIBE), language.caption(facts)))
        rng = np.random.default_rng([91, i])
        for kind, ask in asks.items():
            if asked := ask(facts, rng):
                scores[kind].append(float(checkpoint.answer(scene.image, asked[0]) == asked[1]))
    return {kind: {"asked": len(v), "score": round(float(np.mean(v)), 4)} for kind, v in scores.items()}


def vector_figures(checkpoint: LlavaCheckpoint, scenes: list[Scene]) -> dict[str, float]:
    """Lengths of image tokens, and their distances to words."""
    words = checkpoint.model.get_input_embeddings().weight.detach()
    tokens = torch.cat([checkpoint.tokens(s.image) for s in scenes])
    distances = torch.cdist(tokens, words)
    cosines = torch.nn.functional.normalize(tokens, dim=-1) @ torch.nn.functional.normalize(words, dim=-1).T
    lengths = tokens.norm(dim=-1)
    figures = {
        "token length": lengths.mean(), "spread": lengths.std(), "longest": lengths.max(),
        "word length": words.norm(dim=-1).mean(),
        "nearest distance": distances.min(-1).values.mean(), "mean distance": distances.mean(),
        "best cosine": cosines.max(-1).values.mean(),
    }  # fmt: skip
    return {name: round(float(v), 3) for name, v in figures.items()}


def photograph_captions(checkpoint: LlavaCheckpoint, folder: Path) -> dict[str, dict[str, Any]]:
    """Top-1 words, by share of patches, and captions of photographs, which no training or choice has used."""
    out = {}
    paths = [p for p in folder.glob("*.*g") if p.suffix in (".jpg", ".png") and not p.name.startswith("scene-")]
    for path in sorted(paths):
        image = Image.open(path).convert("RGB")
        first = Counter(row[0] for row in checkpoint.words(image))
        total = sum(first.values())
        top = {word: round(n / total, 3) for word, n in first.most_common(6)}
        out[path.name] = {"words": top, "caption": checkpoint.answer(image, language.DESCRIBE)}
    return out
