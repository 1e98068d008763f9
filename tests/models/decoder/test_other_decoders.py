"""LLaVA on decoders whose layers, final norm and positions go by other names: each passes all checks of `verify`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import transformers
from transformers import AutoConfig, AutoTokenizer, LlavaConfig, LlavaForConditionalGeneration

from tests.tiny_checkpoints import build_llava, randomise
from vlmtui.session import protocol as m
from vlmtui.session.engine import Engine
from vlmtui.session.request_control import RequestControl

_SIZES: dict[str, Any] = {"hidden_size": 48, "num_hidden_layers": 2}
# layers and final norm called h and ln_f; a table of positions beside; no attention at all
DECODERS = {
    "FalconConfig": _SIZES | {"num_attention_heads": 4},
    "GPT2Config": {"n_embd": 48, "n_head": 4, "n_layer": 2, "n_positions": 512},
    "MambaConfig": _SIZES | {"state_size": 4},
}
OTHERS = {
    "OPTConfig": _SIZES
    | {"ffn_dim": 96, "word_embed_proj_dim": 48, "num_attention_heads": 4, "max_position_embeddings": 256},
    "BloomConfig": {"hidden_size": 48, "n_head": 4, "n_layer": 2},
    "MptConfig": {"d_model": 48, "n_heads": 4, "n_layers": 2, "max_seq_len": 512},
}


def build(folder: Path, name: str, sizes: dict[str, Any]) -> None:
    build_llava(folder, "clip")
    config, tokens = AutoConfig.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2, "vocab_size": len(tokens) + 13}
    made = LlavaConfig(
        vision_config=config.vision_config,
        text_config=getattr(transformers, name)(**sizes, **ids, tie_word_embeddings=False),
        image_token_index=config.image_token_id,
        vision_feature_layer=-2,
        tie_word_embeddings=False,
    )
    model = LlavaForConditionalGeneration(made)
    randomise(model, 0)
    model.save_pretrained(folder)


@pytest.mark.parametrize("name", [*DECODERS, *(OTHERS if os.environ.get("VLMTUI_FAMILIES") == "all" else ())])
def test_it_passes_every_check(name: str, tmp_path: Path) -> None:
    build(tmp_path / "llava", name, (DECODERS | OTHERS)[name])
    found = Engine().answer(m.Verify(str(tmp_path / "llava"), device="cpu"), RequestControl())
    assert [(check.name, check.figure) for check in found.checks if check.result != "pass"] == []
