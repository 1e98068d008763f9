"""Checkpoints from a hub: only what is needed is fetched, once, and what cannot be had is said so."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.hub import COMMIT, Hub, serving
from tests.tiny import build_llava
from vlmtui.models import headers, weights
from vlmtui.models.checkpoint import read_config
from vlmtui.models.loading import load, skeleton
from vlmtui.models.needed import needed_keys

# a process of its own: the hub's client reads its environment when it is imported
FETCH = """
import json, sys
from vlmtui.catalogue import Source
from vlmtui.errors import ModelError
from vlmtui.models import ranges
from vlmtui.models.weights import find
name, revision, layers = sys.argv[1], sys.argv[2] or None, json.loads(sys.argv[3])
ranges.WAITS_S = (0.0,)
ranges.CHUNK = ranges.JOURNAL_EVERY = 1 << 18
notes = []
def progress(*note):
    notes.append(note)
    print(json.dumps(note), file=sys.stderr, flush=True)
try:
    found = find(Source(name, None, name), revision, progress, decoder_layers=layers)
    print(json.dumps({"folder": str(found.folder), "revision": found.revision, "notes": notes}))
except ModelError as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA of 13 MB in shards of 2 MB, two thirds of it decoder layers."""
    folder = tmp_path_factory.mktemp("models") / "sharded"
    return build_llava(folder, "clip", hidden=256, llm_layers=12, max_shard_size="2MB")


@pytest.fixture
def hub(sharded: Path) -> Iterator[Hub]:
    with serving({"org/tiny": sharded, "org/gated": sharded}, gated=frozenset({"org/gated"})) as hub:
        yield hub


def command(name: str, revision: str = "", layers: int | None = 0) -> list[str]:
    return [sys.executable, "-c", FETCH, name, revision, json.dumps(layers)]


def environment(home: Path, endpoint: str, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.lower().startswith(("hf_", "http", "all_proxy"))}
    own = {"HF_HOME": str(home / "hf"), "VLMTUI_CACHE": str(home / "own"), "HF_ENDPOINT": endpoint}
    return {**kept, **own, "HF_HUB_DISABLE_XET": "1", **more}


def fetch(home: Path, endpoint: str, name: str, revision: str = "", layers: int | None = 0, **more: str) -> dict:
    done = subprocess.run(
        command(name, revision, layers),
        env=environment(home, endpoint, **more),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert "\n" not in found.get("error", "")
    return found


def quiet(*note: object) -> None:
    pass


def tensors_of(folder: Path) -> dict[str, headers.Tensor]:
    return {t.key: t for file in folder.glob("*.safetensors") for t in headers.read(file)}


def needed_bytes(folder: Path, layers: int | None = 0) -> int:
    """Bytes of the tensors that a model with so many decoder layers is made of."""
    there = tensors_of(folder)
    checkpoint = weights.Checkpoint("mine", folder, None, read_config(folder, "mine"))
    return sum(there[key].size for key in needed_keys(skeleton(checkpoint, layers), there))


def parameters(folder: Path, layers: int | None = 0) -> dict[str, torch.Tensor]:
    checkpoint = weights.Checkpoint("mine", folder, None, read_config(folder, "mine"))
    return load(checkpoint, quiet, device="cpu", dtype="float32", decoder_layers=layers).model.state_dict()


def assert_same(mine: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert mine.keys() <= theirs.keys()
    for key, value in mine.items():
        assert torch.equal(value, theirs[key]), key


def test_only_what_is_needed_is_fetched(hub, tmp_path, sharded):
    found = fetch(tmp_path, hub.endpoint, "org/tiny", HF_TOKEN="hf_secret")
    assert found["revision"] == COMMIT
    folder = Path(found["folder"])
    assert folder == tmp_path / "own" / "models" / "org--tiny" / COMMIT
    needed = needed_bytes(sharded)
    assert 3 * needed < sum(tensor.size for tensor in tensors_of(sharded).values())
    assert needed <= hub.weights <= 1.05 * needed
    assert sum(t.size for t in tensors_of(folder).values()) == needed
    doing, got, wanted = found["notes"][-1]
    assert (got, wanted) == (needed, needed)
    assert doing.startswith("downloading")
    assert doing.endswith("MB of org/tiny")
    # the person's token goes to the hub, not to the storage behind it
    assert hub.tokens_at_storage == []
    assert_same(parameters(folder), parameters(sharded, None))


def test_the_next_start_needs_no_network(hub, tmp_path):
    first = fetch(tmp_path, hub.endpoint, "org/tiny")
    nobody = "http://127.0.0.1:9"
    assert fetch(tmp_path, nobody, "org/tiny") == {**first, "notes": []}
    assert fetch(tmp_path, nobody, "org/tiny", HF_HUB_OFFLINE="1")["folder"] == first["folder"]
    assert fetch(tmp_path, nobody, "org/tiny", COMMIT)["folder"] == first["folder"]


def test_a_hub_that_dies_halfway_is_gone_on_from(hub, tmp_path, sharded):
    needed = needed_bytes(sharded)
    hub.dies_after = needed // 2
    assert "cannot be reached" in fetch(tmp_path, hub.endpoint, "org/tiny")["error"]
    begun = hub.weights
    assert not list(tmp_path.glob("own/models/*/*/*.safetensors"))
    hub.dies_after = None
    found = fetch(tmp_path, hub.endpoint, "org/tiny")
    told = [note for note in found["notes"] if note[0].startswith("downloading") and note[2]]
    assert told[0][1] > 0.3 * needed
    assert begun >= 0.9 * needed // 2
    # only the headers are read again
    assert hub.weights <= 1.05 * needed
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_a_process_that_is_killed_is_gone_on_from(hub, tmp_path, sharded):
    needed = needed_bytes(sharded)
    env = environment(tmp_path, hub.endpoint)
    with subprocess.Popen(command("org/tiny"), env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        for line in process.stderr:
            _, got, wanted = json.loads(line)
            if wanted and got > 0.3 * wanted:
                process.send_signal(signal.SIGKILL)
                break
    found = fetch(tmp_path, hub.endpoint, "org/tiny")
    assert hub.weights <= 1.6 * needed
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_lines_that_break_are_taken_up_again(hub, tmp_path, sharded):
    hub.cut_every = 100_000
    found = fetch(tmp_path, hub.endpoint, "org/tiny")
    assert hub.weights <= 1.05 * needed_bytes(sharded)
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_layers_are_fetched_when_they_are_wanted(hub, tmp_path, sharded):
    first = fetch(tmp_path, hub.endpoint, "org/tiny")
    some = fetch(tmp_path, hub.endpoint, "org/tiny", layers=3)
    assert some["folder"] == first["folder"]
    before = hub.weights
    assert before <= 1.05 * needed_bytes(sharded, 3)
    assert_same(parameters(Path(some["folder"]), 3), parameters(sharded, None))
    whole = fetch(tmp_path, hub.endpoint, "org/tiny", layers=None)
    assert hub.weights <= 1.05 * needed_bytes(sharded, None)
    theirs = parameters(sharded, None)
    mine = parameters(Path(whole["folder"]), None)
    assert mine.keys() == theirs.keys()
    assert_same(mine, theirs)
    # fewer are there as well, and all of it without the hub
    assert fetch(tmp_path, "http://127.0.0.1:9", "org/tiny", layers=5)["folder"] == first["folder"]


def test_a_single_file(tmp_path, siglip_folder):
    with serving({"org/single": siglip_folder}) as hub:
        found = fetch(tmp_path, hub.endpoint, "org/single")
    assert_same(parameters(Path(found["folder"])), parameters(siglip_folder, None))


def test_what_was_damaged_is_fetched_again(hub, tmp_path, sharded):
    folder = Path(fetch(tmp_path, hub.endpoint, "org/tiny")["folder"])
    part = next(folder.glob("*.safetensors"))
    part.write_bytes(part.read_bytes()[:-100])
    fetch(tmp_path, hub.endpoint, "org/tiny")
    assert_same(parameters(folder), parameters(sharded, None))


def test_a_whole_snapshot_of_the_hubs_own_cache_is_used(hub, tmp_path, sharded):
    place = tmp_path / "hf" / "hub" / "models--org--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    (place / "snapshots").mkdir()
    (place / "snapshots" / COMMIT).symlink_to(sharded)
    found = fetch(tmp_path, hub.endpoint, "org/tiny")
    assert Path(found["folder"]) == place / "snapshots" / COMMIT
    assert not hub.sent


def test_what_the_hub_refuses(hub, tmp_path):
    for token in ("", "hf_secret"):
        refused = fetch(tmp_path, hub.endpoint, "org/gated", HF_TOKEN=token)["error"]
        assert f"accept its licence at {hub.endpoint}/org/gated" in refused
        assert "hf auth login" in refused
    assert "there is no model org/none" in fetch(tmp_path, hub.endpoint, "org/none")["error"]
    assert "has no revision none" in fetch(tmp_path, hub.endpoint, "org/tiny", "none")["error"]
    hub.status = 403
    assert "accept its licence" in fetch(tmp_path, hub.endpoint, "org/tiny")["error"]
    hub.status = 429
    assert "too many requests" in fetch(tmp_path, hub.endpoint, "org/tiny")["error"]


def test_a_hub_without_ranges(hub, tmp_path):
    hub.ranges = False
    assert "`hf download org/tiny`" in fetch(tmp_path, hub.endpoint, "org/tiny")["error"]


def test_a_hub_that_cannot_be_reached(tmp_path):
    nobody = "http://127.0.0.1:9"
    assert "cannot be reached" in fetch(tmp_path, nobody, "org/tiny")["error"]
    assert "HF_HUB_OFFLINE" in fetch(tmp_path, nobody, "org/tiny", HF_HUB_OFFLINE="1")["error"]
    said = fetch(tmp_path, "http://example.org", "org/tiny", http_proxy="http://me:secret@127.0.0.1:9")["error"]
    assert "the proxy http://127.0.0.1:9" in said
    assert "secret" not in said


def spoilt(tmp_path: Path, sharded: Path, **config: object) -> Path:
    """The same model with another config, its shards linked."""
    folder = tmp_path / "spoilt"
    folder.mkdir()
    for file in sharded.iterdir():
        (folder / file.name).symlink_to(file)
    known = json.loads((sharded / "config.json").read_text())
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps({**known, **config}))
    return folder


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"model_type": "llava_2050"}, "newer transformers"),
        ({"model_type": "own", "auto_map": {"AutoModel": "modeling.Own"}}, "code of its own"),
        ({"quantization_config": {"quant_method": "awq"}}, "AWQ"),
        ({"quantization_config": {"quant_method": "gptq"}}, "GPTQ"),
        ({"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": True}}, "pip install bitsandbytes"),
    ],
)
def test_models_that_cannot_be_read_are_refused_before_their_weights_are_fetched(tmp_path, sharded, config, said):
    with serving({"org/other": spoilt(tmp_path, sharded, **config)}) as hub:
        assert said in fetch(tmp_path, hub.endpoint, "org/other")["error"]
        assert hub.weights == 0


@pytest.mark.parametrize(
    ("files", "said"),
    [
        (("config.json", "pytorch_model.bin"), "--processor org/other"),
        (("adapter_config.json", "adapter_model.safetensors"), "merge_and_unload"),
        (("model-q4.gguf",), "GGUF"),
        (("config.json", "tf_model.h5"), "no model.safetensors"),
        (("README.md",), "no config.json"),
    ],
)
def test_repositories_of_other_formats(tmp_path, files, said):
    folder = tmp_path / "other"
    folder.mkdir()
    for file in files:
        (folder / file).write_text("{}")
    with serving({"org/other": folder}) as hub:
        assert said in fetch(tmp_path, hub.endpoint, "org/other")["error"]
        assert hub.sent.total() == 0


def test_a_hub_whose_files_are_not_whole(tmp_path, sharded):
    folder = spoilt(tmp_path, sharded)
    shard = min(folder.glob("*.safetensors"))
    data = shard.read_bytes()
    shard.unlink()
    with serving({"org/other": folder}) as hub:
        assert f"{shard.name} is missing there" in fetch(tmp_path, hub.endpoint, "org/other")["error"]
        shard.write_bytes(data[:-1000])
        assert f"{shard.name} of org/other is damaged on the hub" in fetch(tmp_path, hub.endpoint, "org/other")["error"]
