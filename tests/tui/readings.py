"""Readings of any shape for tests of the screen: every number made from its own position, so that it can be checked."""

from __future__ import annotations

import io
from collections.abc import Sequence

import msgspec
import numpy as np
from PIL import Image

from tests.looked import looked
from vlmtui.display.pieces import fold_names
from vlmtui.geometry import Grid, Place
from vlmtui.images.image_file import ImageFile
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Words
from vlmtui.lenses.lens_source import LensCall
from vlmtui.reading import GridNorms, ImageInfo, LayerNorms, ModelInfo, Reading, TokenLayerWords, TokenWords
from vlmtui.results.local_words import find_local_words
from vlmtui.results.patch_embedding import PatchEmbeddingResult
from vlmtui.session.typed_lenses.values import Components, Position

LAYERS = 4


def model(name: str = "toy", note: str = "", llm_layers: int = 3) -> ModelInfo:
    return ModelInfo(
        name=name,
        family="llava",
        revision=None,
        dtype="float32",
        device="cpu",
        processor="SiglipImageProcessor",
        parts="SigLIP 16/224 → MLP → Llama",
        vision_layers=LAYERS,
        llm_layers=llm_layers,
        feeds=f"vision.{LAYERS}",
        embeddings=(1000, 8),
        vision_hidden=6,
        marks_words=True,
        note=note,
    )


def picture(width: int = 96, height: int = 64) -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    rgb = np.stack([255 * x / width, 255 * y / height, np.full_like(x, 90)], axis=-1).astype(np.uint8)
    return Image.fromarray(rgb)


def source(image: Image.Image, name: str = "toy.png") -> ImageFile:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return ImageFile(name, buffer.getvalue(), "0" * 64)


def reading(
    rows: int, cols: int, width: int = 96, height: int = 64, layers: int = LAYERS, id: str = "r", llm_layers: int = 3
) -> Reading:
    n = rows * cols
    places = tuple(
        Place(
            index=i,
            kind="patch",
            grid=0,
            row=i // cols,
            col=i % cols,
            box=(
                width * (i % cols) / cols,
                height * (i // cols) / rows,
                width * (i % cols + 1) / cols,
                height * (i // cols + 1) / rows,
            ),
            inside=1.0,
            patches=(i,),
        )
        for i in range(n)
    )
    stages = np.arange(1, layers + 2, dtype=np.float32)[:, None]
    patches = stages * (10 + np.sin(np.arange(n, dtype=np.float32)))[None, :]
    patches[2, n // 2] = 500.0  # an outlier
    return Reading(
        id=id,
        model=msgspec.structs.replace(model(llm_layers=llm_layers), vision_layers=layers, feeds=f"vision.{layers}"),
        image=ImageInfo("toy.png", "0" * 64, width, height),
        grids=(Grid(0, "whole", (0.0, 0.0, float(width), float(height)), rows, cols, rows, cols),),
        grid_norms=(GridNorms(patches.astype(np.float32), np.zeros((layers + 1, 0), np.float32)),),
        places=places,
        patch_places=places,
        norms=np.linspace(1, 2, n, dtype=np.float32),
        percentiles=np.linspace(0, 100, n, dtype=np.float32),
        hidden=8,
        prompt=None,
        seen="224×224, squashed",
        patch_size=(16, 16),
        timings={"encode": 0.01},
    )


def words(
    tokens: list[int], k: int, metric: str = "l2", pieces: dict[int, str] | None = None, stage: str = "tokens"
) -> TokenWords:
    # of llm.2 those of tokens, and 20 more; of vision.3 through the projector 53 more
    more = 10 * int(stage.removeprefix("llm.")) if stage.startswith("llm.") else 0
    more += 50 + int(stage.removeprefix("vision.")) if stage.startswith("vision.") else 0
    ids = np.array([[100 * (t % 9) + more + j for j in range(k)] for t in tokens], dtype=np.int64)
    scores = np.array([[-1.0 - 0.01 * j - 0.001 * t for j in range(k)] for t in tokens])
    named = {int(i): (pieces or {}).get(int(i), f"▁w{i}") for i in np.unique(ids)}
    return TokenWords(
        metric=metric,  # type: ignore[arg-type]
        k=k,
        all_tokens=False,
        tokens=np.array(tokens, dtype=np.int64),
        ids=ids,
        scores=scores,
        pieces=dict(named),
        texts={i: p.replace("▁", " ") for i, p in named.items()},
        special=frozenset(),
        candidates=997,
        left_out=3,
        seconds=0.001,
    )


def listed_words(lists: Sequence[Sequence[str]], tokens: list[int], k: int, metric: str = "l2") -> TokenWords:
    """Words of tokens from lists of texts, best first, which are shown as they are; shorter lists are filled up."""
    numbers = {text: number for number, text in enumerate(dict.fromkeys(text for one in lists for text in one))}
    k = min(k, len(numbers))
    ids = np.array([[*(numbers[text] for text in lists[t][:k]), *[-1] * (k - len(lists[t]))] for t in tokens], np.int64)
    named: dict[int, str | None] = {number: text for text, number in numbers.items() if number in ids}
    return TokenWords(
        metric=metric,  # type: ignore[arg-type]
        k=k,
        all_tokens=False,
        tokens=np.array(tokens, dtype=np.int64),
        ids=ids.reshape(len(tokens), k),
        scores=np.where(ids.reshape(len(tokens), k) < 0, np.nan, -1.0 - 0.01 * np.arange(k)),
        pieces=named,
        texts=named,
        special=frozenset(),
        candidates=len(numbers),
        left_out=0,
        seconds=0.001,
    )


def layers(reading: Reading, id: str) -> LayerNorms:
    """Norms a hundred times as large as those of the tokens, more from layer to layer; token 0 an outlier in llm.2."""
    many = reading.model.llm_layers
    norms = 100 * np.arange(1, many + 1, dtype=np.float32)[:, None] * reading.norms[None]
    if many > 1 and norms.size:
        norms[1, 0] = 9000.0
    return LayerNorms(reading=id, norms=norms.astype(np.float32), positions=len(reading.places) + 5)


def layer_words(token: int, layers: int) -> TokenLayerWords:
    """A word for every layer, the last one's from the layer before the last on."""
    ids = np.array([[10 * min(i, layers - 1) + token % 9] for i in range(1, layers + 1)], dtype=np.int64)
    named = {int(i): f"▁w{i}" for i in ids.ravel()}
    return TokenLayerWords(
        token=token,
        ids=ids,
        scores=np.arange(1, layers + 1, dtype=np.float64)[:, None] + 0.25,
        pieces=dict(named),
        texts={i: p.replace("▁", " ") for i, p in named.items()},
        special=frozenset(),
        entropy=np.linspace(6, 1, layers),
        settled=max(1, layers - 1),
        seconds=0.002,
    )


def values(reading: Reading, stage: str, lens: LensCall) -> LensResult:
    """Of the entry i of a stage: its row and column in the colours, its nearness to the first that is looked for."""
    count = len(reading.places_at(stage))
    index = np.arange(count, dtype=np.float32)
    if lens == Components():
        return looked(
            lens=lens,
            stage=stage,
            numbers=np.stack([index / count, -index / count, 0 * index], axis=1),
            explained=(0.5, 0.25, 0.125),
        )
    if lens == Position():
        return looked(lens=lens, stage=stage, numbers=index)
    to, word = lens.given.get("to"), lens.given.get("text") or lens.given.get("label") or ""
    first = to[0] if to else len(word)
    pieces = () if to else (f"▁{word}",)
    return looked(lens=lens, stage=stage, numbers=-np.abs(index - first), pieces=pieces)


def local_words(
    reading: Reading, stage: str, lens: LensCall, lists: Sequence[Sequence[str]] | None = None, k: int = 8
) -> LensResult:
    """The local words of these lists, or of the made-up ones; of a vision stage none are asked for."""
    tokens = list(range(len(reading.places)))
    listed = words(tokens, k, stage=stage) if lists is None else listed_words(lists, tokens, k)
    spelled = fold_names(listed.pieces, listed.texts)
    found = find_local_words(listed.ids, spelled, reading.places)
    result = Words(
        found.ids[:, None],
        found.votes[:, None],
        found.own[:, None].astype(float),
        note=found.found.note,
        pieces=listed.pieces,
        strings=listed.texts,
    )
    return LensResult(lens, stage, result)


def anatomy(patch: int) -> PatchEmbeddingResult:
    """Of a model that sees 16 × 16 pixels of one colour in a patch, twice over; its red is the patch's index."""
    pixels = np.full((16, 16, 3), (patch, 100, 200), np.float32)
    values = pixels[0, 0] / 127.5 - 1
    return PatchEmbeddingResult(
        patch=patch,
        pixels=pixels,
        lowest=values,
        mean=values,
        highest=values,
        length=2 * pixels.size,
        frames=2,
        projected=10.0 + patch,
        position=None if patch == 0 else 1.0 + patch,
        normed=False,
        values=np.broadcast_to(values, pixels.shape).astype(np.float32),
        flat=np.tile(np.broadcast_to(values, pixels.shape).ravel(), 2).astype(np.float32),
        projection=np.array([10.0 + patch, 0, 0, 0, 0, 0], np.float32),
        position_embedding=None if patch == 0 else np.array([0, 0, 0, 0, 0, 1.0 + patch], np.float32),
        position_cosines=None if patch == 0 else (np.arange(1 << 16) == patch).astype(np.float32),
    )


def large_anatomy(patch: int, side: int = 14, dims: int = 1024) -> PatchEmbeddingResult:
    """Of a model of the usual sizes: pixels of many colours, and vectors as long as those of a large tower."""
    drawn = np.random.default_rng(patch)
    pixels = drawn.integers(0, 256, (side, side, 3)).astype(np.float32)
    values = pixels / 127.5 - 1
    low, mean, high = values.min((0, 1)), values.mean((0, 1)), values.max((0, 1))
    projection, position = (drawn.normal(size=dims).astype(np.float32) for _ in range(2))
    return PatchEmbeddingResult(
        patch=patch,
        pixels=pixels,
        lowest=low,
        mean=mean,
        highest=high,
        length=pixels.size,
        frames=1,
        projected=float(np.linalg.norm(projection)),
        position=float(np.linalg.norm(position)),
        normed=False,
        values=values,
        flat=values.ravel(),
        projection=projection,
        position_embedding=position,
        position_cosines=drawn.uniform(-1, 1, 1 << 16).astype(np.float32),
    )
