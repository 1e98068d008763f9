"""Colour profiles (ICC) of images: they are not applied, which is said where the profile is not sRGB."""

from __future__ import annotations

import io

from PIL import Image

_WRITTEN = 40


def profile_note(image: Image.Image) -> str:
    """One line that says that an image's colour profile is not applied; "" for none, and for sRGB."""
    profile = image.info.get("icc_profile")
    if not profile or not isinstance(profile, bytes):
        return ""
    name = _name(profile)
    if "srgb" in name.lower():
        return ""
    which = f" ({name})" if name else ""
    return f"its colour profile{which} is not applied: the model is given the file's own values"


def _name(profile: bytes) -> str:
    """What a profile calls itself; "" where that cannot be read."""
    try:
        from PIL import ImageCms

        found = ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except Exception:  # a Pillow without the library, or a damaged profile
        return ""
    name = "".join(letter for letter in " ".join(found.split()) if letter.isprintable())
    return name[:_WRITTEN]
