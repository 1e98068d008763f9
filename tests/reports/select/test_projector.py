"""`--lens projector`: the words of a vision stage's patches, in every format, from engines in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import deque
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from PIL import Image

from tests.families import build
from tests.query.queries import query_of, with_options
from tests.reports import contract, made_reports
from tests.session.local_engine import Desk
from vlmtui.display.pieces import width
from vlmtui.errors import UsageError
from vlmtui.query.chosen_lens import ChosenLens, parse_lens
from vlmtui.query.patches import PatchPosition
from vlmtui.reports.formats.registry import format_named
from vlmtui.reports.image_reader import read_reports
from vlmtui.reports.image_report import ImageReport
from vlmtui.reports.per_image import ImageFailure
from vlmtui.results import early_exit as exits
from vlmtui.session import typed_lenses
from vlmtui.session.client import SessionClient
from vlmtui.tui import export, needs
from vlmtui.tui.initial_selection import initial_selection
from vlmtui.tui.requests import Requests
from vlmtui.tui.state import early_exit as exiting
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection

CHINA = str(Path(__file__).parents[3] / "sample_images" / "china.jpg")
PROJECTOR = ChosenLens("projector")
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


class Near(SessionClient):
    """A session's engine asked without a pipe."""

    def __init__(self, engine: Desk) -> None:
        self._engine = engine
        self.readings, self._let_go = set(), deque()

    def forget_all(self) -> None:
        """What was read is asked about once more, after its report."""

    def _base(self) -> None:
        """Folders are named in full."""

    def ask(self, body: Any, result: Any, on_progress: Any = None, on_token: Any = None) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(result(self._engine.ask(body)))
        except Exception as error:
            future.set_exception(error)
        return future

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("exits")
    return lambda name: folder / name if (folder / name).exists() else build(name, folder / name)


@pytest.fixture(scope="module")
def engine() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("photo") / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 130, 3), dtype=np.uint8)).save(path)
    return str(path)


def look(engine: Desk, folder: Path, photo: str, **options: Any) -> ImageReport:
    query = query_of(str(folder), device="cpu", k=3, **options)
    (seen,) = read_reports((photo,), query, lambda: Near(engine))
    if isinstance(seen, ImageFailure):
        raise seen.error
    return seen


def written(seen: ImageReport, format: str) -> str:
    return "".join(format_named(format).write(iter([seen]), seen.query, False))


def test_patches_have_the_words_of_their_token(engine, folders, photo):
    folder = folders("gemma3")
    own = look(engine, folder, photo)
    feeds = own.reading.model.feeds
    seen = look(engine, folder, photo, stage=feeds, lens=PROJECTOR)
    report, tokens = json.loads(written(seen, "json")), json.loads(written(own, "json"))["tokens"]
    assert report["query"].pop("lens") == {"name": "projector", "note": f"early exit: {feeds} → projector"}
    contract.REPORT(report, "report")
    assert report["query"]["stage"] == feeds
    assert report["query"]["metric"] == "cosine"
    assert report["query"]["candidates"] == own.words.candidates
    assert len(report["tokens"]) == 16 * len(tokens)
    into = exits.token_of_patch(seen.reading.patch_places, seen.reading.places)
    for patch, token in zip(report["tokens"], into, strict=True):
        assert patch["words"] == tokens[token]["words"]
        assert patch["norm"] == float(seen.norms[patch["index"]])
    before = look(engine, folder, photo, stage="vision.1", lens=PROJECTOR)
    assert not np.array_equal(before.words.scores, seen.words.scores)
    assert [line["words"] for line in map(json.loads, written(before, "jsonl").splitlines())] == [
        patch["words"] for patch in json.loads(written(before, "json"))["tokens"]
    ]


def test_noise_goes_through_the_projector_too(engine, folders, photo):
    seen = look(engine, folders("gemma3"), photo, stage="vision.1", lens=PROJECTOR, null=True)
    assert seen.null.stage == "vision.1"
    assert len(seen.null.shuffled.scores) == len(seen.reading.places)
    into = exits.token_of_patch(seen.reading.patch_places, seen.reading.places)
    percentiles = {}
    for token, patch in zip(into, json.loads(written(seen, "json"))["tokens"], strict=True):
        below = float((seen.null.shuffled.scores < patch["words"][0]["score"]).mean())
        assert patch["null"]["percentile"] == pytest.approx(100 * below)
        assert percentiles.setdefault(token, patch["null"]) == patch["null"]
    # the picture is noise itself
    assert 5 < np.median([one["percentile"] for one in percentiles.values()]) < 95
    assert "shuffled, vision.1 sent through the projector," in " ".join(written(seen, "text").split())
    assert seen.agreements == ()
    with pytest.raises(UsageError, match=r"vision.1 has none of its own: .* --lens projector"):
        look(engine, folders("gemma3"), photo, stage="vision.1", null=True)


@pytest.mark.parametrize("metric", ["cosine", "omp", "pinv"])
def test_the_metrics_agree_as_the_explorer_says(engine, folders, photo, metric):
    seen = look(engine, folders("gemma3"), photo, metric=metric, null=True, fields=("agreement", "ids"))
    assert len(seen.agreements) == len(seen.reading.places) > 1
    asked = (typed_lenses.agreement(seen.reading.id, token, 3) for token in seen.entries)
    told = [engine.typed(one) for one in asked]
    for mine, theirs in zip(seen.agreements, told, strict=True):
        assert (mine.token, mine.metrics) == (theirs.token, theirs.metrics)
        assert np.array_equal(mine.ids, theirs.ids)
    tokens = json.loads(written(seen, "json"))["tokens"]
    for token, one in zip(tokens, told, strict=True):
        first = one.with_first(token["ids"][0]) if token["ids"] else None
        wanted = None if first is None else {"first": first, "of": 5, "overlap": pytest.approx(one.overlap)}
        assert token["agreement"] == wanted
    narrow = look(engine, folders("gemma3"), photo, metric=metric, null=True, patches=(PatchPosition(None, 1, 2),))
    (alone,) = narrow.agreements
    assert np.array_equal(alone.ids, told[narrow.entries[0]].ids)
    first = alone.with_first(int(narrow.words.ids[0, 0]))
    assert f"  agree {first} of 5 metrics have this top-1" in written(narrow, "text").splitlines()
    plain = look(engine, folders("gemma3"), photo, metric=metric)
    assert not any("agree" in line for line in written(plain, "text").splitlines())
    assert all("agreement" not in token for token in json.loads(written(plain, "json"))["tokens"])


def test_without_the_lens_there_are_none(engine, folders, photo):
    seen = look(engine, folders("gemma3"), photo, stage="vision.2")
    assert not seen.projected
    assert seen.words is None
    assert all(token["words"] == [] for token in json.loads(written(seen, "json"))["tokens"])


def test_one_patch_in_the_order_of_its_patches(engine, folders, photo):
    folder = folders("gemma3")
    whole = look(engine, folder, photo, stage="vision.1", lens=PROJECTOR, metric="omp")
    seen = look(
        engine, folder, photo, stage="vision.1", lens=PROJECTOR, metric="omp", patches=(PatchPosition(None, 1, 2),)
    )
    assert len(seen.entries) == 16
    assert seen.words.tokens.tolist() == list(seen.entries)
    assert np.array_equal(seen.words.ids, whole.words.ids[list(seen.entries)])
    text = written(seen, "text")
    assert "of its token explained" in text
    assert "lens    projector lens: vision.1 → projector; a patch has the words of its token" in text


def test_the_text_names_it_over_its_words(engine, folders, photo):
    text = written(look(engine, folders("gemma3"), photo, stage="vision.1", lens=PROJECTOR), "text")
    assert "Top-1 words, projector lens, 12 rows × 12 columns; words are cut" in text
    assert all(width(line) <= 80 for line in text.splitlines())


@pytest.mark.parametrize(
    ("family", "stage", "why"),
    [
        ("blip2", "vision.2", "do not come from single vision patches .every token is a query of the Q-Former"),
        ("siglip", None, "has no words: it is a vision-only model"),
        ("mllama", "vision.2", "has no words: its language model reads images by cross-attention"),
        ("gemma3", None, "applies to a vision stage, not to tokens: name one, such as --stage vision.4"),
        ("gemma3", "llm.1", "applies to a vision stage, not to llm.1"),
    ],
)
def test_where_it_cannot_look_it_is_said(family, stage, why, engine, folders, photo):
    with pytest.raises(UsageError, match=why):
        look(engine, folders(family), photo, stage=stage, lens=PROJECTOR)


def test_a_patch_of_no_token_has_no_words():
    reading = made_reports.reading(3, 4, grids=2)
    places = tuple(place for place in reading.places if place.index not in (5, 14))
    places = tuple(replace(place, index=i) for i, place in enumerate(places))
    reading = msgspec.structs.replace(reading, places=places, norms=reading.norms[: len(places)])
    into = exits.token_of_patch(reading.patch_places, places)
    words = exits.words_of_patches(made_reports.words(reading), into, range(24))
    seen = made_reports.seen(reading, words, "vision.1", query_of("tiny", lens=PROJECTOR))
    report = json.loads(written(seen, "json"))
    assert [i for i, token in enumerate(report["tokens"]) if not token["words"]] == [5, 14]
    assert "–" in written(seen, "text")


def test_the_option_and_what_does_not_fit_it():
    assert parse_lens("projector", None, ()) == PROJECTOR
    with pytest.raises(UsageError, match="--lens projector does not take --"):
        parse_lens("projector", "sky", ())


def test_the_explorer_opens_with_it_and_saves_the_same_bytes(engine, folders, photo, tmp_path):
    folder = folders("gemma3")
    seen = look(engine, folder, photo, stage="vision.1", lens=PROJECTOR)
    known = Results(seen.reading.image, None)
    known.take(seen.reading)
    view, wrong = initial_selection(Selection(k=3), known, seen.query)
    assert (view.stage, view.early_exit, view.overlay, wrong) == ("vision.1", True, "none", [])
    assert exiting.early_exit_title(known, view) == "projector lens: vision.1 → projector"
    client, sent = Near(engine), []
    asking = Requests(sent.append, sent.remove, [needs.words])
    asking.update(known, view)
    while sent:
        request = sent.pop(0)
        stage, metric = request.subject.stage, request.lens.order
        found = client.words(request.reading, metric, request.k, request.tokens, stage=stage, projected=True).result()
        known.words_at(stage, metric).add(found)
        asking.done(request)
        asking.update(known, view)
    path = export.save(str(tmp_path / "saved.json"), known, view, with_options(seen.query, lens=None))
    assert path.read_text() == written(seen, "json")
    tower, wrong = initial_selection(
        Selection(), known_of(engine, folders("siglip"), photo), with_options(seen.query, stage=None)
    )
    assert not tower.early_exit
    assert "vision-only model" in wrong[0]


def known_of(engine, folder, photo) -> Results:
    seen = look(engine, folder, photo)
    known = Results(seen.reading.image, None)
    known.take(seen.reading)
    return known


def test_on_the_command_line(warm_session: None):
    words = ["report", CHINA, "--stage", "vision.1", "--lens", "projector", "--format", "json", "-k", "2"]
    done = subprocess.run([sys.executable, "-m", "vlmtui", *words, "--quiet"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["query"]["lens"]["name"] == "projector"
    assert report["tokens"]
    assert all(len(token["words"]) == 2 for token in report["tokens"])
