"""SmolLM2-135M-Instruct, from a GGUF file to a model and a tokenizer of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CONTROL = 3  # GGUF's type of pieces that are no text
# GPT-2's words, with each digit alone: spaces before a digit are not cut
WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+"
NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


class GgufFile:
    """What a GGUF file of a Llama holds."""

    def __init__(self, file: Path) -> None:
        from gguf import GGUFReader

        self._reader = GGUFReader(str(file))

    def value(self, key: str) -> Any:
        """The value of a key of its metadata."""
        return self._reader.fields[key].contents()

    def config(self) -> Any:
        """Its sizes, as transformers' config."""
        from transformers import LlamaConfig

        return LlamaConfig(
            vocab_size=self.value("llama.vocab_size"),
            hidden_size=self.value("llama.embedding_length"),
            intermediate_size=self.value("llama.feed_forward_length"),
            num_hidden_layers=self.value("llama.block_count"),
            num_attention_heads=self.value("llama.attention.head_count"),
            num_key_value_heads=self.value("llama.attention.head_count_kv"),
            max_position_embeddings=self.value("llama.context_length"),
            rms_norm_eps=self.value("llama.attention.layer_norm_rms_epsilon"),
            rope_parameters={"rope_type": "default", "rope_theta": self.value("llama.rope.freq_base")},
            bos_token_id=self.value("tokenizer.ggml.bos_token_id"),
            eos_token_id=self.value("tokenizer.ggml.eos_token_id"),
            pad_token_id=self.value("tokenizer.ggml.padding_token_id"),
            tie_word_embeddings=True,
        )

    def tensors(self) -> dict[str, torch.Tensor]:
        """Weights in float32 as gguf dequantises them, by transformers' names.

        Queries and keys are put back from llama.cpp's order of rotary pairs into halves.
        """
        import torch
        from gguf import dequantize

        found = {}
        for tensor in self._reader.tensors:
            weight = torch.tensor(dequantize(tensor.data, tensor.tensor_type))
            part = tensor.name.split(".")
            if part[0] == "blk":
                if part[2] in ("attn_q", "attn_k"):
                    kind = "head_count" if part[2] == "attn_q" else "head_count_kv"
                    heads, width = self.value(f"llama.attention.{kind}"), weight.shape[1]
                    weight = weight.reshape(heads, -1, 2, width).transpose(1, 2).reshape(-1, width)
                name = f"layers.{part[1]}.{NAMES[part[2]]}.weight"
            else:
                name = {"token_embd": "embed_tokens.weight", "output_norm": "norm.weight"}[part[0]]
            found[name] = weight
        return found

    def pieces(self) -> tuple[list[str], list[str]]:
        """All pieces by id, and those of them that are no text."""
        pieces, kinds = self.value("tokenizer.ggml.tokens"), self.value("tokenizer.ggml.token_type")
        return pieces, [piece for piece, kind in zip(pieces, kinds, strict=True) if kind == CONTROL]

    def tokenizer(self, image_token: str) -> Any:
        """Its tokenizer, with a special token for the image after all others."""
        from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
        from transformers import PreTrainedTokenizerFast

        pieces, controls = self.pieces()
        merges = [tuple(merge.split(" ")) for merge in self.value("tokenizer.ggml.merges")]
        made = Tokenizer(models.BPE(vocab={piece: i for i, piece in enumerate(pieces)}, merges=merges))
        made.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
        made.decoder = decoders.ByteLevel()
        made.add_special_tokens([AddedToken(name, special=True, normalized=False) for name in controls])
        made.add_special_tokens([AddedToken(image_token, special=True, normalized=False)])
        start, end = (pieces[self.value(f"tokenizer.ggml.{kind}_token_id")] for kind in ("bos", "eos"))
        return PreTrainedTokenizerFast(tokenizer_object=made, bos_token=start, eos_token=end, pad_token=end)


def largest_difference(file: GgufFile, path: Path) -> float:
    """Between the weights of `tensors` and those that transformers' own reader of GGUF makes of the same file."""
    from transformers import LlamaForCausalLM

    other = LlamaForCausalLM.from_pretrained(path.parent, gguf_file=path.name).model.state_dict()
    ours = file.tensors()
    if set(ours) != set(other):
        raise ValueError(f"{path} has other weights: {sorted(set(ours) ^ set(other))}.")
    return max(float((weight - other[name]).abs().max()) for name, weight in ours.items())


def differing_lines(tokenizer: Any, file: GgufFile, lines: list[str]) -> list[str]:
    """Lines that tiktoken, given the pieces alone with their ids as ranks, cuts into other pieces."""
    import tiktoken
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    pieces, controls = file.pieces()
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    ranks = {
        bytes(byte_of[character] for character in piece): i for i, piece in enumerate(pieces) if piece not in controls
    }
    other = tiktoken.Encoding("smollm2", pat_str=WORDS, mergeable_ranks=ranks, special_tokens={})
    return [
        line
        for line in lines
        if tokenizer.encode(line, add_special_tokens=False) != other.encode_ordinary(line)
        or tokenizer.decode(other.encode_ordinary(line)) != line
    ]
