"""`json` and `jsonl`: the schema `vlmtui/report/1`, with the fields in its order.

Numbers that are not finite become null (msgspec encodes them so). Norms are float32 and are written exactly.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any, cast

import msgspec
import numpy as np

from vlmtui.geometry import Box, Grid, Place
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import Facts, Matrix, Scores, TokenMaps
from vlmtui.query.fields import SIMPLE
from vlmtui.query.options import Query
from vlmtui.reading import PIXELS, GridNorms, Reading, TokenWords, of_patches
from vlmtui.reports.formats.parts import logit_lens
from vlmtui.reports.formats.parts.noise_baseline import agreement_object, percentile_object
from vlmtui.reports.formats.parts.patch_embedding import embedding_object
from vlmtui.reports.image_report import ImageReport, ReportOrFailure
from vlmtui.reports.per_image import ImageFailure
from vlmtui.reports.select.columns import simple
from vlmtui.reports.select.rows import ReportRows
from vlmtui.results.early_exit import PROJECTOR

SCHEMA = "vlmtui/report/1"
_ABOUT = ("image", "model")
_encoder = msgspec.json.Encoder()
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")
"""What JSON may hold as it is, and some programs end a line at; the control characters are escaped anyway."""

Object = dict[str, Any]


def write_json(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write one object for one image, a list for several; failed images are left out."""
    yield from json_objects(
        (None if isinstance(result, ImageFailure) else report_object(result) for result in results), several
    )


def json_objects(made: Iterable[Object | None], several: bool) -> Iterator[str]:
    """Write one object, or a list of several, as they are computed; None stands for a failed image."""
    opened = False
    for one in made:  # exhausted even after a single object: files beside the report are written at the end
        if one is None:
            continue
        body = json_line(one)
        if not several:
            yield f"{body}\n"
            continue
        yield f"{',' if opened else '['}\n{body}"
        opened = True
    if several:
        yield "\n]\n" if opened else "[]\n"


def write_jsonl(results: Iterable[ReportOrFailure], query: Query, several: bool) -> Iterator[str]:
    """Write one line per token; one line for a failed image."""
    for result in results:
        if isinstance(result, ImageFailure):
            yield f"{json_line({'image': {'source': result.name}, 'error': result.why})}\n"
            continue
        ends = {"image": {"source": result.reading.image.source}, "model": {"name": result.reading.model.name}}
        for token in token_objects(result, ends):
            yield f"{json_line(token)}\n"


def report_object(seen: ImageReport) -> Object:
    """The JSON object of one image."""
    reading, query, words = seen.reading, seen.query, seen.words
    grids = [_grid(g, norms) for g, norms in zip(reading.grids, reading.grid_norms, strict=True)]
    return {
        "schema": SCHEMA,
        **model_and_image(reading),
        "query": {
            "metric": seen.word_order,
            "k": query.search.k,
            "stage": seen.stage,
            "candidates": words.candidates if words else 0,
            "left_out": words.left_out if words else 0,
            "hidden": seen.hidden,
            "prompt": reading.prompt,
            "prompt_text": reading.prompt_text,
            "template": reading.template,
            "length_ratio": reading.length_ratio,
            **({"lambda": query.search.ridge} if seen.word_order == "ridge" else {}),
            **({"lens": _lens(seen)} if seen.has_lens_result else {}),
        },
        **({"grids": grids} if not query.output.fields or "grids" in query.output.fields else {}),
        "tokens": list(token_objects(seen)),
        "hub_words": _hubs(seen),
        **({"lens": whole} if (whole := _whole(seen.whole_result)) else {}),
    }


def _hubs(seen: ImageReport) -> list[Object] | None:
    """Words in the lists of more than half of all tokens, with their shares (0–1); null where not all are reported."""
    if seen.words is None or seen.query.selection.partial:
        return None
    pieces, texts = seen.words.pieces, seen.words.texts
    return [{"id": id_, "piece": pieces[id_], "text": texts[id_], "share": share} for id_, share in seen.hubs.items()]


def model_and_image(reading: Reading) -> Object:
    """The model and the image as JSON fields."""
    model, image = reading.model, reading.image
    return {
        "model": {
            "name": model.name,
            "family": model.family,
            "revision": model.revision,
            "dtype": model.dtype,
            "device": model.device,
            "processor": model.processor,
        },
        "image": {"source": image.source, "sha256": image.sha256, "width": image.width, "height": image.height},
    }


def token_objects(seen: ImageReport, ends: Object | None = None) -> Iterator[Object]:
    """The objects of the entries reported, in order, each followed by the fields of `ends`.

    Only the fields that the query names, if it names any; `explained` is then a list: the share of the norm explained
    after each word.
    """
    whole = (token | (ends or {}) for token in _whole_tokens(seen))
    if not seen.query.output.fields:
        yield from whole
        return
    rows, fields = ReportRows(seen), seen.query.output.fields
    more = {field: simple(rows, field) for field in fields if field in SIMPLE and field not in _ABOUT}
    for row, token in enumerate(whole):
        known = {field: found[row] for field, found in more.items()} | token
        known["ids"] = [word["id"] for word in token["words"]]
        if seen.words is not None and seen.words.explained is not None:
            known["explained"] = seen.words.explained[row, : len(token["words"])].tolist()
        yield {field: known[field] for field in fields if field in known}


def _whole_tokens(seen: ImageReport) -> Iterator[Object]:
    places, norms = seen.reading.places_at(seen.stage), seen.norms
    for row, entry in enumerate(seen.entries):
        value: Object = {} if seen.values is None else {"value": seen.values.numbers[entry].tolist()}
        if seen.patch_embeddings and (value or seen.stage == PIXELS):  # without a lens: only the schema's fields
            value["anatomy"] = embedding_object(seen.patch_embeddings[row])
        noise: Object = (
            {} if seen.null is None or not seen.words else {"null": percentile_object(seen.null, seen.words, row)}
        )
        if seen.agreements and seen.words:
            noise["agreement"] = agreement_object(seen.agreements[row], seen.words, row)
        if seen.layer_words:
            value["layers"] = logit_lens.layers_object(seen.layer_words[row])
        if seen.whole_result is not None and isinstance(seen.whole_result.result, TokenMaps):
            value["maps"] = seen.whole_result.result.values[:, entry].tolist()
        if seen.facts:
            value["facts"] = dict(cast(Facts, seen.facts[row].result).rows)
        yield (
            place_object(places[entry])
            | _positions(seen, entry)
            | {"norm": float(norms[entry]), "words": _words(seen.words, row)}
            | value
            | noise
        )


def _positions(seen: ImageReport, entry: int) -> Object:
    """The position ids of an image token, where the model has three for each."""
    found = seen.reading.position_ids
    return {"position_ids": list(found[entry])} if found and not of_patches(seen.stage) else {}


def place_object(place: Place) -> Object:
    """The position of an entry: its grid, row and column, box and patches."""
    return {
        "index": place.index,
        "kind": place.kind,
        "grid": place.grid,
        "row": place.row,
        "col": place.col,
        "box": _box(place.box),
        "inside": float(place.inside),
        "patches": list(place.patches),
    }


def _lens(seen: ImageReport) -> Object:
    """The lens of the query: its name, its inputs, and the notes needed to read its values.

    A lens that is not built in also has a `source` (the `path` and `sha256` of its file or folder, or the `package` and
    `version`) and all its `options`, including those left at their defaults; a built-in one has `options` where some
    were given. The `value` of a token is a number; for
    `pca` it is three, each as a multiple of the range of its component.
    """
    if seen.projected:
        # in the words of the schema's first version, which programs may compare
        return {"name": PROJECTOR, "note": f"early exit: {seen.stage} → {PROJECTOR}"}
    through, values = seen.query.lens, seen.values
    assert through is not None
    told: Object = {"name": through.name}
    if through.source is not None:
        told["source"] = through.origin
    if through.source is not None or through.options:
        told["options"] = dict(through.options)
    if seen.answer is not None:
        told["answer"] = {"text": seen.answer.text, "tokens": [token.text for token in seen.answer.tokens]}
    if values is None:
        said = seen.whole_result or seen.words_result or (seen.facts[0] if seen.facts else None)
        if seen.words_result is not None and through.built_in is not None:
            told |= seen.words_result.besides
        return told | ({"note": said.note} if said is not None and said.note else {})
    if through.text:
        told["text"] = through.text
    if through.marked:
        told["marked"] = [str(patch) for patch in through.marked]
    told |= values.besides
    return told | ({"note": values.note} if values.note else {})


def _whole(looked: LensResult | None) -> Object:
    """A lens's result for the whole image: a matrix with its axes, or scores, largest first."""
    match looked.result if looked is not None else None:
        case Matrix() as found:
            return {"kind": "matrix", "axes": list(found.axes), "values": found.values.tolist()}
        case Scores() as found:
            order = np.argsort(-found.values, kind="stable").tolist()
            scores = [{"label": found.labels[i], "score": float(found.values[i])} for i in order]
            return {"kind": "scores", "scores": scores}
    return {}


def _words(words: TokenWords | None, row: int) -> list[Object]:
    if words is None:
        return []
    return [
        {
            "id": id_ if words.in_vocabulary else None,
            "piece": words.pieces[id_],
            "text": words.texts[id_],
            "score": score,
            "special": id_ in words.special,
        }
        for id_, score in words.at(row)
    ]


def _grid(grid: Grid, norms: GridNorms) -> Object:
    return {
        "id": grid.id,
        "kind": grid.kind,
        "box": _box(grid.box),
        "rows": grid.rows,
        "cols": grid.cols,
        "patch_rows": grid.patch_rows,
        "patch_cols": grid.patch_cols,
        "norms": norms.patches.tolist(),
        "prefix_norms": norms.prefix.tolist(),
    }


def _box(box: Box | None) -> list[float] | None:
    return None if box is None else [float(corner) for corner in box]


def json_line(value: Object) -> str:
    """Encode an object on one line, whatever a reader takes for the end of a line."""
    text = _encoder.encode(value).decode()
    return text if text.isascii() else _LINE_ENDS.sub(lambda end: f"\\u{ord(end[0]):04x}", text)
