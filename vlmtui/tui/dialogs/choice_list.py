"""List of choices in a dialog: Textual's, whose page keys also work before it has been laid out."""

from __future__ import annotations

from textual.widgets import OptionList


class ChoiceList(OptionList):
    """Options, one of them highlighted. Without a height there are no pages: a page key moves by one option."""

    def action_page_up(self) -> None:
        """Move up by a page."""
        if self.scrollable_content_region:
            super().action_page_up()  # type: ignore[no-untyped-call]
        else:
            self.action_cursor_up()

    def action_page_down(self) -> None:
        """Move down by a page."""
        if self.scrollable_content_region:
            super().action_page_down()  # type: ignore[no-untyped-call]
        else:
            self.action_cursor_down()
