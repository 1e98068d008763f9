"""Word-pieces of the demo models: a Unigram vocabulary (Kudo 2018) that is listed, not fitted, with byte fallback.

Every word that a patch can be taught has to be a single piece, which a fitted vocabulary would not ensure. Pieces have
the "▁" of Metaspace, as Llama's do.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from demo_training.colours import BASE, FINE
from demo_training.vocabulary import CLASSES, FRAGMENTS, GLUE, GLYPHS, LIGHTNESS, OTHER, STARTS

UNK, BOS, EOS, PAD, IMAGE = "<unk>", "<s>", "</s>", "<pad>", "<image>"
SPECIALS: Final[tuple[str, ...]] = (UNK, BOS, EOS, PAD, IMAGE)
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}"
    "{% if message['role'] == 'user' %}{{ 'USER: ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}{% endif %}"
    "{{ ' ' }}"
    "{% else %}{{ 'ASSISTANT: ' }}"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] }}{% endfor %}{% endif %}"
    "{{ '</s>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)


def target_words() -> tuple[str, ...]:
    """All words that a patch's soft target may contain."""
    drawn = [w for c in CLASSES for w in (c.word, *c.synonyms, *c.attributes)]
    return tuple(dict.fromkeys((*drawn, *BASE, *FINE, *LIGHTNESS, *GLYPHS)))


def pieces() -> list[tuple[str, float]]:
    """The vocabulary in order, with log-probabilities: whole words, then fragments, then letters."""
    words = dict.fromkeys("▁" + w for w in (*target_words(), *GLUE, *OTHER, *STARTS, *GLYPHS))
    out = [(s, 0.0) for s in SPECIALS]
    out += [(f"<0x{b:02X}>", -30.0) for b in range(256)]
    out += [(w, -6.0 - 0.001 * i) for i, w in enumerate(words)]
    inner = dict.fromkeys((*STARTS, *FRAGMENTS))
    out += [(f, -9.0 - 0.005 * i) for i, f in enumerate(inner) if len(f) > 1]
    out += [(c, -14.0) for c in ("▁", *(chr(i) for i in range(33, 127)))]
    return out


@cache
def backend() -> Tokenizer:
    """Build the tokenizer of the `tokenizers` library."""
    table = pieces()
    tokenizer = Tokenizer(models.Unigram(table, unk_id=0, byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(replacement="▁", prepend_scheme="first")]
    )
    tokenizer.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIALS])
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A {BOS} $B", special_tokens=[(BOS, SPECIALS.index(BOS))]
    )
    return tokenizer


TEXT_LENGTH: Final = 32  # word-pieces that the text tower reads


@cache
def text_backend() -> Tokenizer:
    """Build that of the text tower, with the same pieces: as with SigLIP, a text ends with </s> and is padded."""
    tokenizer = Tokenizer.from_str(backend().to_str())
    at = {name: SPECIALS.index(name) for name in (EOS, PAD)}
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {EOS}", special_tokens=[(EOS, at[EOS])])
    tokenizer.enable_truncation(TEXT_LENGTH)
    tokenizer.enable_padding(length=TEXT_LENGTH, pad_id=at[PAD], pad_token=PAD)
    return tokenizer


def build_text_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer of `demo-siglip` for transformers; pad with `padding="max_length"`, as with any SigLIP."""
    tokenizer = Tokenizer.from_str(text_backend().to_str())
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token=UNK, bos_token=BOS, eos_token=EOS, pad_token=PAD,
        padding_side="right", model_max_length=TEXT_LENGTH, model_input_names=["input_ids"],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


@cache
def text_ids(text: str) -> tuple[int, ...]:
    """The `TEXT_LENGTH` ids that the text tower reads."""
    return tuple(text_backend().encode(text).ids)


def build_tokenizer() -> PreTrainedTokenizerFast:
    """Build the tokenizer of the LLaVA models for transformers."""
    return PreTrainedTokenizerFast(
        tokenizer_object=backend(), unk_token=UNK, bos_token=BOS, eos_token=EOS, pad_token=PAD,
        extra_special_tokens={"image_token": IMAGE}, padding_side="left", model_max_length=1024,
        clean_up_tokenization_spaces=False,
    )  # fmt: skip


@cache
def word_id(word: str) -> int:
    """The id of a word that is one piece; KeyError for others."""
    found = backend().token_to_id("▁" + word)
    if found is None:
        raise KeyError(f"{word!r} is not one piece")
    return int(found)


@cache
def inner_ids(text: str) -> tuple[int, ...]:
    """Ids of text inside a prompt, where it has no leading "▁" of its own."""
    return tuple(backend().encode(IMAGE + text, add_special_tokens=False).ids[1:])
