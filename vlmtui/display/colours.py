"""Colours: colour maps for magnitudes and differences, blending, readable text colours, and the xterm 256 colours.

Colours are uint8 sRGB arrays [..., 3]; Oklab is used where perceived distance or evenness matters.
"""

from __future__ import annotations

import base64
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rgb = NDArray[np.uint8]
Colour = tuple[int, int, int]

# viridis of matplotlib (Nathaniel Smith and Stéfan van der Walt, CC0): 256 colours of three bytes
_VIRIDIS = (
    r"L;+Mp0#-!?S49O`Mh99(2wX-AT}BIDM-5;{4q-<SV@DBWM-yd86lX{lXh;`nNEm8J8f-`#ZAct$NF8rTA8<$@aY!L^NF#JeBy~t7"
    r"c1R|7NGNznDS1aKdPgjJM=g6tE__EXeMT^TMlyazGk-=jfJHTdMK^&(ID$kugG4%mL_35-J%mF(g+f1tLO_N>L54v>he1S#Kt+f^"
    r"Mu<O0h(Ab)K1qo_N{K#9iakw=Jx+=|Pl`NHi#t(^J5q}}Q;RxOj5$?|IaZ7~Sd2JXj5k`0H(QN1T#YtejWu44HD8T1V2w0kjWc46"
    r"Gh>Z1WR5arjxlDAF=vi3XpS&xjxcJDFKdo3Y>qB%jxKJFE^m%4aE>i;jx2GGEOL%4bB-%?jw^MJDt3-4caAD}jwyMLDSD16dyXi4"
    r"jwpSOCw`76e~u@BjwXSQCW4M8f{rDFjwOVSC54V8hK?kMjw6VUBZ-b9ij5+RjUtSVB8`n9j*TIYjUkYYA(4zAl8hjdj3ASYAC!zA"
    r"m5U#iiyxPZADD|DnTj8piXNMa9-N6Dorxcwi65VcAE1aIp@<)$haaMcAftvLq=q4-g(0SeBBzBSsDvY_gCwehC98rZtb!)3fhVnj"
    r"D6W7huYW4Ae=M<nEwX(svwSbKd@;3qGPZg&ws|$Tc{jLtIJtK^x^_Febv?XvKfH55y>ddnaYVmxM!;`K!EQ>yZA`*!PQz<Z#A;H-"
    r"X;j5%R>o&o$7Nc`WL(H&Uddu$%3x#5UuDZ)XUtq_&0B2ET5ir*aL-qB&{lQORCm!+deKpQ(olcXPJz=+gw#uh)k%rfNQ>4+j@Ctx"
    r"*F%%nL6z7*nAkp>**u-uJD}P*qS`m5+cv1%G^*S(t=urM-7m7;Ew$b&xZWwc-YC7_Ccxh%!rvps;33H1Aj;t%&EXx;;T+Q98`a_("
    r"*y0)5;~CxK7~kU<;^Y|R<QeDW8S3R4?ByHp<s9+l9rWfN_U0h?<{|s%BmL(k"
)

VIRIDIS: Rgb = np.frombuffer(base64.b85decode(_VIRIDIS), dtype=np.uint8).reshape(256, 3)


def magnitude_colours(values: ArrayLike, low: float, high: float) -> Rgb:
    """Map values to viridis, `low` (dark) to `high` (yellow), uint8 [..., 3]; non-finite values are mid-grey."""
    return _mapped(VIRIDIS, values, low, high)


def difference_colours(values: ArrayLike, reach: float) -> Rgb:
    """Map values from blue (−`reach`) over near-white (0) to red (+`reach`), uint8 [..., 3]."""
    return _mapped(_diverging(), values, -reach, reach)


def component_colours(numbers: ArrayLike) -> Rgb:
    """Map three components [..., 3] to red, green and blue, uint8 [..., 3]: 0 is mid-grey, ±1 are the extremes."""
    shares = np.clip(np.nan_to_num(np.asarray(numbers, np.float64)), -1.0, 1.0)
    return np.asarray(np.rint(128 + 120 * shares), dtype=np.uint8)


def rgb_colours(shares: ArrayLike) -> Rgb:
    """Convert red, green and blue in 0 … 1 [..., 3] to uint8 [..., 3]; non-finite values become 0."""
    return np.asarray(np.rint(255 * np.clip(np.nan_to_num(np.asarray(shares, np.float64)), 0.0, 1.0)), dtype=np.uint8)


def _mapped(table: Rgb, values: ArrayLike, low: float, high: float) -> Rgb:
    array = np.asarray(values, dtype=np.float64)
    span = high - low if high > low else 1.0
    finite = np.isfinite(array)
    place = np.clip((np.where(finite, array, low) - low) / span, 0.0, 1.0)
    colours = table[np.rint(place * (len(table) - 1)).astype(np.intp)]
    return np.where(finite[..., None], colours, np.uint8(128)).astype(np.uint8)


def robust_range(values: ArrayLike, lower: float = 2.0, upper: float = 98.0) -> tuple[float, float]:
    """The 2nd and 98th percentile of the finite values: a scale that single outliers do not flatten.

    (0, 1) without finite values; with a margin of 0.5 around values that are all equal.
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[np.isfinite(array)]
    if array.size == 0:
        return 0.0, 1.0
    low, high = (float(x) for x in np.percentile(array, [lower, upper]))
    if high > low:
        return low, high
    low, high = float(array.min()), float(array.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def blend(under: ArrayLike, over: ArrayLike, share: float) -> Rgb:
    """Blend `over` onto `under` with opacity `share` (0–1); both uint8 [..., 3]."""
    mixed = np.asarray(under, np.float32) * (1.0 - share) + np.asarray(over, np.float32) * share
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)


def brightness(rgb: ArrayLike) -> Rgb:
    """Convert to greys by Rec. 709 weights, uint8 [..., 3]: the background of a heat map."""
    grey = np.asarray(rgb, np.float32) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    grey8 = np.clip(np.rint(grey), 0, 255).astype(np.uint8)
    return np.repeat(grey8[..., None], 3, axis=-1)


def shading(rgb: ArrayLike) -> Rgb:
    """`brightness` in 16 steps, uint8 [..., 3]: enough below a heat map, and less to send to a terminal."""
    return np.asarray(brightness(rgb) & np.uint8(0xF0) | np.uint8(0x08))


def luminance(rgb: ArrayLike) -> NDArray[np.float64]:
    """Relative luminance of WCAG 2.2, 0 (black) to 1 (white) [...]."""
    return np.asarray(_linear(rgb) @ np.array([0.2126, 0.7152, 0.0722]))


def contrast(one: ArrayLike, other: ArrayLike) -> float:
    """The contrast of two colours, 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((float(luminance(one)), float(luminance(other))))
    return (light + 0.05) / (dark + 0.05)


def ink(rgb: ArrayLike) -> Colour:
    """Black or white, whichever has the higher contrast with this colour (WCAG 2.2)."""
    light = float(luminance(rgb))
    # 1.05 / (L + .05) against (L + .05) / .05: equal at L = .179
    return (255, 255, 255) if (light + 0.05) ** 2 < 1.05 * 0.05 else (0, 0, 0)


def hex_colour(rgb: ArrayLike) -> str:
    """Format a colour as `#b1c4d6`."""
    red, green, blue = (int(x) for x in np.asarray(rgb).reshape(3))
    return f"#{red:02x}{green:02x}{blue:02x}"


def oklab(rgb: ArrayLike, eyes: ArrayLike | None = None) -> NDArray[np.float64]:
    """Oklab coordinates of sRGB colours (Björn Ottosson, 2020), float64 [..., 3], whose distances are perceptual; with
    `eyes`, a matrix [3, 3] of linear RGB, of what these see."""
    linear = _linear(rgb)
    if eyes is not None:
        linear = np.clip(linear @ np.asarray(eyes, np.float64).T, 0.0, 1.0)
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def _linear(rgb: ArrayLike) -> NDArray[np.float64]:
    share = np.asarray(rgb, np.float64) / 255.0
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


@lru_cache(maxsize=1)
def _diverging() -> Rgb:
    """Blue to near-white to red, linear in Oklab, so that equal steps look equal on both sides of zero."""
    ends = oklab(np.array([[33, 102, 172], [242, 242, 242], [178, 24, 43]]))
    share = np.linspace(-1.0, 1.0, 255)[:, None]
    lab = np.where(share < 0, ends[1] + (ends[0] - ends[1]) * -share, ends[1] + (ends[2] - ends[1]) * share)
    linear = (lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T
    linear = np.clip(linear, 0.0, 1.0)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(srgb * 255), dtype=np.uint8)


@lru_cache(maxsize=1)
def xterm_palette() -> Rgb:
    """The 240 fixed colours of a 256-colour terminal, numbers 16 to 255, uint8 [240, 3].

    The first 16 depend on the terminal's theme and are not used.
    """
    steps = (0, 95, 135, 175, 215, 255)
    cube = [(r, g, b) for r in steps for g in steps for b in steps]
    greys = [(8 + 10 * i,) * 3 for i in range(24)]
    return np.array(cube + greys, dtype=np.uint8)


@lru_cache(maxsize=1)
def _palette_lab() -> NDArray[np.float64]:
    return oklab(xterm_palette())


def xterm256(rgb: ArrayLike) -> NDArray[np.uint8]:
    """The numbers (16–255) of the perceptually nearest xterm colours, uint8 [...] for colours [..., 3].

    Nearest in Oklab, since the nearest in RGB turns dark colours black.
    """
    colours = np.asarray(rgb, dtype=np.uint8)
    flat = colours.reshape(-1, 3).astype(np.uint32)
    packed, back = np.unique(flat[:, 0] << 16 | flat[:, 1] << 8 | flat[:, 2], return_inverse=True)
    unique = np.stack([packed >> 16, packed >> 8 & 255, packed & 255], axis=-1)
    palette = _palette_lab()
    lab = oklab(unique)
    # |a − b|² without the cross product's [colours, 240, 3]
    distance = (palette**2).sum(-1)[None, :] - 2.0 * lab @ palette.T
    numbers = (np.argmin(distance, axis=1) + 16).astype(np.uint8)
    return np.asarray(numbers[back].reshape(colours.shape[:-1]), dtype=np.uint8)


@lru_cache(maxsize=1 << 16)
def xterm_number(rgb: Colour) -> int:
    """The number (16–255) of the perceptually nearest xterm colour; cached."""
    return int(xterm256(np.array(rgb, dtype=np.uint8)))


@lru_cache(maxsize=1 << 16)
def xterm_colour(rgb: Colour) -> Colour:
    """The colour that a 256-colour terminal shows for `rgb`; cached."""
    red, green, blue = (int(x) for x in xterm_palette()[xterm_number(rgb) - 16])
    return red, green, blue
