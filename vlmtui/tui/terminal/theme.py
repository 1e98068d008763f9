"""Theme: the colours of the screen by what they mean, dark and light.

One accent says "here" and "first", blue is measured, red only outliers and failures, green only "alive".
"""

from __future__ import annotations

from dataclasses import dataclass

from rich.color import Color
from rich.style import Style
from textual.app import App
from textual.theme import BUILTIN_THEMES, Theme

DARK_NAME = "vlmtui-dark"
LIGHT_NAME = "vlmtui-light"


@dataclass(frozen=True)
class Roles:
    """A colour for each meaning, as "#rrggbb"."""

    ground: str
    raised: str
    strong: str
    text: str
    dim: str
    rule: str
    accent: str
    accent_soft: str
    on_accent: str
    measured: str
    band: str
    outlier: str
    alive: str

    def style(self, role: str = "text", on: str = "ground", bold: bool = False) -> Style:
        """The Rich style of a role on another."""
        return Style(color=Color.parse(getattr(self, role)), bgcolor=Color.parse(getattr(self, on)), bold=bold)


DARK = Roles(
    ground="#0d1117",
    raised="#161c26",
    strong="#f2f5f9",
    text="#b9c2cd",
    dim="#76808d",
    rule="#3a4452",
    accent="#f2b036",
    accent_soft="#8a6a2b",
    on_accent="#14100a",
    measured="#58a6e8",
    band="#22303f",
    outlier="#e5534b",
    alive="#4cc35e",
)
LIGHT = Roles(
    ground="#fbfaf7",
    raised="#eeece6",
    strong="#111417",
    text="#353b42",
    dim="#6b7178",
    rule="#c9c6bd",
    accent="#a86400",
    accent_soft="#d9b98a",
    on_accent="#fffaf0",
    measured="#2470b8",
    band="#d3dfea",
    outlier="#c02c24",
    alive="#1f7a33",
)


def roles(app: App[object]) -> Roles:
    """The roles of the theme in force; foreign themes get the dress that fits their darkness."""
    return DARK if app.current_theme.dark else LIGHT


def themes() -> tuple[Theme, Theme]:
    """The two themes as Textual knows them, so that dialogs and toasts wear the same colours."""
    return _theme(DARK_NAME, DARK, True), _theme(LIGHT_NAME, LIGHT, False)


def theme_names() -> tuple[str, ...]:
    """The names of all themes: the two here, and Textual's."""
    return DARK_NAME, LIGHT_NAME, *BUILTIN_THEMES


def _theme(name: str, r: Roles, dark: bool) -> Theme:
    return Theme(
        name=name,
        dark=dark,
        primary=r.accent,
        secondary=r.measured,
        accent=r.accent,
        foreground=r.text,
        background=r.ground,
        surface=r.raised,
        panel=r.raised,
        success=r.alive,
        warning=r.accent,
        error=r.outlier,
        variables={"border": r.rule, "input-selection-background": f"{r.accent} 35%"},
    )
