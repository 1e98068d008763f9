"""`vlmtui match` and `vlmtui classify`: what is written, by hand; and as a person runs them, against transformers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import special
from transformers import AutoImageProcessor, AutoModelForImageClassification

from tests.families import build
from tests.families.towers import LABELS, classifying
from tests.hub import serving
from tests.models.loading.test_hub import environment
from tests.models.test_vlm import picture
from tests.models.vision.test_dual_encoder import PICTURES, TEXTS, theirs
from tests.reports.made_reports import reading
from vlmtui.cli import main
from vlmtui.display.numbers import percent
from vlmtui.errors import ImageError, UsageError
from vlmtui.models.families.registry import check_classifier, check_text_tower
from vlmtui.reports.commands import classify, match
from vlmtui.reports.commands.match import CaptionLoss, MatchedImage, MatchOptions
from vlmtui.reports.per_image import ImageFailure
from vlmtui.results.classification import ClassificationHead, TopClasses
from vlmtui.results.image_text import ImageTextMatch, PairLoss, TextsRead


def vlmtui(*words: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vlmtui", *words], capture_output=True, text=True, **options)


# --- what is written, of what was made by hand ---


def matched(count: int, caption: int | None = None, patches: bool = False, **changes: object) -> MatchedImage:
    of = reading(rows=2, cols=3)
    rng = np.random.default_rng(count)
    numbers = rng.uniform(-0.2, 0.3, count).astype(np.float32)
    texts = {
        "texts": tuple(f"text {i}" for i in range(count)),
        "lengths": (90, *(5,) * (count - 1)),
        "limit": 77,
        "kind": "softmax",
        "scale": 100.0,
        "bias": 0.0,
        "patch_stage": "vision.2",
        "patch_path": "CLIP's value path",
    }
    found = ImageTextMatch(cosines=numbers, logits=100 * numbers, probabilities=np.full(count, 0.5, np.float32))
    near = np.arange(count * 6, dtype=np.float32).reshape(count, 6) / 10 if patches else None
    return MatchedImage(of, TextsRead(**(texts | changes)), found, caption, near)  # type: ignore[arg-type]


def written(*found: match.MatchPart, captions: bool = False, patches: bool = False) -> str:
    first = next(one for one in found if isinstance(one, MatchedImage))
    return "".join(match.match_text(found, MatchOptions(first.texts.texts, captions, patches)))


LOSS = PairLoss(kind="softmax", pairs=2, value=0.5, image_to_text=0.4, text_to_image=0.6)
BAD = ImageFailure("bad.png", ImageError("bad.png is no picture"))


def test_a_matrix():
    text = written(matched(2, caption=1), BAD, matched(2, caption=0), CaptionLoss(LOSS), captions=True)
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)
    assert text.count("probability     50%     50%*") == 1
    assert text.count("probability     50%*    50%") == 1
    assert "1 text 0 (90 pieces, of which the model reads the first 77)" in text
    assert "0.5000 nats, the mean of 2 images with their captions: softmax both ways" in " ".join(text.split())
    # the numbers of the texts stand once, above the columns
    assert [line.split() for line in lines].count(["1", "2"]) == 1


def test_a_loss_without_directions():
    loss = PairLoss(kind="sigmoid", pairs=1, value=2.0, image_to_text=None, text_to_image=None)
    text = written(matched(1, caption=0, kind="sigmoid", limit=99), CaptionLoss(loss), captions=True)
    assert "the mean of 1 image with its caption: pairwise sigmoid" in " ".join(text.split())
    assert "pieces" not in text
    assert "they need not add up" in text


def test_softmax_over_the_texts_where_each_is_judged_alone() -> None:
    both = matched(12, kind="sigmoid"), CaptionLoss(None)
    expected = special.softmax(both[0].match.logits.astype(np.float64))
    np.testing.assert_allclose(both[0].match.softmax, expected, rtol=1e-6)
    assert json.loads("".join(match.match_json(both, MatchOptions(both[0].texts.texts))))["images"][0][
        "softmax"
    ] == pytest.approx(expected.tolist(), rel=1e-6)
    lines = written(*both).splitlines()
    shown = [cell for line in lines if line.startswith("  softmax") for cell in line.split()[1:]]
    assert shown == [percent(100 * share) for share in expected]
    # a softmax is the probability already, and over one text it says nothing
    assert "softmax  " not in written(matched(12), CaptionLoss(None))
    assert "softmax" not in written(matched(1, kind="sigmoid"), CaptionLoss(None))


def test_more_texts_than_fit_into_a_line():
    lines = written(matched(20), matched(20), CaptionLoss(None)).splitlines()
    assert max(map(len, lines)) <= 80
    for_each = [line.split() for line in lines if line.split()[:2] == ["9", "10"]]
    assert for_each == 2 * [[str(i) for i in range(9, 17)]]
    assert sum("cosine" in line for line in lines) == 1 + 2 * 3  # once in the head


def test_patches_nearest_first():
    text = written(matched(2, patches=True), CaptionLoss(None), patches=True)
    assert "near 1      1,2 0.500   1,1 0.400   1,0 0.300" in text
    assert "approximate, by CLIP's value path" in " ".join(text.split())


def test_json_of_a_matrix():
    found = [matched(2, caption=0, patches=True), BAD, CaptionLoss(LOSS)]
    made = json.loads("".join(match.match_json(found, MatchOptions(("text 0", "text 1"), True, True))))
    assert made["schema"] == "vlmtui/match/1"
    assert made["texts"] == [{"text": "text 0", "pieces": 90, "read": 77}, {"text": "text 1", "pieces": 5, "read": 5}]
    assert made["patches"] == {"stage": "vision.2", "approximate": "CLIP's value path"}
    assert [image["source"] for image in made["images"]] == ["photo.jpg"]
    assert [patch["cosines"][0] for patch in made["images"][0]["patches"]] == pytest.approx(
        [0, 0.1, 0.2, 0.3, 0.4, 0.5]
    )
    assert made["images"][0]["patches"][5] | {"row": 1, "col": 2} == made["images"][0]["patches"][5]
    assert made["loss"] == {"kind": "softmax", "pairs": 2, "value": 0.5, "image_to_text": 0.4, "text_to_image": 0.6}
    # nothing is better than half an object
    assert list(match.match_json([BAD, CaptionLoss(None)], MatchOptions(("text 0",)))) == []


def found_classes(exact: bool) -> classify.ImageClasses:
    labels = ("cat", "tabby, tabby cat", "sea")
    reads = "mean of the patches" if exact else "class token"
    evidence = np.arange(12, dtype=np.float32).reshape(2, 6) / 10
    classes = TopClasses(
        ids=np.array([1, 2]),
        logits=np.array([2.0, 1.0], np.float32),
        probabilities=np.array([0.7, 0.2], np.float32),
        evidence=evidence,
        first=np.array([0, 1, 2, 2, 1, 0]),
        rest=np.array([0.5, 0.25], np.float32) if exact else None,
    )
    return classify.ImageClasses(
        reading(rows=2, cols=3), ClassificationHead(labels=labels, reads=reads, kind="softmax", exact=exact), classes
    )


def test_a_page_of_classes():
    text = "".join(classify.classes_text([found_classes(False), BAD, found_classes(True)], True))
    first, second = text.split("═" * 80)
    assert "    70%      2.000  tabby, tabby cat" in first
    assert "tabby: 1,2 0.5000   1,1 0.4000" in first
    assert "approximate: the logits of the head applied to each patch" in " ".join(first.split())
    assert "exact shares of its logit." in " ".join(second.split())
    assert "1,0 0.3000 all patches 1.500 of 2.000" in " ".join(second.split())
    assert "all patches" not in first, "approximate values do not add up"
    assert "Top class of each patch by its evidence alone, 2 rows" in second
    assert [line.split() for line in first.splitlines()[-3:-1]] == [
        ["0", "cat", "tabby", "sea"],
        ["1", "sea", "tabby", "cat"],
    ]


def test_json_of_classes():
    one = json.loads("".join(classify.classes_json([found_classes(True)], False)))
    assert one["head"] == {"classes": 3, "reads": "mean of the patches", "kind": "softmax", "evidence": "exact"}
    assert one["classes"][1] == {
        "id": 2, "label": "sea", "logit": 1.0, "probability": pytest.approx(0.2), "rest": 0.25
    }  # fmt: skip
    assert one["patches"][4]["evidence"] == pytest.approx([0.4, 1.0])
    assert one["patches"][4]["first"] == {"id": 1, "label": "tabby, tabby cat"}
    many = json.loads("".join(classify.classes_json([found_classes(False), BAD], True)))
    assert [each["classes"][0]["rest"] for each in many] == [None]


# --- words that are off ---


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["match", "x.png"], "match needs texts"),
        (["match", "x.png", "--text", " "], "--text is empty"),
        (["match", "x.png", "--text", "a", "--format", "csv", "-m", "clip-vit-l-336"], "text, json"),
        (
            ["match", "x.png", "--text", "a", "--text", "b", "--captions", "-m", "clip-vit-l-336"],
            "2 texts for 1 image",
        ),
        (["match", "x.png", "--text", "a"], "demo cannot match"),
        (["match", "x.png", "--text", "a", "-m", "llava-1.5-7b"], "lacks the text tower"),
        (["match", "x.png", "--text", "a", "-m", "dinov2-base"], "has no text tower"),
        (["classify", "x.png"], "demo has no classification head"),
        (["classify", "x.png", "-m", "vit-base", "--format", "jsonl"], "text, json"),
        (["classify", "x.png", "-k", "0"], "-k"),
    ],
)
def test_words_that_are_off(words, said, capfd):
    assert main(words) == 2
    out, error = capfd.readouterr()
    assert out == ""
    assert error.count("\n") == 1
    assert said in error


def test_families_that_can_be_asked():
    for name in ("clip", "siglip", "siglip2", None):
        check_text_tower("x", name)
    for name in ("vit", "dinov2", "siglip", None):
        check_classifier("x", name)
    with pytest.raises(UsageError):
        check_text_tower("x", "qwen2_vl")
    with pytest.raises(UsageError):
        check_classifier("x", "dinov3_vit")


# --- as a person runs them ---


def saved(folder: Path) -> list[str]:
    names = []
    for i, size in enumerate(PICTURES):
        names.append(str(folder / f"{i}.png"))
        Image.fromarray(picture(*size).rgb).save(names[-1])
    return names


def test_match_from_the_hub_past_a_picture_that_fails(tmp_path):
    folder = build("clip", tmp_path / "clip")
    names = saved(tmp_path)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    texts = [*TEXTS[:1], "sky " * 99, *TEXTS[1:]]
    words = [word for text in texts for word in ("--text", text)]
    with serving({"org/clip": folder}) as hub:
        done = vlmtui(
            *("match", names[0], str(bad), *names[1:], *words, "--captions", "--patches"),
            *("-m", "org/clip", "--format", "json", "--device", "cpu"),
            env=environment(tmp_path, hub.endpoint),
        )
        # the vision tower first, then what is missing of the text tower: nothing twice but the header
        assert hub.weights <= (folder / "model.safetensors").stat().st_size + 2 * (48 << 10)
    assert done.returncode == 1
    said = done.stderr.splitlines()
    assert "text 2 is too long: of its 100 pieces org/clip reads the first 64" in said[0]
    assert "bad.png is not an image" in said[1]
    assert len(said) == 2
    made = json.loads(done.stdout)
    expected = theirs(folder)
    kept = [0, 2, 3]
    logits = np.array([image["logits"] for image in made["images"]])
    np.testing.assert_allclose(logits[:, kept], expected.logits_per_image, rtol=1e-4, atol=1e-4)
    assert [image["caption"] for image in made["images"]] == kept
    assert made["loss"]["pairs"] == 3
    assert made["loss"]["value"] == pytest.approx(float(expected.loss), rel=1e-4)
    assert [len(image["patches"]) for image in made["images"]] == [25, 25, 25]


def test_classify_many_into_a_file(tmp_path, warm_session):
    folder = classifying("dinov2", tmp_path / "model")
    names, out = saved(tmp_path), tmp_path / "classes.json"
    done = vlmtui("classify", *names, "-m", str(folder), "-k", "2", "--format", "json", "-o", str(out))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    model = AutoModelForImageClassification.from_pretrained(folder).eval()
    images = AutoImageProcessor.from_pretrained(folder, backend="pil")
    for name, one in zip(names, json.loads(out.read_bytes()), strict=True):
        pixels = images(images=Image.open(io.BytesIO(Path(name).read_bytes())), return_tensors="pt")
        with torch.no_grad():
            best = model(**pixels).logits[0].topk(2)
        assert one["image"]["source"] == name
        assert [found["label"] for found in one["classes"]] == [LABELS[int(i)] for i in best.indices]
        assert [found["logit"] for found in one["classes"]] == pytest.approx(best.values.tolist(), rel=1e-3, abs=1e-4)
        for row, found in enumerate(one["classes"]):
            shares = sum(patch["evidence"][row] for patch in one["patches"])
            assert shares + found["rest"] == pytest.approx(found["logit"], abs=1e-4)
