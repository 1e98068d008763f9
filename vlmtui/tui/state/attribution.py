"""The numbers of an answer as they are shown on the picture: which, on what scale, and in words what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import count, format_number, percent
from vlmtui.display.pieces import fit, plain, visible, width
from vlmtui.lenses import lens_text
from vlmtui.lenses.kinds import ResultKind, Scalars, TokenMaps
from vlmtui.lenses.lens_source import lens_call
from vlmtui.lenses.lens_text import LensResult
from vlmtui.results.answers import AnswerToken, Attention, Gradient, Occlusion
from vlmtui.tui.state import generation as generated
from vlmtui.tui.state.generation import (
    AttentionOf,
    Generation,
    GradientOf,
    LensOf,
    MaskOf,
    OcclusionOf,
    Wanted,
    block_for,
)

if TYPE_CHECKING:
    from vlmtui.tui.state.results import Results, Selection

WHOLE = "the whole answer"
NAME_CELLS = 16
MOST_SINKS = 3


@dataclass(frozen=True)
class AnswerValues:
    """One number for every image token [image tokens], and what they are; `sinks` marks those that draw attention
    whatever is said."""

    values: NDArray[np.float64]
    scale: tuple[float, float]
    what: str
    diverging: bool = False
    sinks: NDArray[np.bool_] | None = None


def wanted(results: Results, selection: Selection) -> Wanted | None:
    """What the view needs to have been asked, and None where nothing is shown."""
    of_answer = selection.of_answer
    if not results.generation.ready or results.reading is None or results.reading.model.wordless:
        return None
    if own := results.lenses.get(of_answer.attribution):
        return None if own.missing else LensOf(own.call, results.entry(selection) if own.of_single else None)
    match of_answer.attribution:
        case generated.NOTHING:
            return None
        case generated.ATTENTION:
            return AttentionOf(of_answer.layer, of_answer.head if of_answer.layer is not None else None, False)
        case generated.ROLLOUT:
            return AttentionOf(None, None, True)
        case generated.GRADIENT:
            return GradientOf(of_answer.token)
        case generated.OCCLUSION:
            return OcclusionOf(block_for(results.reading.places)[0])
    return LensOf(lens_call(of_answer.attribution)) if of_answer.attribution in generated.ATTRIBUTIONS else None


def mask_wanted(selection: Selection) -> MaskOf | None:
    """The mask that is drawn, if one is."""
    return None if selection.of_answer.mask is None else MaskOf(selection.of_answer.mask)


def attention(results: Results, selection: Selection) -> Attention | None:
    """The attention to show: while that of another layer or head is on its way, the one before."""
    asked = wanted(results, selection)
    if not isinstance(asked, AttentionOf):
        return None
    found, latest = results.generation.found.get(asked), results.generation.latest
    if isinstance(found, Attention):
        return found
    same = latest is not None and latest.rollout == asked.rollout and asked not in results.generation.refused
    return latest if same else None


def numbers(results: Results, selection: Selection) -> AnswerValues | None:
    """What the view shows of the answer, or None where it has not come."""
    asked, generation, token = wanted(results, selection), results.generation, selection.of_answer.token
    if asked is None:
        return None
    found = attention(results, selection) if isinstance(asked, AttentionOf) else generation.found.get(asked)
    whose = said(results, token)
    match found:
        case Attention():
            key = AttentionOf(found.layer, found.head, found.rollout)
            # of an answer that was stopped the session may have heard one token more
            rows = found.weights[: len(generation.tokens)].astype(np.float64)
            if not len(rows) or (token is not None and token >= len(rows)):
                return None
            values = rows.mean(axis=0) if token is None else rows[token]
            # one scale for all tokens of the answer, so that they can be compared
            scale = _scale(generation, key, rows)
            return AnswerValues(values, (0.0, scale[1]), f"{whose}: {_brief(found)}", sinks=found.sinks)
        case Gradient():
            values = found.numbers.astype(np.float64)
            reach = _reach(_scale(generation, asked, np.abs(values)))
            return AnswerValues(values, (-reach, reach), f"{whose}: gradient × input", diverging=True)
        case Occlusion():
            drops = found.drops[:, : len(generation.tokens)].astype(np.float64)
            if token is not None and token >= drops.shape[1]:
                return None
            values = drops.sum(axis=1) if token is None else drops[:, token]
            # the whole answer falls by more than any of its tokens
            reach = _reach(robust_range(np.abs(values)) if token is None else _scale(generation, asked, np.abs(drops)))
            blocks = "" if found.block == 1 else f", {found.block}×{found.block}"
            return AnswerValues(values, (-reach, reach), f"{whose}: log-prob lost{blocks}", diverging=True)
        case LensResult():
            return _of_lens(generation, asked, found, token, whose)
    return None


def _of_lens(
    generation: Generation, asked: Wanted, found: LensResult, token: int | None, whose: str
) -> AnswerValues | None:
    """The map of a lens that the explorer knows nothing more of; of the whole answer the mean of its tokens'."""
    what = lens_text.lens_label(found.call)
    match found.result:
        case TokenMaps(values=maps):
            rows = maps[: len(generation.tokens)].astype(np.float64)
            if not len(rows) or (token is not None and token >= len(rows)):
                return None
            values, what = (rows.mean(axis=0) if token is None else rows[token]), f"{whose}: {what}"
        case Scalars(values=numbers):
            rows = values = numbers.astype(np.float64)
        case _:
            return None
    if np.any(rows[np.isfinite(rows)] < 0):
        reach = _reach(_scale(generation, asked, np.abs(rows)))
        return AnswerValues(values, (-reach, reach), what, diverging=True)
    return AnswerValues(values, _scale(generation, asked, rows), what)


def result(results: Results, selection: Selection) -> ResultKind | None:
    """What a lens that is no map made of the answer, to be told in lines; None without one."""
    asked = wanted(results, selection)
    found = results.generation.found.get(asked) if isinstance(asked, LensOf) else None
    return found.result if isinstance(found, LensResult) and not isinstance(found.result, TokenMaps | Scalars) else None


def legend(results: Results, selection: Selection, found: AnswerValues | None) -> str:
    """The line beneath the picture."""
    if found is not None:
        return found.what
    generation, asked = results.generation, wanted(results, selection)
    if selection.of_answer.attribution == generated.NOTHING:
        return f"overlay: none; v: {generated.ATTRIBUTIONS[0]}"
    own = results.lenses.get(selection.of_answer.attribution)
    if own is not None and own.missing and generation.ready:
        return f"{plain(own.name)} needs its option {own.missing}: Ctrl-P, Lens: options"
    if asked is None:
        return "the answer is being said ..." if generation.speaking else "nothing was said: there is no attention"
    if refused := generation.refused.get(asked):
        return plain(refused)
    if isinstance(asked, OcclusionOf) and results.reading is not None:
        return f"occlusion map: O takes {count(block_for(results.reading.places)[1], 'block')} of patches away in turn"
    if isinstance(asked, LensOf):
        # what it found stands in a panel where it is no map
        there = result(results, selection) is not None
        running = f"{plain(selection.of_answer.attribution)}: ... (Esc stops)"
        return lens_text.lens_label(asked.call) if there else running
    return f"{selection.of_answer.attribution}: ..."


def key(results: Results, selection: Selection) -> object:
    """What the drawing depends on."""
    asked, generation = wanted(results, selection), results.generation
    found = (
        attention(results, selection)
        if isinstance(asked, AttentionOf)
        else generation.found.get(asked)
        if asked
        else None
    )
    return id(found), selection.of_answer, generation.number, generation.speaking, asked in generation.refused


def named(token: AnswerToken) -> str:
    """A token of an answer as it is shown."""
    return visible(token.piece, token.text)


def said(results: Results, token: int | None) -> str:
    """`‹blue›`, or the whole answer."""
    tokens = results.generation.tokens
    if token is None or token >= len(tokens):
        return WHOLE
    name = named(tokens[token])
    return f"‹{name if width(name) <= NAME_CELLS else fit(name, NAME_CELLS)}›"


def _brief(found: Attention) -> str:
    if found.rollout:
        return "attention rolled out"
    head = "" if found.head is None else f", head {found.head}"
    return "mean attention" if found.layer is None else f"attention, layer {found.layer}{head}"


def layers(found: Attention) -> str:
    """Which layers and heads: `layer 3 of 24, head 2 of 8`; heads from 0, as in reports."""
    if found.rollout:
        return f"rolled out through {count(found.layers, 'layer')}"
    if found.layer is None:
        return f"the mean of {count(found.layers, 'layer')} and {count(found.heads, 'head')} each"
    heads = f"the mean of {count(found.heads, 'head')}" if found.head is None else f"head {found.head} of {found.heads}"
    return f"layer {found.layer} of {found.layers}, {heads}"


def meaning(results: Results, selection: Selection) -> list[str]:
    """In sentences what the numbers are, most telling first."""
    whose, found = said(results, selection.of_answer.token), numbers(results, selection)
    if isinstance(of := results.generation.found.get(wanted(results, selection) or MaskOf(0)), LensResult):
        return [of.note] if of.note else []
    if found is None:
        return []
    colours = f"Colours ±{format_number(found.scale[1], 3)}"
    match results.generation.found.get(wanted(results, selection) or MaskOf(0)):
        case Gradient():
            return [f"Red: more of an image token makes {whose} likelier; blue: less likely.", f"{colours}."]
        case Occlusion() as map_:
            gone = "an image token is" if map_.block == 1 else f"{map_.block}×{map_.block} image tokens are"
            same = "" if selection.of_answer.token is None else ", the same for all tokens of the answer"
            return [
                f"Red: {whose} loses log-probability where {gone} taken away.",
                f"In their place stands the {map_.by} image token. {colours}{same}.",
            ]
    return looked(results, selection)


def looked(results: Results, selection: Selection) -> list[str]:
    """How much of the attention the picture had, what draws it whatever is said, and of which layers it is."""
    found, token = attention(results, selection), selection.of_answer.token
    shown = numbers(results, selection)
    if found is None or shown is None:
        return []
    rows = found.weights[: len(results.generation.tokens)] if token is None else found.weights[token : token + 1]
    seen = 100 * float(rows.sum(axis=1).mean())
    sentences = [f"{percent(100 - seen)} of the attention went to text, {percent(seen)} to image tokens."]
    strongest = sorted((sink for sink in found.sunk if sink.piece is not None), key=lambda sink: -sink.share)
    text = [f"{visible(sink.piece, None)} draws {percent(100 * sink.share)}" for sink in strongest[:MOST_SINKS]]
    image = [sink for sink in found.sunk if sink.piece is None]
    if image:
        draw = percent(100 * sum(sink.share for sink in image))
        text.append(f"{count(len(image), 'image token')} (×) {'draws' if len(image) == 1 else 'draw'} {draw}")
    if text:
        sentences.append(f"Sinks, whatever is said: {', '.join(text)}.")
    scale = f"{format_number(shown.scale[0], 3)}–{format_number(shown.scale[1], 3)}"
    return [*sentences, f"Shown: {layers(found)}; colours {scale}, the same for all tokens of the answer."]


def _reach(scale: tuple[float, float]) -> float:
    return scale[1] if scale[1] > 0 else 1.0


def _scale(generation: Generation, key: Wanted, values: NDArray[np.float64]) -> tuple[float, float]:
    if key not in generation.scales:
        generation.scales[key] = robust_range(values)
    return generation.scales[key]
