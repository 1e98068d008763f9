"""Checkpoints from a hub: only what is needed is fetched, once, and what cannot be had is said so."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from tests.hub import COMMIT, FETCH, Hub
from tests.lying_hub import LIES, LyingHub, LyingHubTrial, lying_hub
from tests.test_proxies import WantsLogin
from tests.tiny_checkpoints import build_llava
from vlmtui.errors import ModelError
from vlmtui.models.loading import model_folder, safetensors_header
from vlmtui.models.loading.checkpoint import read_config
from vlmtui.models.loading.hub_errors import check_cache
from vlmtui.models.loading.loader import empty_model, load_model
from vlmtui.models.loading.needed_tensors import needed_keys
from vlmtui.models.loading.range_requests import Journal


@pytest.fixture(scope="module")
def sharded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LLaVA of 13 MB in shards of 2 MB, two thirds of it decoder layers."""
    folder = tmp_path_factory.mktemp("models") / "sharded"
    return build_llava(folder, "clip", hidden=256, llm_layers=12, max_shard_size="2MB")


@pytest.fixture(scope="module")
def server() -> Iterator[LyingHub]:
    with lying_hub({}) as hub:
        yield hub


@pytest.fixture
def hub(server: LyingHub, sharded: Path) -> LyingHub:
    """`org/tiny` is `sharded`; `org/gated` as well, once its licence is accepted."""
    server.models = {"org/tiny": sharded, "org/gated": sharded}
    server.gated = frozenset({"org/gated"})
    server.lie = None
    server.status, server.ranges, server.dies_after, server.cut_every = 0, True, None, None
    server.sent.clear()
    server.spans.clear()
    server.tokens_at_storage.clear()
    return server


# name, revision, decoder layers
Asked = tuple[str, str | None, int | None]
Fetch = Callable[..., list[dict]]


def command(*asked: Asked) -> list[str]:
    return [sys.executable, "-c", FETCH, json.dumps({"env": {}, "asked": asked})]


def environment(home: Path, endpoint: str, **more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.lower().startswith(("hf_", "http", "all_proxy"))}
    own = {"HF_HOME": str(home / "hf"), "VLMTUI_CACHE": str(home / "own"), "HF_ENDPOINT": endpoint}
    return {**kept, **own, "HF_HUB_DISABLE_XET": "1", **more}


def one_line_each(found: list[dict]) -> list[dict]:
    assert not any("\n" in one.get("error", "") for one in found)
    return found


def fetch_all(home: Path, endpoint: str, *asked: Asked, **more: str) -> list[dict]:
    """What a process of its own finds, one after another: folder, revision and notes, or the error."""
    env = environment(home, endpoint, **more)
    done = subprocess.run(command(*asked), env=env, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return one_line_each(json.loads(done.stdout))


@pytest.fixture(scope="module")
def fetch(server: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetch]:
    """The same from one process that the tests share, since importing takes seconds: another cache for each `home`."""
    argv, env = [sys.executable, "-c", FETCH], environment(tmp_path_factory.mktemp("home"), server.endpoint)
    with subprocess.Popen(
        argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:

        def ask(home: Path, *asked: Asked | str, token: str = "") -> list[dict]:
            names = [(one, None, 0) if isinstance(one, str) else one for one in asked]
            request = {"env": {"VLMTUI_CACHE": str(home / "own"), "HF_TOKEN": token}, "asked": names}
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            return one_line_each(json.loads(process.stdout.readline()))

        yield ask
        process.stdin.close()


def quiet(*note: object) -> None:
    pass


def tensors_of(folder: Path) -> dict[str, safetensors_header.Tensor]:
    return {t.key: t for file in folder.glob("*.safetensors") for t in safetensors_header.read(file)}


def needed_bytes(folder: Path, layers: int | None = 0) -> int:
    """Bytes of the tensors that a model with so many decoder layers is made of."""
    there = tensors_of(folder)
    checkpoint = model_folder.Checkpoint("mine", folder, None, read_config(folder, "mine"))
    return sum(there[key].size for key in needed_keys(empty_model(checkpoint, layers), there))


def parameters(folder: Path, layers: int | None = 0) -> dict[str, torch.Tensor]:
    checkpoint = model_folder.Checkpoint("mine", folder, None, read_config(folder, "mine"))
    return load_model(checkpoint, quiet, device="cpu", dtype="float32", decoder_layers=layers).model.state_dict()


def assert_same(mine: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert mine.keys() <= theirs.keys()
    for key, value in mine.items():
        assert torch.equal(value, theirs[key]), key


def test_a_cache_that_cannot_be_written_is_named(fetch, hub, tmp_path):
    (tmp_path / "own").touch()  # a file in the place of the folder
    said = f"org/tiny cannot be stored in {tmp_path}/own ("
    (found,) = fetch(tmp_path, "org/tiny")
    assert found["error"].startswith(said)
    assert found["error"].endswith("name a folder that you can write to with VLMTUI_CACHE or HF_HOME")
    # also where the hub cannot be asked
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("VLMTUI_CACHE", str(tmp_path / "own"))
        with pytest.raises(ModelError, match=re.escape(said)):
            check_cache("org/tiny")


def test_only_what_is_needed_is_fetched(fetch, hub, tmp_path, sharded):
    found = fetch(tmp_path, "org/tiny", token="hf_secret")[0]
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
    assert doing.endswith("kB of org/tiny")
    assert not any("lm_head" in key for key in tensors_of(folder))
    # the person's token goes to the hub, not to the storage behind it
    assert hub.tokens_at_storage == []
    assert_same(parameters(folder), parameters(sharded, None))


def test_the_next_start_needs_no_network(fetch, hub, tmp_path):
    first = fetch(tmp_path, "org/tiny")[0]
    nobody, asked = "http://127.0.0.1:9", [("org/tiny", None, 0), ("org/tiny", "main", 0), ("org/tiny", COMMIT, 0)]
    assert fetch_all(tmp_path, nobody, *asked, HF_HUB_OFFLINE="1") == 3 * [{**first, "notes": []}]
    hub.dies_after = 0
    assert fetch(tmp_path, *asked) == 3 * [{**first, "notes": []}]


def test_a_hub_that_dies_halfway_is_gone_on_from(fetch, hub, tmp_path, sharded):
    needed = needed_bytes(sharded)
    hub.dies_after = needed // 2
    assert "cannot be reached" in fetch(tmp_path, "org/tiny")[0]["error"]
    assert not list(tmp_path.glob("own/models/*/*/*.safetensors"))
    # what was still on its way when the hub died was never here: only what arrived can be kept
    spans = [span for file in tmp_path.glob("own/**/*.journal") for span in Journal(file).spans()]
    kept = sum(end - first for first, end in spans)
    assert kept > 0.1 * needed  # on a busy machine half of what was sent had not arrived
    hub.dies_after = None
    hub.spans.clear()
    found = fetch(tmp_path, "org/tiny")[0]
    told = [note for note in found["notes"] if note[0].startswith("downloading") and note[2]]
    assert told[0][1] == kept
    # only the headers, which begin a file, are read again
    assert sum(end - first for _, first, end in hub.spans if first) == needed - kept
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_a_process_that_is_killed_is_gone_on_from(fetch, hub, tmp_path, sharded):
    needed = needed_bytes(sharded)
    env = environment(tmp_path, hub.endpoint)
    with subprocess.Popen(
        command(("org/tiny", None, 0)), env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        for line in process.stderr:
            _, got, wanted = json.loads(line)
            if wanted and got > 0.3 * wanted:
                process.send_signal(signal.SIGKILL)
                break
    found = fetch(tmp_path, "org/tiny")[0]
    assert hub.weights <= 1.6 * needed
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_lines_that_break_are_taken_up_again(fetch, hub, tmp_path, sharded):
    hub.cut_every = 100_000
    found = fetch(tmp_path, "org/tiny")[0]
    assert hub.weights <= 1.05 * needed_bytes(sharded)
    assert_same(parameters(Path(found["folder"])), parameters(sharded, None))


def test_layers_are_fetched_when_they_are_wanted(fetch, hub, tmp_path, sharded):
    none, three = fetch(tmp_path, ("org/tiny", None, 0), ("org/tiny", None, 3))
    assert none["folder"] == three["folder"]
    assert hub.weights <= 1.05 * needed_bytes(sharded, 3)
    assert_same(parameters(Path(three["folder"]), 3), parameters(sharded, None))
    # the rest, and then fewer are there as well
    whole, some = fetch(tmp_path, ("org/tiny", None, None), ("org/tiny", None, 5))
    assert hub.weights <= 1.05 * needed_bytes(sharded, None)
    theirs = parameters(sharded, None)
    mine = parameters(Path(whole["folder"]), None)
    assert mine.keys() == theirs.keys()
    assert_same(mine, theirs)
    assert some == {**whole, "notes": []}


def test_a_single_file(hub, fetch, tmp_path, siglip_folder):
    hub.models["org/single"] = siglip_folder
    found = fetch(tmp_path, "org/single")[0]
    assert_same(parameters(Path(found["folder"])), parameters(siglip_folder, None))


def test_what_was_damaged_is_fetched_again(fetch, hub, tmp_path, sharded):
    folder = Path(fetch(tmp_path, "org/tiny")[0]["folder"])
    part = next(folder.glob("*.safetensors"))
    part.write_bytes(part.read_bytes()[:-100])
    fetch(tmp_path, "org/tiny")[0]
    assert_same(parameters(folder), parameters(sharded, None))


def test_a_whole_snapshot_of_the_hubs_own_cache_is_used(hub, tmp_path, sharded):
    place = tmp_path / "hf" / "hub" / "models--org--tiny"
    (place / "refs").mkdir(parents=True)
    (place / "refs" / "main").write_text(COMMIT)
    (place / "snapshots").mkdir()
    (place / "snapshots" / COMMIT).symlink_to(sharded)
    found = fetch_all(tmp_path, hub.endpoint, ("org/tiny", None, 0))[0]
    assert Path(found["folder"]) == place / "snapshots" / COMMIT
    assert not hub.sent


def test_what_the_hub_refuses(fetch, hub, tmp_path):
    asked = [("org/gated", None, 0), ("org/none", None, 0), ("org/tiny", "none", 0)]
    gated, unknown, revision = (one["error"] for one in fetch(tmp_path, *asked))
    assert f"accept its licence at {hub.endpoint}/org/gated" in gated
    assert "hf auth login" in gated
    assert f"there is no model org/none on {hub.endpoint}" in unknown
    assert "has no revision none" in revision
    # logged in, and the licence is not accepted; and a refusal without a reason
    assert "accept its licence" in fetch(tmp_path, "org/gated", token="hf_secret")[0]["error"]
    hub.status = 403
    assert "accept its licence" in fetch(tmp_path, "org/tiny")[0]["error"]


def test_a_hub_without_ranges(fetch, hub, tmp_path):
    hub.ranges = False
    assert "`hf download org/tiny`" in fetch(tmp_path, "org/tiny")[0]["error"]


def test_a_hub_that_cannot_be_reached(tmp_path):
    nobody, asked = "http://127.0.0.1:9", ("org/tiny", None, 0)
    assert "cannot be reached" in fetch_all(tmp_path, nobody, asked)[0]["error"]
    assert "HF_HUB_OFFLINE" in fetch_all(tmp_path, nobody, asked, HF_HUB_OFFLINE="1")[0]["error"]
    proxy = "http://me:secret@127.0.0.1:9"
    said = fetch_all(tmp_path, "http://example.org", asked, http_proxy=proxy)[0]["error"]
    assert "the proxy http://127.0.0.1:9" in said
    assert "secret" not in said


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_wants_a_login(scheme, tmp_path):
    asked = ("org/tiny", None, 0)
    with ThreadingHTTPServer(("127.0.0.1", 0), WantsLogin) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        where = {f"{scheme}_proxy": f"http://127.0.0.1:{proxy.server_port}"}
        said = fetch_all(tmp_path, f"{scheme}://hub.example", asked, **where)[0]["error"]
        proxy.shutdown()
    assert f"hub.example cannot be reached, since the proxy http://127.0.0.1:{proxy.server_port} wants a name" in said
    assert f"put them into {scheme.upper()}_PROXY, as in http://NAME:PASSWORD@HOST:PORT, or give a folder" in said


def spoilt(folder: Path, sharded: Path, **config: object) -> Path:
    """The same model with another config, its shards linked."""
    folder.mkdir()
    for file in sharded.iterdir():
        (folder / file.name).symlink_to(file)
    known = json.loads((sharded / "config.json").read_text())
    (folder / "config.json").unlink()
    (folder / "config.json").write_text(json.dumps({**known, **config}))
    return folder


def test_models_that_cannot_be_read_are_refused_before_their_weights_are_fetched(hub, fetch, tmp_path, sharded):
    said: list[tuple[dict[str, object], str]] = [
        ({"model_type": "llava_2050"}, "newer transformers"),
        ({"model_type": "own", "auto_map": {"AutoModel": "modeling.Own"}}, "its own code"),
        ({"model_type": "llama"}, "neither a vision-language model"),
    ]
    models = {f"org/{i}": spoilt(tmp_path / str(i), sharded, **config) for i, (config, _) in enumerate(said)}
    hub.models |= models
    found = fetch(tmp_path, *models)
    for one, (_, words) in zip(found, said, strict=True):
        assert words in one["error"]
    assert hub.weights == 0


def test_weights_that_do_not_fit_are_refused_before_they_are_fetched(hub, fetch, tmp_path, sharded):
    config = json.loads((sharded / "config.json").read_text())
    smaller = spoilt(tmp_path / "smaller", sharded, text_config=config["text_config"] | {"vocab_size": 100})
    headless = spoilt(tmp_path / "headless", sharded)
    index = json.loads((headless / model_folder.INDEX).read_text())
    (headless / model_folder.INDEX).unlink()
    weights = {key: file for key, file in index["weight_map"].items() if "lm_head" not in key}
    (headless / model_folder.INDEX).write_text(json.dumps({"weight_map": weights}))
    hub.models |= {"org/smaller": smaller, "org/headless": headless}
    shape, head = fetch(tmp_path, "org/smaller", ("org/headless", None, None))
    assert "and its config.json asks for [100, 256]: set text_config.vocab_size to" in shape["error"]
    assert "has no lm_head.weight, which its llm stages and answers need" in head["error"]
    assert hub.weights < 500_000  # headers
    assert "folder" in fetch(tmp_path, "org/headless")[0]


def test_repositories_of_other_formats(hub, fetch, tmp_path):
    said = [
        (("config.json", "pytorch_model.bin"), "--processor org/0"),
        (("adapter_config.json", "adapter_model.safetensors"), "names no base_model_name_or_path"),
        (("model-q4.gguf",), "GGUF"),
        (("config.json", "tf_model.h5"), "TensorFlow's format only (tf_model.h5)"),
        (("README.md",), "no config.json"),
        (("part/config.json",), "--include 'part/*' --local-dir ./5, then --model ./5/part"),
        (("model_index.json", "unet/config.json"), "is a diffusion pipeline (model_index.json), which makes images"),
    ]
    models = {f"org/{i}": tmp_path / str(i) for i in range(len(said))}
    for folder, (files, _) in zip(models.values(), said, strict=True):
        folder.mkdir()
        for file in files:
            (folder / file).parent.mkdir(exist_ok=True)
            (folder / file).write_text("{}")
    hub.models |= models
    found = fetch(tmp_path, *models)
    for one, (_, words) in zip(found, said, strict=True):
        assert words in one["error"]
    assert {name for name, count in hub.sent.items() if count} <= {"adapter_config.json", "adapter_model.safetensors"}


def test_a_hub_whose_files_are_not_whole(hub, fetch, tmp_path, sharded):
    folder = spoilt(tmp_path / "spoilt", sharded)
    shard = min(folder.glob("*.safetensors"))
    data = shard.read_bytes()
    shard.unlink()
    hub.models["org/other"] = folder
    assert f"{shard.name} is missing there" in fetch(tmp_path, "org/other")[0]["error"]
    shard.write_bytes(data[:-1000])
    assert f"{shard.name} of org/other is damaged on the hub" in fetch(tmp_path, "org/other")[0]["error"]


def test_a_disk_that_is_too_small_is_seen_before_anything_is_fetched(hub, tmp_path):
    own = tmp_path / "own"
    own.mkdir()
    small = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    argv = ["unshare", "--map-root-user", "--mount", "sh", "-c", small, str(own)]
    if subprocess.run([*argv, "true"], capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount a small disk")
    env = environment(tmp_path, hub.endpoint)
    argv += command(("org/tiny", None, 0))
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=120)
    said = json.loads(done.stdout)[0]["error"]
    assert f"more on the disk of {own}" in said
    assert "VLMTUI_CACHE" in said
    assert sum(end - first for _, first, end in hub.spans) < 500_000  # headers


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("a compressed body of gigabytes", "api", "sends a small file without end"),
        ("a compressed body of gigabytes", "small", "sends a small file without end"),
        ("a body compressed twice", "small", "compresses its answers by gzip, gzip"),
        ("a body compressed in another way", "small", "compresses its answers by deflate"),
    ],
)
def test_a_compressed_answer_has_an_end(name, kind, said, fetch, hub, tmp_path):
    hub.lie, hub.kind, hub.count = LIES[name], kind, 0
    error = fetch(tmp_path, "org/tiny")[0]["error"]
    assert said in error
    assert error.endswith("check HF_ENDPOINT and the proxy")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("null", "api"),
        ("bytes that are no UTF-8", "api"),
        ("a commit of the model that names a folder", "api"),
        ("files named by numbers", "api"),
        ("a length that is too long", "small"),
        ("a byte a while, without end", "small"),
        ("a redirect to no address", "head"),
        ("a redirect to a file", "weights"),
        ("half of a range", "weights"),
        ("a file that grows", "weights"),
        ("a tensor at half a byte", "weights"),
    ],
)
def test_a_hub_that_lies(name, kind, fetch, hub, tmp_path, sharded):
    """One sentence, nothing outside the cache, the whole model afterwards; `benchmarks.attacks hubs` tells all lies."""
    trial = LyingHubTrial(sharded, tmp_path, hub, lambda home: fetch(home, "org/tiny")[0])
    assert trial.outcome(LIES[name], kind) == ""


@pytest.mark.skipif(importlib.util.find_spec("torchvision") is not None, reason="torchvision is installed")
def test_what_needs_torchvision_is_refused_before_its_weights(hub, sharded, fetch, tmp_path):
    folder = shutil.copytree(sharded, tmp_path / "llama4")
    for file in folder.glob("*processor_config.json"):
        file.unlink()
    (folder / "preprocessor_config.json").write_text('{"image_processor_type": "Llama4ImageProcessor"}')
    hub.models["org/llama4"] = folder
    (found,) = fetch(tmp_path, "org/llama4")
    assert "only for torchvision: install it with pip install 'vlmtui[torchvision]'" in found["error"]
    assert not hub.weights
