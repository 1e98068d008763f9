"""The explorer's keys for the model's own answers: ask, look at where it looked, take patches away, ask again."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image
from textual import on
from textual.binding import Binding

from vlmtui.display.grid_names import as_sentence
from vlmtui.display.numbers import count
from vlmtui.display.pieces import plain
from vlmtui.lenses.lens_text import LensResult
from vlmtui.results.answers import Attention, AttentionMask
from vlmtui.results.replacement import Replacement
from vlmtui.tui import messages, navigation, replies
from vlmtui.tui.lensing import Lensing
from vlmtui.tui.panels.answer import AnswerTokenPointed
from vlmtui.tui.screens.dialogs import TextDialog
from vlmtui.tui.screens.replacement import ChooseReplacement
from vlmtui.tui.session_worker import SessionWorker
from vlmtui.tui.standing import IDLE
from vlmtui.tui.state import attribution, lens_panel, marks
from vlmtui.tui.state.generation import (
    ATTENTION,
    ATTRIBUTIONS,
    DESCRIBE,
    NO_ANSWER,
    OCCLUSION,
    TIMED,
    AblatedGeneration,
    AnswerAsking,
    Generation,
    LensOf,
    OcclusionOf,
    Wanted,
    block_for,
)
from vlmtui.tui.state.lens_values import STOPPED
from vlmtui.tui.state.results import Selection
from vlmtui.tui.state.stages import ANSWER, TOKENS


class Speaking(Lensing):
    """Has the model answer, and looks at what the answer is made of."""

    BINDINGS = [
        Binding("a", "ask", "ask the model"),
        Binding("escape", "stop", "stop the answer, or what is being read"),
        Binding("comma,less_than_sign", "token(-1)", "answer: the token before"),
        Binding("full_stop,greater_than_sign", "token(1)", "answer: the next token"),
        Binding("v", "way", ", ".join(ATTRIBUTIONS[:-1])),
        Binding("left_curly_bracket", "layer(-1)", "attention: the layer before"),
        Binding("right_curly_bracket", "layer(1)", "attention: the next layer"),
        Binding("H", "head", "attention: the next head"),
        Binding("x", "ablate", "ask again without the marked tokens"),
        Binding("O", "occlude", "occlusion map"),
        Binding("K", "mask", "attention mask"),
    ]

    def __init__(self, worker: SessionWorker, picture: Image.Image) -> None:
        super().__init__(worker, picture)
        self._answers = AnswerAsking()
        self._number = 0
        self._question = ""
        self._stand: Replacement = "mean"

    # what arrives

    @on(replies.AnswerProgressed)
    def _answer_progressed(self, message: replies.AnswerProgressed) -> None:
        if self._answering or self._answers.under_way:
            stops = " (Esc stops)" if self._answering or self._answers.occluding else ""
            self._work_progressed(messages.WorkProgressed(f"{message.doing}{stops}", message.done, message.total))

    @on(replies.TokenSaid)
    def _token_said(self, message: replies.TokenSaid) -> None:
        generation, said = self._results.generation, message.said
        if generation.speaking and message.number == generation.number:
            first = not generation.tokens
            generation.say(said.number, said.token, said.text, said.answer)
            self._standing.work = messages.WorkProgressed(f"answering (Esc stops): {count(said.number, 'token')}")
            if first:
                self._show_picture()
            self._arrange()
        elif generation.again is not None and message.number == generation.again.number:
            generation.again.text = said.text
        else:
            return
        self._show_state()
        self._show_panels()

    @on(replies.AnswerGiven)
    def _answer_given(self, message: replies.AnswerGiven) -> None:
        if message.number == self._results.generation.number and self._results.generation.speaking:
            self._results.generation.end(message.answer)
            self._standing.seconds = ("answer", message.answer.seconds)
            self._said()

    @on(replies.AblationArrived)
    def _ablation_arrived(self, message: replies.AblationArrived) -> None:
        again = self._results.generation.again
        if again is not None and again.number == message.number:
            again.ablation, again.text = message.ablation, message.ablation.again.text
            self._standing.seconds = ("asked again", message.ablation.seconds)
            self._said()

    @on(replies.AnswerFailed)
    def _answer_failed(self, message: replies.AnswerFailed) -> None:
        generation = self._results.generation
        if generation.again is not None and message.number == generation.again.number:
            generation.again = None
        elif message.number == generation.number:
            self._unsay()
        else:
            return
        self.notify(message.sentence, title="no answer", severity="error", timeout=12, markup=False)
        self._said()

    @on(replies.FindingArrived)
    def _finding_arrived(self, message: replies.FindingArrived) -> None:
        generation, found = self._results.generation, message.found
        if message.number != generation.number:
            return
        self._answers.done(message.wanted)
        generation.found[message.wanted] = found
        if isinstance(found, Attention):
            generation.latest = found
        if isinstance(found, LensResult):
            self._standing.seconds = (plain(found.call.name or found.call.lens.shown), found.seconds)
        elif not isinstance(found, AttentionMask):
            self._standing.seconds = (TIMED[type(found)], found.seconds)
        self._found()

    @on(replies.FindingFailed)
    def _finding_failed(self, message: replies.FindingFailed) -> None:
        if message.number == self._results.generation.number:
            self._answers.done(message.wanted)
            self._results.generation.refused[message.wanted] = message.sentence
            if isinstance(message.wanted, LensOf) and (own := self._own(message.wanted.call.lens)) is not None:
                self.notify(message.sentence, title=own.name, severity="error", timeout=12, markup=False)
            self._found()

    # what is asked for

    def _ask_words(self) -> None:
        super()._ask_words()
        results, selection = self._results, self._selection
        if not self._current or results.reading is None or self._answering:
            return
        wanted: list[Wanted | None] = [attribution.mask_wanted(selection)]
        if selection.stage == ANSWER and selection.of_answer.mask is None:
            wanted.append(attribution.wanted(results, selection))
        for one in wanted:
            # an occlusion map takes long, and is asked for by its own key
            if one is not None and not isinstance(one, OcclusionOf) and self._answers.missing(results.generation, one):
                self._look(one)

    def _look(self, wanted: Wanted) -> None:
        assert self._results.reading is not None
        self._answers.asked(wanted)
        self._worker.look(
            self._results.generation.number, self._results.reading.id, self._results.generation.id, wanted
        )

    def _forget(self) -> None:
        super()._forget()
        self._answers.forget()
        generation = self._results.generation
        generation.speaking = False
        if generation.again is not None and generation.again.ablation is None:
            generation.again = None

    # keys

    def action_ask(self) -> None:
        """Ask for a question, and put it to the model."""
        if self._results.reading is None or not self._current:
            self.notify("the model has not read the picture yet", timeout=4)
            return
        model = self._results.reading.model
        if model.embeddings is None:
            self.notify(as_sentence(model.wordless), title="no answer", timeout=8, markup=False)
            return

        def put(question: str | None) -> None:
            if question is not None:
                self._question = question
                self._put(question)

        hint = f"about the picture · without one: {DESCRIBE} · Esc stops the answer"
        self.app.push_screen(TextDialog("Ask the model", hint, str, self._question), put)

    def _put(self, question: str) -> None:
        if self._results.reading is None or not self._current:
            return
        self._number += 1
        self._results.generation = Generation(question or DESCRIBE, self._number, speaking=True)
        self._answers.forget()
        self._standing.work = messages.WorkProgressed("asking the model")
        self._worker.answer(self._number, self._results.reading.id, question or None)
        selection = navigation.at_stage(self._selection, self._results, ANSWER)
        self._choose(replace(selection, of_answer=replace(selection.of_answer, token=0, mask=None)))
        self._show_all()

    def action_stop(self) -> None:
        """Stop the answer, what was said of it stays; or an occlusion map; or leave the layers being read."""
        if self._answering:
            self._worker.leave_answer()
            generation = self._results.generation
            generation.speaking = False
            if generation.again is not None and generation.again.ablation is None:
                generation.again = None
            if not generation.tokens:
                self._unsay()
            self._said()
        elif self._answers.occluding:
            self._worker.leave_answer()
            self._answers.forget()
            self._found()
        elif self._layers.under_way:
            self.action_leave_layers()
        elif self._withdrawn():
            pass
        elif self._results.generation.again is not None:
            self._results.generation.again = None
            self._show_panels()

    @property
    def nothing_to_lose(self) -> bool:
        """Whether no picture has been read yet."""
        return self._results.reading is None

    def interrupted(self) -> bool:
        """Stop what goes on, as Ctrl-C does; False where nothing does."""
        if self._playing is not None:
            self._stop_playing()
        elif self._answering or self._answers.occluding or self._layers.under_way:
            self.action_stop()
        else:
            return self._withdrawn()
        return True

    def _withdrawn(self) -> bool:
        wanted = self._answers.of_answer()
        if wanted is None or self._own(wanted.call.lens) is None:
            return super()._withdrawn()
        self._worker.leave_lens()
        self._answers.done(wanted)
        self._results.generation.refused[wanted] = STOPPED
        self._found()
        return True

    def _choose_anew(self, selection: Selection) -> None:
        refused = self._results.generation.refused
        for asked in [asked for asked, why in refused.items() if why == STOPPED]:
            del refused[asked]
        super()._choose_anew(selection)

    def action_token(self, step: int) -> None:
        """Another token of the answer."""
        if self._results.generation.ready:
            self._look_at(token=self._selection.of_answer.next_token(step, len(self._results.generation.tokens)).token)
        else:
            self._say_no_answer()

    @on(AnswerTokenPointed)
    def _token_pointed(self, message: AnswerTokenPointed) -> None:
        if self._results.generation.ready:
            self._look_at(token=message.token)

    def action_way(self) -> None:
        """Another way to look at the answer."""
        if self._results.generation.begun:
            own = [lens.name for lens in self._results.lenses.values() if lens.of_answers]
            self._look_at(attribution=self._selection.of_answer.next_attribution(own).attribution)
        else:
            self._say_no_answer()

    def action_layer(self, step: int) -> None:
        """The attention, or the mask, of another layer; before the first comes the mean of all."""
        of_answer, model = self._selection.of_answer, self._results.model
        layers = model.llm_layers if model else 0
        if of_answer.mask is not None and layers:
            self._choose(
                replace(self._selection, of_answer=replace(of_answer, mask=(of_answer.mask - 1 + step) % layers + 1))
            )
        elif not self._results.generation.ready:
            self._say_no_answer()
        else:
            layer = (
                ((of_answer.layer or 0) + step) % (layers + 1)
                if of_answer.attribution == ATTENTION
                else of_answer.layer or 0
            )
            self._look_at(attribution=ATTENTION, layer=layer or None)

    def action_head(self) -> None:
        """The attention of the next head of the layer; after the last the mean of all."""
        of_answer = self._selection.of_answer
        found = attribution.attention(self._results, self._selection)
        if of_answer.layer is None or of_answer.attribution != ATTENTION or found is None:
            self.notify("heads are numbered within a layer: } chooses one", timeout=4)
            return
        head = 0 if of_answer.head is None else of_answer.head + 1
        self._look_at(head=head if head < found.heads else None)

    def action_occlude(self) -> None:
        """Take blocks of patches away, one after the other, and show by how much the answer gets less likely."""
        results = self._results
        if not results.generation.ready or results.reading is None or not self._current:
            self._say_no_answer()
            return
        if wordless := results.reading.model.wordless:
            self.notify(as_sentence(wordless), title="no occlusion map", timeout=8, markup=False)
            return
        self._look_at(attribution=OCCLUSION)
        wanted = OcclusionOf(block_for(results.reading.places)[0])
        results.generation.refused.pop(wanted, None)
        if not self._answering and self._answers.missing(results.generation, wanted):
            self._standing.work = messages.WorkProgressed("taking patches away (Esc stops)")
            self._look(wanted)
            self._show_state()

    def action_ablate(self) -> None:
        """Ask again without the marked tokens."""
        tokens, generation = marks.tokens(self._selection), self._results.generation
        if not generation.ready or not self._current:
            self._say_no_answer()
            return
        if not tokens:
            self.notify("nothing is marked: Space marks the patches to be taken away, then x asks again", timeout=5)
            return

        def take_away(stand: Replacement | None) -> None:
            if stand is not None:
                self._stand = stand
                self._ablate(tokens, stand)

        self.app.push_screen(ChooseReplacement(len(tokens), self._stand), take_away)

    def _ablate(self, tokens: tuple[int, ...], stand: Replacement) -> None:
        generation, reading = self._results.generation, self._results.reading
        if reading is None or not generation.ready or not self._current:
            return
        self._number += 1
        generation.again = AblatedGeneration(self._number, tokens, stand)
        self._answers.forget()
        self._standing.work = messages.WorkProgressed("asking again (Esc stops)")
        self._worker.ablate(self._number, reading.id, generation.id, tokens, stand)
        self._choose(navigation.at_stage(self._selection, self._results, ANSWER))
        self._show_all()

    def action_mask(self) -> None:
        """The attention mask in the place of the picture, or the picture again."""
        reading = self._results.reading
        if reading is None:
            return
        if wrong := reading.model.wordless or ("" if reading.model.llm_layers else "the model has no language model"):
            self.notify(as_sentence(wrong), title="no attention mask", timeout=8, markup=False)
            return
        shown = self._selection.of_answer.mask is not None
        of_answer = replace(self._selection.of_answer, mask=None if shown else self._selection.of_answer.layer or 1)
        self._choose(replace(self._selection, of_answer=of_answer))

    def action_leave_layers(self) -> None:
        """Read the language model's layers no further, and go back to where they are not needed."""
        if self._layers.under_way:
            self._worker.leave_layers()
            self._without_layers()

    def _say_no_answer(self) -> None:
        # while it is being said it is on its way, which is seen
        if not self._results.generation.speaking:
            self.notify(NO_ANSWER, timeout=4)

    @property
    def _answering(self) -> bool:
        """Whether the model is saying something."""
        generation = self._results.generation
        return generation.speaking or (generation.again is not None and generation.again.ablation is None)

    def _look_at(self, **changes: object) -> None:
        """Look at the answer otherwise, from its own stage."""
        selection = replace(self._selection, of_answer=replace(self._selection.of_answer, mask=None, **changes))  # type: ignore[arg-type]
        self._choose(selection if selection.stage == ANSWER else navigation.at_stage(selection, self._results, ANSWER))

    def _unsay(self) -> None:
        """There is no answer: nobody stands at one."""
        self._results.generation = Generation()
        if self._selection.stage == ANSWER:
            self._choose(navigation.at_stage(self._selection, self._results, TOKENS))

    def _said(self) -> None:
        """The model has said what it has to say."""
        self._standing.work = IDLE
        self._worker.status()
        self._ask_words()
        self._show_all()

    def _found(self) -> None:
        if not (self._answering or self._answers.under_way or self._layers.under_way):
            self._standing.work = IDLE
        self._ask_words()
        if lens_panel.lens_in_panel(self._results, self._selection) is not None:
            self._arrange()
        self._show_picture()
        self._show_panels()
        self._show_state()
