"""What the builders of tiny checkpoints share: the table's row, the tokenizer, sizes, and how files are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from tests.tiny_checkpoints import CHAT_TEMPLATE, randomise, tiny_tokenizer

# wide, tall and tiny: the first two make several tiles in every tiled family, of 3 × 2 or so, never square
SHAPES = {"wide": (420, 180), "tall": (130, 300), "tiny": (9, 7)}

Tokens = Literal["patch", "merged", "overlapping", "windows", "newline", "query", "none"]


@dataclass(frozen=True)
class Family:
    """One kind of checkpoint, and what a test expects of it.

    `prefix` counts class tokens and registers before the patches; `has_processor` says whether `AutoProcessor` builds
    it without torchvision; `tokens` is what an image token is made of: one patch, several, those of a window that
    overlaps the next, or that may have patches of several crops, patches with a newline after each row, a query, or
    nothing (towers alone, cross-attention).
    `image_options` is what the family's own processor passes to its image processor. `support` is how far its resize
    filter reaches, in pixels of whichever picture is smaller: 2 for bicubic, 3 for LANCZOS. `first_edge` is the longest
    edge of what a first resize makes, where others follow on it. `last_by_hook`: in the place of the last block's
    output the library gives the tower's result, after a norm or a convolution, so that it is read by a hook. `like` is
    the family that it is put together as. `encoder_decoder`: its language model is one, without a lens of its layers.
    `row_by_row`: its flattened patches come so. `streams`: how many residual streams its decoder keeps.
    `title` is its name in the table of families where it is not the family's own. `needs` are packages without which it
    can be neither built nor read.
    """

    name: str
    builder: Callable[[Path], None]
    tokens: Tokens
    prefix: int = 0
    has_processor: bool = True
    tower_only: bool = False
    chat: bool = True
    support: float = 2.0
    first_edge: int | None = None
    last_by_hook: bool = False
    like: str = ""
    encoder_decoder: bool = False
    row_by_row: bool = False
    streams: int = 1
    title: str = ""
    needs: tuple[str, ...] = ()
    image_options: dict[str, Any] = field(default_factory=dict)
    shapes: dict[str, tuple[int, int]] = field(default_factory=lambda: dict(SHAPES))

    @property
    def has_tokens(self) -> bool:
        """Whether the decoder is given vectors at the image's positions."""
        return self.tokens != "none"


def chat_template(image: str = "<image>\n") -> str:
    """A plain chat template whose pictures are `image` in the prompt."""
    return CHAT_TEMPLATE.replace("<image>\n{% else %}", "{{ " + json.dumps(image) + " }}{% else %}")


def tokenizer(specials: Sequence[str] = (), named: dict[str, str] | None = None, template: str | None = None) -> Any:
    """The tiny tokenizer with a family's special tokens; `named` become attributes (`image_token`, …) as they are."""
    made = tiny_tokenizer()
    pieces = list(dict.fromkeys([*specials, *(named or {}).values()]))
    if pieces:
        made.add_special_tokens({"extra_special_tokens": pieces})
    if named:
        made._set_model_specific_special_tokens(named)
    made.chat_template = template
    return made


def text(tokens: Any, **changes: Any) -> dict[str, Any]:
    """A decoder of two layers, 48 wide, with 13 rows in its embedding matrix that the tokenizer has no name for."""
    sizes = {
        "vocab_size": len(tokens) + 13,
        "hidden_size": 48,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        "max_position_embeddings": 4096,
    }
    return sizes | changes


def vision(**changes: Any) -> dict[str, Any]:
    """A tower of four blocks, 32 wide."""
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4}
    return sizes | changes


def id_of(tokens: Any, piece: str) -> int:
    """A piece's id; asserts that the tokenizer has it."""
    found = tokens.get_vocab()[piece]
    return int(found)


def save(model: torch.nn.Module, folder: Path, seed: int = 0) -> None:
    """Randomise and save a model's weights, float32."""
    randomise(model, seed)
    model.save_pretrained(folder)


def save_parts(folder: Path, image_processor: Any, tokens: Any, processor_class: str, **settings: Any) -> None:
    """Write a processor that cannot be built here as it is published: one file a part.

    The settings go into `processor_config.json`, the image processor's into `preprocessor_config.json`.
    """
    if tokens is not None:
        tokens.save_pretrained(folder)
    image_processor.save_pretrained(folder)
    if processor_class:
        (folder / "processor_config.json").write_text(
            json.dumps({"processor_class": processor_class, **settings}, indent=2)
        )
