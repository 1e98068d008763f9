"""What the fully loaded model makes of a picture, by transformers alone: the truth that other tests compare with.

Nothing here knows vlmtui. Where a family's processor cannot be built (torchvision), its image processor is used with
the options that the processor's class passes to it, and the prompt is made by hand.
"""

from __future__ import annotations

import contextlib
import inspect
import json
import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import pad, unfold
from transformers import AutoConfig, AutoImageProcessor, AutoProcessor, AutoTokenizer
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from tests.families.base import Family

PROMPT = "Describe the image."


@dataclass(frozen=True)
class Tile:
    """The states of one tile: `patches` [stages, patches, width] row by row, `prefix` [stages, prefix, width].

    `shape` is the (rows, columns) of its patches.
    """

    patches: Tensor
    prefix: Tensor
    shape: tuple[int, int]


@dataclass(frozen=True)
class Reference:
    """`tokens` [tokens, hidden] is what the decoder's first layer receives at the image's positions, None without any.

    `places` is how many image tokens the family's own processor leaves room for; `tiles` come in its order.
    """

    tokens: Tensor | None
    tiles: tuple[Tile, ...]
    places: int
    inputs: dict[str, Tensor]


class WholeModel:
    """A checkpoint loaded whole, with its processor or the parts of it."""

    def __init__(self, folder: Path, family: Family) -> None:
        self.folder, self.family = folder, family
        self.config = AutoConfig.from_pretrained(folder)
        if self.config.model_type == "kosmos-2":  # its ids at the image's positions are never read
            self.config.image_token_id = self.config.text_config.eos_token_id
        # the class that saved it, as its config says
        architecture = getattr(transformers, self.config.architectures[0])
        self.model = architecture.from_pretrained(folder, dtype=torch.float32).eval()
        self.processor = AutoProcessor.from_pretrained(folder) if family.has_processor else None
        # of DINOv3's only torchvision's exists: the nearest in PIL resizes bytes where that resizes floats
        if self.config.model_type == "dinov3_vit":
            self.image_processor = ViTImageProcessorPil.from_pretrained(folder)
        else:
            self.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
        if self.processor is not None and not family.tower_only:
            self.processor.image_processor = self.image_processor  # PIL's also where torchvision is installed

    @torch.no_grad()
    def see(self, image: Image.Image) -> Reference:
        """Run the whole model once."""
        if self.family.tower_only:
            inputs = dict(self.image_processor(images=image, return_tensors="pt"))
            return Reference(None, self._tiles(self._states(inputs), inputs), 0, inputs)
        inputs, places = self._inputs(image)
        states = self._states(inputs)
        tokens = self._tokens(inputs) if self.family.has_tokens else None
        return Reference(tokens, self._tiles(states, inputs), places, inputs)

    # -- inputs

    def _inputs(self, image: Image.Image) -> tuple[dict[str, Tensor], int]:
        if self.processor is not None:
            inputs = dict(self.processor(images=image, text=self._prompt(), return_tensors="pt"))
            inputs["pixel_values"] = inputs["pixel_values"].float()  # Llama 4's are bfloat16
            if (mask := inputs.get("image_embeds_position_mask")) is not None:  # no text has this id
                inputs["input_ids"] = inputs["input_ids"].masked_fill(mask.bool(), self.config.image_token_id)
            return inputs, int(self._positions(inputs).sum())
        made = self.image_processor(images=image, return_tensors="pt", **self.family.image_options)
        inputs = {key: value for key, value in made.items() if isinstance(value, Tensor)}
        if "pixel_values_images" in inputs:  # Video-LLaVA's older name for what its model takes
            inputs["pixel_values"] = inputs.pop("pixel_values_images")
        if "images" in inputs:
            inputs = _fuyu_patches(inputs, self.config.patch_size)
            places = inputs["pixel_values"].shape[1]
        else:
            places = self._places(dict(made))
        tokenizer = AutoTokenizer.from_pretrained(self.folder)
        before, after = tokenizer(["USER:", PROMPT], add_special_tokens=False).input_ids
        if hasattr(self.config, "vision_start_token_id"):
            before, after = [*before, self.config.vision_start_token_id], [self.config.vision_end_token_id, *after]
        ids = torch.tensor([[*before, *[self.config.image_token_id] * places, *after]])
        kinds = (ids == self.config.image_token_id).long()
        text = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "mm_token_type_ids": kinds}
        return inputs | text, places

    def _prompt(self) -> str:
        if self.family.chat:
            content = [{"type": "image"}, {"type": "text", "text": PROMPT}]
            said = [{"role": "user", "content": content}]
            return str(self.processor.apply_chat_template(said, add_generation_prompt=True))
        # BLIP's processors put the image tokens before the text, and BOS where the tokenizer does, by themselves; the
        # Q-Former of InstructBLIP reads the sentence alone, in a vocabulary that has no BOS
        itself = any(kind in self.config.model_type for kind in ("blip", "kosmos"))
        return PROMPT if itself else "<image>" + PROMPT

    def _positions(self, inputs: dict[str, Tensor]) -> Tensor:
        """Where the image's tokens are in the prompt [1, positions]; Kosmos-2's processor says so by a mask."""
        if (mask := inputs.get("image_embeds_position_mask")) is not None:
            return mask.bool()
        return inputs["input_ids"] == self.config.image_token_id

    def _places(self, inputs: dict[str, Tensor]) -> int:
        """The image tokens that the processor's own code writes for this picture; it needs no torchvision for that."""
        settings = json.loads((self.folder / "processor_config.json").read_text())
        name = settings.pop("processor_class")
        if name == "PixtralProcessor":  # its module cannot even be imported; one token a block, a break a row
            side = settings["patch_size"] * settings["spatial_merge_size"]
            height, width = inputs["image_sizes"][0].tolist()
            return (height // side) * (width // side)
        kind = getattr(import_module(f"transformers.{transformers._class_to_module[name]}"), name)
        bare = object.__new__(kind)
        if "size_conversion" in settings:
            settings["size_conversion"] = {int(side): count for side, count in settings["size_conversion"].items()}
        words = {"start_image_token": "", "end_image_token": "", "fake_image_token": "", "global_image_token": ""}
        words |= {"boi_token": "", "eoi_token": ""}
        bare.__dict__.update(settings | words, image_processor=self.image_processor, image_token="#")
        return str(bare.replace_image_token(inputs, 0)).count("#")

    def _tokens(self, inputs: dict[str, Tensor]) -> Tensor:
        seen: list[Tensor] = []

        def first_layer(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            seen.append(args[0] if args else options["hidden_states"])

        def embedded(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            given = options.get("image_embeds")
            seen.append(options["inputs_embeds"] if given is None else given)

        if self.config.get_text_config().is_encoder_decoder:
            return self._encoder_reads(inputs)
        decoder = next(part for part in self.model.get_decoder().modules() if hasattr(part, "layers"))
        # OPT and Kosmos-2 add positions to what they are given: what is wanted is what they are given
        adds = any(name in type(decoder).__name__ for name in ("OPT", "Kosmos2"))
        part, hook = (decoder, embedded) if adds else (decoder.layers[0], first_layer)
        handle = part.register_forward_pre_hook(hook, with_kwargs=True)
        accepted = inspect.signature(self.model.forward).parameters
        # after its decoder's layers the forward pass of Llama 4 fails in transformers 5.24
        with contextlib.suppress(AttributeError) if self.config.model_type == "llama4" else contextlib.nullcontext():
            self.model(**{key: value for key, value in inputs.items() if key in accepted})
        handle.remove()
        (received,) = seen
        if self.family.streams > 1:  # copies of the same vector, one for each residual stream
            copies = received.reshape(*received.shape[:2], self.family.streams, -1)
            assert (copies == copies[:, :, :1]).all()
            received = copies[:, :, 0]
        # Kosmos-2's decoder is given the image's tokens alone, and their places
        return received[0] if "image_embeds_position_mask" in inputs else received[self._positions(inputs)]

    def _encoder_reads(self, inputs: dict[str, Tensor]) -> Tensor:
        """What the encoder of the language model is given at the image's positions."""
        seen: list[Tensor] = []

        def embedded(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            seen.append(options["inputs_embeds"])

        encoder = getattr(self.model, "model", self.model).language_model.get_encoder()
        handle = encoder.register_forward_pre_hook(embedded, with_kwargs=True)
        accepted = inspect.signature(self.model.forward).parameters
        start = torch.tensor([[self.config.get_text_config().decoder_start_token_id]])
        self.model(**{key: value for key, value in inputs.items() if key in accepted}, decoder_input_ids=start)
        handle.remove()
        return seen[0][inputs["input_ids"] == self.config.image_token_id]

    # -- states

    def _states(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """The tower's `output_hidden_states`, in whatever order it keeps them."""
        if self.config.model_type == "mllama":
            return self._mllama_states(inputs)
        if self.config.model_type == "perception_lm":
            return self._timm_states(inputs)
        if self.config.model_type == "florence2":
            return self._last_stage_states(inputs)
        if self.config.model_type == "fuyu":  # a linear layer alone
            patches = inputs["pixel_values"]
            made = self.model.model.vision_embed_tokens(patches)
            return [patches, pad(made, (0, patches.shape[-1] - made.shape[-1]))]  # their lengths stay
        run = getattr(getattr(self.model, "model", self.model), "get_image_features", None)
        if run is None:
            return list(self.model(inputs["pixel_values"], output_hidden_states=True).hidden_states)
        taken = {key: inputs[key] for key in inspect.signature(run).parameters if key in inputs}
        if not self.family.last_by_hook:
            return list(run(**taken, output_hidden_states=True, return_dict=True).hidden_states)
        last: list[Tensor] = []
        blocks = max(
            (part for part in self.model.get_encoder(modality="image").modules() if isinstance(part, nn.ModuleList)),
            key=len,
        )
        handle = blocks[-1].register_forward_hook(
            lambda _, __, output: last.append(output[0] if isinstance(output, tuple) else output)
        )
        states = run(**taken, output_hidden_states=True, return_dict=True).hidden_states
        handle.remove()
        return [*states[:-1], last[0].view_as(states[-2])]

    def _last_stage_states(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """Florence-2: what enters and leaves the only block of the last of the tower's stages."""
        seen: list[Tensor] = []
        block = self.model.model.vision_tower.blocks[-1][0]
        handle = block.register_forward_hook(lambda _, args, output: seen.extend([args[0], output]))
        self.model.model.vision_tower(inputs["pixel_values"])
        handle.remove()
        return [state.permute(0, 2, 3, 1).flatten(1, 2) for state in seen]

    def _timm_states(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """By hooks: timm gives maps of patches, without what enters the first block and without the class token."""
        tower, states = self.model.model.vision_tower.timm_model, []
        handles = [tower.blocks[0].register_forward_pre_hook(lambda _, args: states.append(args[0]))]
        handles += [block.register_forward_hook(lambda _, __, output: states.append(output)) for block in tower.blocks]
        tower.forward_features(inputs["pixel_values"].flatten(0, 1))
        for handle in handles:
            handle.remove()
        return states

    def _mllama_states(self, inputs: dict[str, Tensor]) -> list[Tensor]:
        """By hooks: the tower gives nothing for `output_hidden_states`."""
        layers = self.model.model.vision_model.transformer.layers
        states: list[Tensor] = []

        def enters(_: nn.Module, args: tuple[Any, ...], options: dict[str, Any]) -> None:
            states.append(args[0] if args else options["hidden_states"])

        def leaves(_: nn.Module, __: Any, output: Any) -> None:
            states.append(output[0] if isinstance(output, tuple) else output)

        handles = [layers[0].register_forward_pre_hook(enters, with_kwargs=True)]
        handles += [layer.register_forward_hook(leaves) for layer in layers]
        self.model.model.vision_model(
            pixel_values=inputs["pixel_values"],
            aspect_ratio_ids=inputs["aspect_ratio_ids"],
            aspect_ratio_mask=inputs["aspect_ratio_mask"],
        )
        for handle in handles:
            handle.remove()
        return states

    def _tiles(self, states: list[Tensor], inputs: dict[str, Tensor]) -> tuple[Tile, ...]:
        kind, prefix = self.config.model_type, self.family.prefix
        if "image_grid_thw" in inputs:
            return (self._packed(torch.stack(states), inputs),)
        vision = getattr(self.config, "vision_config", self.config)
        if kind == "fuyu":
            return (_tile(torch.stack(states)[:, 0], 0, tuple(inputs["fuyu_grid"].tolist())),)
        if kind == "florence2":
            return (_tile(torch.stack(states)[:, 0], prefix, (2, 2)),)
        if kind == "molmo2":
            side = vision.image_size[0] // vision.patch_size
            return tuple(_tile(states, 0, (side, side)) for states in torch.stack(states).unbind(1))
        if "spatial_shapes" in inputs:  # padded to the same number of patches
            stacked = torch.stack(states)
            shapes = [(rows, cols) for rows, cols in inputs["spatial_shapes"].tolist()]
            return tuple(_tile(stacked[:, i, : shape[0] * shape[1]], 0, shape) for i, shape in enumerate(shapes))
        size = vision.model_args["patch_size"] if kind == "perception_lm" else vision.patch_size
        patch = size if isinstance(size, int) else size[0]
        if "image_position_ids" in inputs:
            cols, rows = (inputs["image_position_ids"][0].amax(dim=0) + 1).tolist()
            return (_tile(torch.stack(states)[:, 0, : rows * cols], 0, (rows, cols)),)
        if vision.model_type == "pixtral":
            height, width = inputs["image_sizes"][0].tolist()
            return (_tile(torch.stack(states).flatten(0, -3), 0, (height // patch, width // patch)),)
        pixels = inputs["pixel_values"]
        shape = pixels.shape[-2] // patch, pixels.shape[-1] // patch
        stacked = torch.stack(states)
        if kind == "llama4":  # its class token is the last
            stacked = stacked.roll(1, dims=2)
        if kind in ("got_ocr2", "pp_chart2table"):  # its states are [tile, rows, columns, width]
            stacked = stacked.flatten(2, 3)
        if kind == "mllama":
            rows, cols = vision.supported_aspect_ratios[int(inputs["aspect_ratio_ids"]) - 1]
            stacked = stacked.view(len(states), vision.max_num_tiles, -1, stacked.shape[-1])[:, : rows * cols]
            stacked = stacked[:, :, : 1 + shape[0] * shape[1]]
        return tuple(_tile(stacked[:, i], prefix, shape) for i in range(stacked.shape[1]))

    def _packed(self, states: Tensor, inputs: dict[str, Tensor]) -> Tile:
        """The states [stages, patches, width] of Qwen and of those put together in the same way, row by row.

        The processor hands the patches over block by block; in which order the tower then keeps them (Qwen2.5 by
        windows) is found by comparing what enters the first block with the embedding of every patch.
        """
        visual = self.model.get_encoder(modality="image")
        _, rows, cols = inputs["image_grid_thw"][0].tolist()
        states = states.view(len(states), rows * cols, -1)
        if self.family.row_by_row:
            return _tile(states, 0, (rows, cols))
        order = torch.arange(rows * cols)
        if "image_merge_sizes" in inputs:  # one token a patch
            return _tile(states, 0, (rows, cols))
        if hasattr(visual, "window_size"):
            embedded = visual.patch_embed(inputs["pixel_values"])
            order = torch.cdist(embedded.double(), states[0].double()).argmin(dim=1)
            assert torch.equal(states[0][order], embedded)
        assert len(order.unique()) == len(order)
        merge = getattr(visual, "spatial_merge_size", None) or self.config.vision_config.spatial_merge_size
        blocks = torch.arange(rows * cols).view(rows // merge, cols // merge, merge, merge)
        raster = blocks.permute(0, 2, 1, 3).reshape(-1)
        return _tile(states[:, order[raster]], 0, (rows, cols))


def _fuyu_patches(made: dict[str, Tensor], side: int) -> dict[str, Tensor]:
    """The patches that an image touches at the top left of its canvas, each row by row, its colours together.

    As `patchify_image` of the image processor for torchvision cuts them out.
    """
    canvas = made["images"][0]
    height, width = (math.ceil(int(made[f"image_unpadded_{axis}"]) / side) * side for axis in ("heights", "widths"))
    canvas = canvas[..., : min(height, canvas.shape[-2]), : min(width, canvas.shape[-1])]
    patches = unfold(canvas, side, stride=side).view(1, 3, side, side, -1).permute(0, 4, 2, 3, 1).flatten(2)
    grid = torch.tensor([canvas.shape[-2] // side, canvas.shape[-1] // side])
    return {"pixel_values": patches, "fuyu_grid": grid}


def _tile(states: Tensor, prefix: int, shape: tuple[int, int]) -> Tile:
    assert states.shape[1] == prefix + shape[0] * shape[1], (tuple(states.shape), prefix, shape)
    return Tile(states[:, prefix:], states[:, :prefix], shape)


def reference(folder: Path, image: Image.Image, family: Family) -> Reference:
    """What the whole model in `folder` makes of `image`."""
    return WholeModel(folder, family).see(image)
