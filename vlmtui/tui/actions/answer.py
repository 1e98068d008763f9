"""Actions on the model's answer: ask, stop, choose tokens and attributions, occlusion, ablation, the mask."""

from __future__ import annotations

from dataclasses import replace

from vlmtui.display.grid_names import as_sentence
from vlmtui.lenses.lens_source import LensCall
from vlmtui.results.replacement import Replacement
from vlmtui.tui.actions.context import ActionContext
from vlmtui.tui.dialogs.replacement import ReplacementDialog
from vlmtui.tui.dialogs.text import TextDialog
from vlmtui.tui.notices import IMAGE, KEY
from vlmtui.tui.state import marks
from vlmtui.tui.state.answer_values import about_answer, attention
from vlmtui.tui.state.generation import DESCRIBE, NO_ANSWER, AblatedAnswer, AnswerGeneration, block_for
from vlmtui.tui.state.lens_values import STOPPED, overlay_lens
from vlmtui.tui.state.page_words import chosen_word
from vlmtui.tui.state.selection import ATTENTION, NONE, OCCLUSION
from vlmtui.tui.state.stages import ANSWER, PIXELS
from vlmtui.tui.state.status import READY, Work
from vlmtui.tui.state.subject import AblateAnswer, GenerateAnswer, LayersLens, Need, OcclusionLens, Subject

NOTHING_YET = "stopped before the first token: a asks again, with the same question"
OCCLUSION_STOPPED = "occlusion map: stopped; O starts it again"


def ask(context: ActionContext) -> None:
    """Ask for a question, and put it to the model."""
    state, reading = context.state, context.state.results.reading
    if reading is None or not state.connected:
        context.notify("the model has not read the image yet", timeout=4, about=(KEY, IMAGE))
        return
    if reading.model.embeddings is None:
        context.notify(as_sentence(reading.model.wordless), title="no answer", timeout=8)
        return

    def put(question: str) -> None:
        state.question = question
        if state.results.reading is None or not state.connected:
            return
        state.questions += 1
        state.results.generation = AnswerGeneration(question or DESCRIBE, state.questions, speaking=True)
        context.requests.forget(of_answer=True)
        state.status.work = Work("asking the model")
        context.requests.ask(
            state.results, Need(Subject(ANSWER, None, state.questions), GenerateAnswer(question or None))
        )
        state.look_at(token=0)

    hint = f"about the image · if empty: {DESCRIBE} · Esc stops the answer"
    context.dialog(TextDialog("Ask the model", hint, str, state.question), put)


def stop(context: ActionContext) -> None:
    """Leave the pixels of a patch; or stop the answer, what was generated of it stays; or an occlusion map; or leave
    the layers being read; or go from one word back to all; or leave what was searched for."""
    state, requests, generation = context.state, context.requests, context.state.generation
    if state.selection.pixel is not None and state.selection.stage == PIXELS:
        state.selection = replace(state.selection, pixel=None)
    elif generation.under_way:
        requests.cancel(GenerateAnswer, AblateAnswer)
        generation.stop()
        if not generation.tokens:
            state.no_generation()
            context.notify(NOTHING_YET, timeout=5, about=(KEY,))
        state.status.work = READY
        context.worker.status()
    elif (stopped := requests.cancel(OcclusionLens)) is not None:
        generation.occluding = False
        state.results.refused[stopped.key] = OCCLUSION_STOPPED
        requests.forget(of_answer=True)
        context.events.idle()
    elif requests.has(LayersLens):
        leave_layers(context)
    elif chosen_word(state.results, state.selection):
        state.selection = replace(state.selection, word="")
    elif withdraw(context):
        return
    elif generation.again is not None:
        generation.again = None
    elif (lens := overlay_lens(state.selection, state.results)) is not None and lens.offer.word:
        state.selection = replace(state.selection, overlay=NONE)


def interrupt(context: ActionContext) -> bool:
    """Stop what goes on, as Ctrl-C does; False where nothing does."""
    state, requests = context.state, context.requests
    if state.playing:
        state.playing = False
    elif state.generation.under_way or requests.has(OcclusionLens, LayersLens):
        stop(context)
    else:
        return withdraw(context)
    return True


def withdraw(context: ActionContext) -> bool:
    """Stop what a lens of the person's own is asked for; False where it is asked for nothing."""
    results = context.state.results
    sources = {one.source for one in results.lenses.values()}
    request = context.requests.cancel_call(lambda call: call.lens in sources)
    if request is None:
        return False
    subject = request.subject
    assert isinstance(request.lens, LensCall)
    results.refused[subject if subject.answer else Subject(subject.stage), request.lens] = STOPPED
    context.events.idle()
    return True


def leave_layers(context: ActionContext) -> None:
    """Read the language model's layers no further, and go back to where they are not needed."""
    if context.requests.cancel(LayersLens):
        context.events.idle()
        context.state.leave_layers()


def token(context: ActionContext, step: int) -> None:
    """Another token of the answer."""
    state = context.state
    if state.generation.ready:
        following = state.selection.of_answer.next_token(step, len(state.generation.tokens))
        state.look_at(token=following.token)
    else:
        _say_no_answer(context)


def attribution(context: ActionContext) -> None:
    """Another attribution of the answer."""
    state = context.state
    if state.generation.begun:
        own = [lens.name for lens in state.results.lenses.values() if lens.of_answers]
        state.look_at(attribution=state.selection.of_answer.next_attribution(own).attribution)
    else:
        _say_no_answer(context)


def layer(context: ActionContext, step: int) -> None:
    """The attention, or the mask, of another layer; before the first comes the mean of all."""
    state, chosen = context.state, context.state.selection.of_answer
    layers = state.results.model.llm_layers if state.results.model else 0
    if chosen.mask is not None and layers:
        masked = replace(chosen, mask=(chosen.mask - 1 + step) % layers + 1)
        state.selection = replace(state.selection, of_answer=masked)
    elif not state.generation.ready:
        _say_no_answer(context)
    else:
        at = chosen.layer or 0
        following = (at + step) % (layers + 1) if chosen.attribution == ATTENTION else at
        state.look_at(attribution=ATTENTION, layer=following or None)


def head(context: ActionContext) -> None:
    """The attention of the next head of the layer; after the last the mean of all."""
    if not context.state.generation.ready:
        _say_no_answer(context)
        return
    chosen, found = context.state.selection.of_answer, attention(context.state.results, context.state.selection)
    if chosen.layer is None or chosen.attribution != ATTENTION or found is None:
        context.notify("heads are those of one layer: } chooses a layer", timeout=4)
        return
    following = 0 if chosen.head is None else chosen.head + 1
    context.state.look_at(head=following if following < found.heads else None)


def occlude(context: ActionContext) -> None:
    """Replace blocks of patches, one after the other, and show by how much the answer gets less likely."""
    state, reading = context.state, context.state.results.reading
    if state.generation.under_way:
        context.notify("the answer is still being generated: press O again when it has ended", timeout=4)
        return
    if not state.generation.ready or reading is None or not state.connected:
        _say_no_answer(context)
        return
    if wordless := reading.model.wordless:
        context.notify(as_sentence(wordless), title="no occlusion map", timeout=8)
        return
    state.look_at(attribution=OCCLUSION)
    key = about_answer(state.results, OcclusionLens(block_for(reading.places)[0]))
    state.results.refused.pop(key, None)
    if key not in state.results.found and not context.requests.awaits(key):
        state.generation.occluding = True
        state.status.work = Work("replacing patches (Esc stops)")
        context.requests.ask(state.results, Need(*key))


def ablate(context: ActionContext) -> None:
    """Ask again with the marked tokens replaced."""
    state, requests = context.state, context.requests
    tokens = marks.marked_tokens(state.selection)
    if not state.generation.ready or not state.connected:
        _say_no_answer(context)
        return
    if not tokens:
        said = "nothing is marked: Space marks the patches to replace, then x asks again"
        context.notify(said, timeout=5)
        return

    def replace_them(by: Replacement) -> None:
        state.replacement = by
        if state.results.reading is None or not state.generation.ready or not state.connected:
            return
        state.generation.again, state.generation.occluding = AblatedAnswer(tokens, by), False
        requests.forget(of_answer=True)
        state.status.work = Work("asking again (Esc stops)")
        requests.ask(state.results, Need(*about_answer(state.results, AblateAnswer(tokens, by))))
        state.at_stage(ANSWER)

    context.dialog(ReplacementDialog(len(tokens), state.replacement), replace_them)


def mask(context: ActionContext) -> None:
    """The attention mask in the place of the image, or the image again."""
    state, reading = context.state, context.state.results.reading
    if reading is None:
        return
    if wrong := reading.model.wordless or ("" if reading.model.llm_layers else "the model has no language model"):
        context.notify(as_sentence(wrong), title="no attention mask", timeout=8)
        return
    chosen = state.selection.of_answer
    shown = replace(chosen, mask=None if chosen.mask is not None else chosen.layer or 1)
    state.selection = replace(state.selection, of_answer=shown)


def _say_no_answer(context: ActionContext) -> None:
    if not context.state.connected and context.state.generation.ready:
        context.notify("the session has ended: R restarts it", timeout=4)
    # while it is being generated it is on its way, which is seen
    elif not context.state.generation.speaking:
        context.notify(NO_ANSWER, timeout=4)
