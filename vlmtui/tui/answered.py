"""The numbers of an answer as they are shown on the picture: which, on what scale, and in words what they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlmtui.display.colours import robust_range
from vlmtui.display.numbers import count, figure, percent
from vlmtui.display.pieces import fit, plain, visible, width
from vlmtui.lenses import wording
from vlmtui.lenses.kinds import ResultKind, Scalars, TokenMaps
from vlmtui.lenses.source import call
from vlmtui.lenses.wording import LensResult
from vlmtui.results.answers import AnswerToken, Attention, Gradient, Occlusion
from vlmtui.tui import answering
from vlmtui.tui.answering import AttentionOf, GradientOf, LensOf, MaskOf, OcclusionOf, Speech, Wanted, block_for

if TYPE_CHECKING:
    from vlmtui.tui.view import Known, View

WHOLE = "the whole answer"
NAME_CELLS = 16
MOST_SINKS = 3


@dataclass(frozen=True)
class Numbers:
    """One number for every image token [image tokens], and what they are; `sinks` marks those that draw attention
    whatever is said."""

    values: NDArray[np.float64]
    scale: tuple[float, float]
    what: str
    diverging: bool = False
    sinks: NDArray[np.bool_] | None = None


def wanted(known: Known, view: View) -> Wanted | None:
    """What the view needs to have been asked, and None where nothing is shown."""
    looking = view.looking
    if not known.speech.ready or known.reading is None or known.reading.model.wordless:
        return None
    if own := known.lenses.get(looking.way):
        return None if own.missing else LensOf(own.call, known.entry(view) if own.of_single else None)
    match looking.way:
        case answering.NOTHING:
            return None
        case answering.ATTENTION:
            return AttentionOf(looking.layer, looking.head if looking.layer is not None else None, False)
        case answering.ROLLOUT:
            return AttentionOf(None, None, True)
        case answering.GRADIENT:
            return GradientOf(looking.token)
        case answering.OCCLUSION:
            return OcclusionOf(block_for(known.reading.places)[0])
    return LensOf(call(looking.way)) if looking.way in answering.WAYS else None


def mask_wanted(view: View) -> MaskOf | None:
    """The mask that is drawn, if one is."""
    return None if view.looking.mask is None else MaskOf(view.looking.mask)


def attention(known: Known, view: View) -> Attention | None:
    """The attention to show: while that of another layer or head is on its way, the one before."""
    asked = wanted(known, view)
    if not isinstance(asked, AttentionOf):
        return None
    found, latest = known.speech.found.get(asked), known.speech.latest
    if isinstance(found, Attention):
        return found
    same = latest is not None and latest.rollout == asked.rollout and asked not in known.speech.refused
    return latest if same else None


def numbers(known: Known, view: View) -> Numbers | None:
    """What the view shows of the answer, or None where it has not come."""
    asked, speech, token = wanted(known, view), known.speech, view.looking.token
    if asked is None:
        return None
    found = attention(known, view) if isinstance(asked, AttentionOf) else speech.found.get(asked)
    whose = said(known, token)
    match found:
        case Attention():
            key = AttentionOf(found.layer, found.head, found.rollout)
            # of an answer that was stopped the session may have heard one token more
            rows = found.weights[: len(speech.tokens)].astype(np.float64)
            if not len(rows) or (token is not None and token >= len(rows)):
                return None
            values = rows.mean(axis=0) if token is None else rows[token]
            # one scale for all tokens of the answer, so that they can be compared
            scale = _scale(speech, key, rows)
            return Numbers(values, (0.0, scale[1]), f"{whose}: {_brief(found)}", sinks=found.sinks)
        case Gradient():
            values = found.numbers.astype(np.float64)
            reach = _reach(_scale(speech, asked, np.abs(values)))
            return Numbers(values, (-reach, reach), f"{whose}: gradient × input", diverging=True)
        case Occlusion():
            drops = found.drops[:, : len(speech.tokens)].astype(np.float64)
            if token is not None and token >= drops.shape[1]:
                return None
            values = drops.sum(axis=1) if token is None else drops[:, token]
            # the whole answer falls by more than any of its tokens
            reach = _reach(robust_range(np.abs(values)) if token is None else _scale(speech, asked, np.abs(drops)))
            blocks = "" if found.block == 1 else f", {found.block}×{found.block}"
            return Numbers(values, (-reach, reach), f"{whose}: log-prob lost{blocks}", diverging=True)
        case LensResult():
            return _of_lens(speech, asked, found, token, whose)
    return None


def _of_lens(speech: Speech, asked: Wanted, found: LensResult, token: int | None, whose: str) -> Numbers | None:
    """The map of a lens that the explorer knows nothing more of; of the whole answer the mean of its tokens'."""
    what = wording.shown(found.call)
    match found.result:
        case TokenMaps(values=maps):
            rows = maps[: len(speech.tokens)].astype(np.float64)
            if not len(rows) or (token is not None and token >= len(rows)):
                return None
            values, what = (rows.mean(axis=0) if token is None else rows[token]), f"{whose}: {what}"
        case Scalars(values=numbers):
            rows = values = numbers.astype(np.float64)
        case _:
            return None
    if np.any(rows[np.isfinite(rows)] < 0):
        reach = _reach(_scale(speech, asked, np.abs(rows)))
        return Numbers(values, (-reach, reach), what, diverging=True)
    return Numbers(values, _scale(speech, asked, rows), what)


def result(known: Known, view: View) -> ResultKind | None:
    """What a lens that is no map made of the answer, to be told in lines; None without one."""
    asked = wanted(known, view)
    found = known.speech.found.get(asked) if isinstance(asked, LensOf) else None
    return found.result if isinstance(found, LensResult) and not isinstance(found.result, TokenMaps | Scalars) else None


def legend(known: Known, view: View, found: Numbers | None) -> str:
    """The line beneath the picture."""
    if found is not None:
        return found.what
    speech, asked = known.speech, wanted(known, view)
    if view.looking.way == answering.NOTHING:
        return f"overlay: none; v: {answering.WAYS[0]}"
    own = known.lenses.get(view.looking.way)
    if own is not None and own.missing and speech.ready:
        return f"{plain(own.name)} needs its option {own.missing}: Ctrl-P, Lens: options"
    if asked is None:
        return "the answer is being said ..." if speech.speaking else "nothing was said: there is no attention"
    if refused := speech.refused.get(asked):
        return plain(refused)
    if isinstance(asked, OcclusionOf) and known.reading is not None:
        return f"occlusion map: O takes {count(block_for(known.reading.places)[1], 'block')} of patches away in turn"
    if isinstance(asked, LensOf):
        # what it found stands in a panel where it is no map
        there = result(known, view) is not None
        return wording.shown(asked.call) if there else f"{plain(view.looking.way)}: ... (Esc stops)"
    return f"{view.looking.way}: ..."


def key(known: Known, view: View) -> object:
    """What the drawing depends on."""
    asked, speech = wanted(known, view), known.speech
    found = attention(known, view) if isinstance(asked, AttentionOf) else speech.found.get(asked) if asked else None
    return id(found), view.looking, speech.number, speech.speaking, asked in speech.refused


def named(token: AnswerToken) -> str:
    """A token of an answer as it is shown."""
    return visible(token.piece, token.text)


def said(known: Known, token: int | None) -> str:
    """`‹blue›`, or the whole answer."""
    tokens = known.speech.tokens
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


def meaning(known: Known, view: View) -> list[str]:
    """In sentences what the numbers are, most telling first."""
    whose, found = said(known, view.looking.token), numbers(known, view)
    if isinstance(of := known.speech.found.get(wanted(known, view) or MaskOf(0)), LensResult):
        return [of.note] if of.note else []
    if found is None:
        return []
    colours = f"Colours ±{figure(found.scale[1], 3)}"
    match known.speech.found.get(wanted(known, view) or MaskOf(0)):
        case Gradient():
            return [f"Red: more of an image token makes {whose} likelier; blue: less likely.", f"{colours}."]
        case Occlusion() as map_:
            gone = "an image token is" if map_.block == 1 else f"{map_.block}×{map_.block} image tokens are"
            same = "" if view.looking.token is None else ", the same for all tokens of the answer"
            return [
                f"Red: {whose} loses log-probability where {gone} taken away.",
                f"In their place stands the {map_.by} image token. {colours}{same}.",
            ]
    return looked(known, view)


def looked(known: Known, view: View) -> list[str]:
    """How much of the attention the picture had, what draws it whatever is said, and of which layers it is."""
    found, token = attention(known, view), view.looking.token
    shown = numbers(known, view)
    if found is None or shown is None:
        return []
    rows = found.weights[: len(known.speech.tokens)] if token is None else found.weights[token : token + 1]
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
    scale = f"{figure(shown.scale[0], 3)}–{figure(shown.scale[1], 3)}"
    return [*sentences, f"Shown: {layers(found)}; colours {scale}, the same for all tokens of the answer."]


def _reach(scale: tuple[float, float]) -> float:
    return scale[1] if scale[1] > 0 else 1.0


def _scale(speech: Speech, key: Wanted, values: NDArray[np.float64]) -> tuple[float, float]:
    if key not in speech.scales:
        speech.scales[key] = robust_range(values)
    return speech.scales[key]
