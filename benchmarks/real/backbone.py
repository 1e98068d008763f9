"""A DINOv2 backbone of size S, trained further to find what stands out, from an ONNX graph to a checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

PREFIX = "backbone."
# the exporter folded the position embeddings, a tensor of 1 + 37×37 rows, into these operations
CLASS_POSITION = "/backbone/embeddings/Concat_6"
PATCH_POSITIONS = "/backbone/embeddings/Reshape_1"
LAYERS = 12
RENAMED = {
    "attention.attention.query": "attention.q_proj",
    "attention.attention.key": "attention.k_proj",
    "attention.attention.value": "attention.v_proj",
    "attention.output.dense": "attention.o_proj",
}


def backbone(file: Path) -> Any:
    """The graph's backbone as a Dinov2Model: no registers, 224×224 pixels in 16×16 patches of 14."""
    import torch
    from transformers import Dinov2Config, Dinov2Model

    config = Dinov2Config(
        hidden_size=384, num_attention_heads=6, num_hidden_layers=LAYERS, image_size=518, patch_size=14
    )
    model = Dinov2Model(config).eval()
    missing, unexpected = model.load_state_dict(_tensors(file), strict=False)
    if set(missing) - {"embeddings.mask_token"} or unexpected:
        raise ValueError(f"{file} is not the expected graph: missing {missing}, unexpected {unexpected}.")
    torch.nn.init.zeros_(model.embeddings.mask_token)
    return model


def _tensors(file: Path) -> dict[str, torch.Tensor]:
    """Weights by transformers' names; those of matrices, which the graph holds transposed and unnamed, by operation."""
    import onnx
    import torch

    graph = onnx.load(str(file)).graph
    held = {tensor.name: torch.tensor(onnx.numpy_helper.to_array(tensor)) for tensor in graph.initializer}
    found = {name.removeprefix(PREFIX): tensor for name, tensor in held.items() if name.startswith(PREFIX)}
    by_node = {node.name: [held[name] for name in node.input if name in held] for node in graph.node}
    for name, tensors in by_node.items():
        if name.startswith("/backbone/") and name.endswith("/MatMul") and tensors:
            found[name.removeprefix("/backbone/").removesuffix("/MatMul").replace("/", ".") + ".weight"] = tensors[0].T
    found["embeddings.position_embeddings"] = torch.cat([by_node[CLASS_POSITION][0], by_node[PATCH_POSITIONS][0]], 1)
    return {_renamed(name): tensor for name, tensor in found.items()}


def _renamed(name: str) -> str:
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    return name


def difference_from_graph(model: Any, file: Path, pixels: torch.Tensor) -> list[float]:
    """Largest difference between hidden state i and what the graph computes there, relative to its largest value.

    `pixels` [1, 3, 224, 224] is normalised; the list has a number for each of the 13 states and the final norm's.
    """
    import onnx
    import onnxruntime
    import torch

    names = ["/backbone/embeddings/Add_output_0"]
    names += [f"/backbone/encoder/layer.{i}/Add_1_output_0" for i in range(LAYERS)]
    names += ["/backbone/layernorm/Add_1_output_0"]
    graph = onnx.load(str(file))
    graph.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = onnxruntime.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = [torch.tensor(state) for state in session.run(names, {"input_image": pixels.numpy()})]
    with torch.no_grad():
        output = model(pixels, output_hidden_states=True)
    found = [*output.hidden_states, output.last_hidden_state]
    return [float((a - b).abs().max() / b.abs().max()) for a, b in zip(found, wanted, strict=True)]


def processor() -> Any:
    """Its image processor: squashed to 224×224, with ImageNet's mean and deviation."""
    from transformers.models.bit.image_processing_pil_bit import BitImageProcessorPil

    return BitImageProcessorPil(
        size={"height": 224, "width": 224},
        do_center_crop=False,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
