"""Values of an answer: the attribution chosen, on what scale, and in words what its numbers are. No Textual."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import count, format_number, percent
from vlmtui.display.pieces import fit, plain, visible, width
from vlmtui.lenses import captions
from vlmtui.lenses.captions import LensResult
from vlmtui.lenses.kinds import ResultKind, Scalars, TokenMaps
from vlmtui.lenses.lens_source import LensCall, lens_call
from vlmtui.results.answers import AnswerToken, Attention, Gradient, Occlusion
from vlmtui.tui.state import selection as selected
from vlmtui.tui.state.generation import AnswerGeneration, block_for, blocks_of
from vlmtui.tui.state.results import Results
from vlmtui.tui.state.selection import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS
from vlmtui.tui.state.subject import (
    AnyLens,
    AttentionLens,
    GradientLens,
    MaskLens,
    OcclusionLens,
    ResultKey,
    Subject,
)

WHOLE = "the whole answer"
NAME_CELLS = 16
MOST_SINKS = 3
LOOKED = "where it looked, not what it depends on (O)"
ESTIMATED = "an estimate of what O measures"
A_FIFTH = -math.log(0.8)
"""The log-probability lost where something becomes a fifth less likely: what the colours of an occlusion map span at
least, so that a map without any large effect is pale."""
SMALL = "no large effect"
"""Of a map where no block reaches it."""
TWICE = math.log(2)


@dataclass(frozen=True)
class AnswerValues:
    """One number for every image token [image tokens], and what they are, also in fewer words (`brief`); `sinks` marks
    those that draw attention whatever is said. Of occlusion `blocks` says which block each lies in, else it is empty.
    """

    values: NDArray[np.float64]
    scale: tuple[float, float]
    what: str
    diverging: bool = False
    sinks: NDArray[np.bool_] | None = None
    brief: str = ""
    blocks: tuple[tuple[int, int, int], ...] = ()


def attribution_key(results: Results, selection: Selection) -> ResultKey | None:
    """What the attribution chosen is known by, and None where nothing is shown."""
    generation, chosen = results.generation, selection.of_answer
    if not generation.ready or results.reading is None or results.reading.model.wordless:
        return None
    if own := results.lenses.get(chosen.attribution):
        entry = results.entry(selection) if own.of_single else None
        return None if own.missing else (Subject(TOKENS, entry, generation.number), own.call)
    lens: AnyLens
    match chosen.attribution:
        case selected.NO_ATTRIBUTION:
            return None
        case selected.ATTENTION:
            lens = AttentionLens(chosen.layer, chosen.head if chosen.layer is not None else None, False)
        case selected.ROLLOUT:
            lens = AttentionLens(None, None, True)
        case selected.GRADIENT:
            lens = GradientLens(chosen.token)
        case selected.OCCLUSION:
            lens = OcclusionLens(block_for(results.reading.places)[0])
        case other if other in selected.ATTRIBUTIONS:
            return Subject(TOKENS, None, generation.number), lens_call(other)
        case _:
            return None
    return about_answer(results, lens)


def about_answer(results: Results, lens: AnyLens) -> ResultKey:
    """What a lens of the answer, or before there is one of the prompt, is known by."""
    return Subject(ANSWER, None, results.generation.number), lens


def mask_key(results: Results, selection: Selection) -> ResultKey | None:
    """What the mask that is drawn is known by, if one is."""
    layer = selection.of_answer.mask
    return None if layer is None else about_answer(results, MaskLens(layer))


def attention(results: Results, selection: Selection) -> Attention | None:
    """The attention to show: while that of another layer or head is on its way, the one before."""
    key = attribution_key(results, selection)
    if key is None or not isinstance(key[1], AttentionLens):
        return None
    found, latest = results.found.get(key), results.generation.latest
    if isinstance(found, Attention):
        return found
    same = latest is not None and latest.rollout == key[1].rollout and key not in results.refused
    return latest if same else None


def attributed(results: Results, selection: Selection) -> Any:
    """The attribution to show as the session gave it; None where it has not come."""
    key = attribution_key(results, selection)
    if key is None:
        return None
    return attention(results, selection) if isinstance(key[1], AttentionLens) else results.found.get(key)


def answer_values(results: Results, selection: Selection) -> AnswerValues | None:
    """The numbers of the attribution chosen, or None where it has not come."""
    key, generation, token = attribution_key(results, selection), results.generation, selection.of_answer.token
    if key is None:
        return None
    found, whose = attributed(results, selection), token_shown(results, token)
    match found:
        case Attention():
            of = about_answer(results, AttentionLens(found.layer, found.head, found.rollout))
            # of an answer that was stopped the session may have heard one token more
            rows = found.weights[: len(generation.tokens)].astype(np.float64)
            if not len(rows) or (token is not None and token >= len(rows)):
                return None
            values = rows.mean(axis=0) if token is None else rows[token]
            # one scale for all tokens of the answer, so that they can be compared
            scale = _scale(generation, of, rows)
            name = f"{whose}: {_brief(found)}"
            return AnswerValues(values, (0.0, scale[1]), f"{name} · {LOOKED}", sinks=found.sinks, brief=name)
        case Gradient():
            values = found.numbers.astype(np.float64)
            reach = _reach(_scale(generation, key, np.abs(values)))
            name = f"{whose}: gradient × input"
            return AnswerValues(values, (-reach, reach), f"{name} · {ESTIMATED}", diverging=True, brief=name)
        case Occlusion():
            drops = found.drops[:, : len(generation.tokens)].astype(np.float64)
            if token is not None and token >= drops.shape[1]:
                return None
            values = drops.sum(axis=1) if token is None else drops[:, token]
            # the whole answer falls by more than any of its tokens; which block is the most telling must be seen, and
            # that none tells much
            reach = max(A_FIFTH, _largest(values if token is None else drops))
            return _of_occlusion(results, found, values, reach, token)
        case LensResult():
            return _of_lens(generation, key, found, token, whose)
    return None


def _of_occlusion(
    results: Results, found: Occlusion, values: NDArray[np.float64], reach: float, token: int | None
) -> AnswerValues:
    """What is lost without each block, and the most that is."""
    whose = token_shown(results, token)
    places = results.reading.places if results.reading is not None else ()
    most = most_lost(values)
    blocks = "" if found.block == 1 else f", {found.block}×{found.block}"
    return AnswerValues(
        values,
        (-reach, reach),
        f"{whose}: log-prob lost{blocks} · {most}",
        diverging=True,
        brief=f"log-prob lost · {most}",
        blocks=tuple(blocks_of(places, found.block)) if found.block > 1 else (),
    )


def most_lost(values: NDArray[np.float64]) -> str:
    """`most 0.250: 22% less likely`; `gained at most 0.3: 35% likelier` where something is gained, and that is more;
    `no large effect · ` before them where neither is more than `A_FIFTH`."""
    there = values[np.isfinite(values)]
    lost, gained = (float(there.max()), float(-there.min())) if there.size else (float("nan"), float("nan"))
    said = [SMALL] if 0 < max(lost, gained) <= A_FIFTH else []
    if lost > 0:
        said.append(f"most {format_number(lost, 3)}: {percent(min(99.99, -100 * math.expm1(-lost)))} less likely")
    if gained > max(lost, 0.0):
        said.append(f"gained at most {format_number(gained, 3)}: {_likelier(gained)}")
    return " · ".join(said) or "nothing"


def _likelier(gained: float) -> str:
    """By how much a probability is larger for so much more log-probability."""
    if gained < TWICE:
        return f"{percent(100 * math.expm1(gained))} likelier"
    return f"{format_number(math.exp(min(gained, 99.0)), 2)}× as likely"


def _of_lens(
    generation: AnswerGeneration, key: ResultKey, found: LensResult, token: int | None, whose: str
) -> AnswerValues | None:
    """The map of a lens that the explorer knows nothing more of; of the whole answer the mean of its tokens'."""
    what = captions.lens_label(found.call)
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
        reach = _reach(_scale(generation, key, np.abs(rows)))
        return AnswerValues(values, (-reach, reach), what, diverging=True)
    return AnswerValues(values, _scale(generation, key, rows), what)


def answer_result(results: Results, selection: Selection) -> ResultKind | None:
    """What a lens that is no map found in the answer, to be told in lines; None without one."""
    key = attribution_key(results, selection)
    found = results.found.get(key) if key is not None and isinstance(key[1], LensCall) else None
    is_map = isinstance(found, LensResult) and isinstance(found.result, TokenMaps | Scalars)
    return found.result if isinstance(found, LensResult) and not is_map else None


def answer_legend(results: Results, selection: Selection, found: AnswerValues | None) -> str:
    """The line beneath the image."""
    if found is not None:
        return found.what
    generation, key = results.generation, attribution_key(results, selection)
    chosen = selection.of_answer.attribution
    if chosen == selected.NO_ATTRIBUTION:
        return f"overlay: none; v: {selected.ATTRIBUTIONS[0]}"
    own = results.lenses.get(chosen)
    if own is not None and own.missing and generation.ready:
        return f"{plain(own.name)} needs its option {own.missing}: Ctrl-P, Lens: options"
    if key is None:
        return (
            "the answer is being generated ..." if generation.speaking else "the answer is empty: there is no attention"
        )
    if refused := results.refused.get(key):
        return plain(refused)
    match key[1]:
        case OcclusionLens() if results.reading is not None:
            blocks = count(block_for(results.reading.places)[1], "block")
            if generation.occluding:
                return f"occlusion map: replacing {blocks} of patches in turn ... (Esc stops)"
            return f"occlusion map: O replaces {blocks} of patches in turn"
        case LensCall() as asked:
            # what it found stands in a panel where it is no map
            there = answer_result(results, selection) is not None
            return captions.lens_label(asked) if there else f"{plain(chosen)}: ... (Esc stops)"
    return f"{chosen}: ..."


def answer_drawing_key(results: Results, selection: Selection) -> object:
    """What the drawing depends on."""
    generation, found = results.generation, attributed(results, selection)
    refused = attribution_key(results, selection) in results.refused
    state = generation.number, generation.speaking, generation.occluding
    return id(found), selection.of_answer, state, refused


def token_name(token: AnswerToken) -> str:
    """A token of an answer as it is shown."""
    return visible(token.piece, token.text)


def token_shown(results: Results, token: int | None) -> str:
    """`'blue'`, or the whole answer."""
    tokens = results.generation.tokens
    if token is None or token >= len(tokens):
        return WHOLE
    name = token_name(tokens[token])
    return f"'{name if width(name) <= NAME_CELLS else fit(name, NAME_CELLS)}'"


def _brief(found: Attention) -> str:
    if found.rollout:
        return "attention rolled out"
    head = "" if found.head is None else f", head {found.head}"
    return "mean attention" if found.layer is None else f"attention, layer {found.layer}{head}"


def layers_of(found: Attention) -> str:
    """Which layers and heads: `Layer 3 of 24, head 2 of 8`; heads from 0, as in reports."""
    if found.rollout:
        return f"Rolled out through {count(found.layers, 'layer')}"
    if found.layer is None:
        return f"Mean of {count(found.layers, 'layer')} × {count(found.heads, 'head')}"
    heads = f"mean of {count(found.heads, 'head')}" if found.head is None else f"head {found.head} of {found.heads}"
    return f"Layer {found.layer} of {found.layers}, {heads}"


def answer_meaning(results: Results, selection: Selection) -> list[str]:
    """In sentences what the numbers are, most telling first; none while the mask stands in the place of the image."""
    if selection.of_answer.mask is not None:
        return []
    whose = token_shown(results, selection.of_answer.token)
    values, found = answer_values(results, selection), attributed(results, selection)
    if isinstance(found, LensResult):
        return [found.note] if found.note else []
    if values is None:
        return []
    colours = f"Colours ±{format_number(values.scale[1], 3)}"
    match found:
        case Gradient():
            return [f"Red: more of an image token makes {whose} likelier; blue: less likely.", f"{colours}."]
        case Occlusion():
            gone = "an image token is" if found.block == 1 else f"{found.block}×{found.block} image tokens are"
            least = "" if values.scale[1] > A_FIFTH else ", which is 20% less likely"
            same = least or ("" if selection.of_answer.token is None else ", the same for all tokens of the answer")
            return [
                f"Red: {whose} loses log-probability where {gone} replaced; blue: gains.",
                f"Replaced by the {found.by} image token. {colours}{same}.",
            ]
    return attention_meaning(results, selection)


def attention_meaning(results: Results, selection: Selection) -> list[str]:
    """How much of the attention the image had, what draws it whatever is said, and of which layers it is."""
    found, token = attention(results, selection), selection.of_answer.token
    if found is None or answer_values(results, selection) is None:
        return []
    rows = found.weights[: len(results.generation.tokens)] if token is None else found.weights[token : token + 1]
    seen = 100 * float(rows.sum(axis=1).mean())
    sentences = [f"{percent(100 - seen)} of the attention went to text, {percent(seen)} to image tokens."]
    strongest = sorted((sink for sink in found.sunk if sink.piece is not None), key=lambda sink: -sink.share)
    text = [f"'{visible(sink.piece, None)}' {percent(100 * sink.share)}" for sink in strongest[:MOST_SINKS]]
    image = [sink for sink in found.sunk if sink.piece is None]
    if image:
        draw = percent(100 * sum(sink.share for sink in image))
        text.append(f"{count(len(image), 'image token')} (×) {draw}")
    if text:
        sentences.append(f"Attention sinks: {', '.join(text)}.")
    return [*sentences, f"{layers_of(found)}."]


def _largest(drops: NDArray[np.float64]) -> float:
    """The largest number, whatever its sign; 1 where there is none but 0."""
    return _reach((0.0, float(np.abs(drops[np.isfinite(drops)]).max(initial=0.0))))


def _reach(scale: tuple[float, float]) -> float:
    return scale[1] if scale[1] > 0 else 1.0


def _scale(generation: AnswerGeneration, key: ResultKey, values: NDArray[np.float64]) -> tuple[float, float]:
    if key not in generation.scales:
        generation.scales[key] = robust_range(values)
    return generation.scales[key]
