"""Scenes of streets: town, traffic, city, rockets and fires."""

from __future__ import annotations

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas, together
from demo_training.drawings.places.materials import one_of
from demo_training.drawings.places.wild import heaven
from demo_training.drawings.textures import construction, land, reflective
from demo_training.drawings.things import buildings, lights, people, vehicles
from demo_training.drawings.things import plants as grown


def _passers(c: Canvas, street: float, least: float = 0.12) -> None:
    for _ in range(int(c.layout.integers(1, 5))):
        tall = c.layout.uniform(least, least * 2.5)
        people.figure(c, c.layout.uniform(0.05, 0.95), street + c.layout.uniform(0.0, 0.12), tall)


def town(c: Canvas) -> str:
    r = c.layout
    street = float(r.uniform(0.62, 0.85))
    heaven(c, 0.5)
    c.paint(*one_of(c, "grass stone road soil"), c.rectangle(0, street - 0.08, 1.01, 1.01))
    x = float(r.uniform(-0.1, 0.1))
    while x < 0.95:
        w, how = r.uniform(0.25, 0.65), r.random()
        if how < 0.7:
            buildings.house(c, x, street - 0.02, w, r.uniform(0.26, 0.6))
        elif how < 0.8:
            buildings.tower(c, x, street - 0.02, w * 0.45, r.uniform(0.4, 0.75))
        else:
            grown.tree(c, x + w / 2, street, r.uniform(0.35, 0.7))
        x += w + r.uniform(0.0, 0.12)
    c.paint("road", construction.asphalt, c.rectangle(0, street, 1.01, r.uniform(0.9, 1.05)), 0.3)
    if r.random() < 0.3:  # a kerb line
        mark = p.tinted(p.among(r, "e8e8e0 d8c060"), 0.12)
        c.paint(
            "road",
            mark,
            together(
                *[
                    c.polygon(
                        [(i * 0.2, 0.93), (i * 0.2 + 0.1, 0.93), (i * 0.2 + 0.09, 0.945), (i * 0.2 - 0.01, 0.945)]
                    )
                    for i in range(6)
                ]
            ),
            0.4,
        )
    if r.random() < 0.3:
        buildings.fence(c, street - 0.12, street, p.log_uniform(r, 0.02, 0.06))
    if r.random() < 0.2:
        vehicles.flag(c, r.uniform(0.1, 0.8), r.uniform(0.08, 0.35), r.uniform(0.12, 0.3), r.uniform(0.08, 0.2), 0.5)
    if r.random() < 0.3:
        lights.lamp(c, r.uniform(0.1, 0.9), r.uniform(0.3, 0.5), r.uniform(0.03, 0.06))
    for _ in range(int(r.integers(0, 3))):
        w = r.uniform(0.25, 0.75)
        vehicles.car(c, r.uniform(-0.1, 0.95 - w * 0.7), min(0.99, street + r.uniform(0.06, 0.25)), w)
    if r.random() < 0.35:
        _passers(c, street)
    return ""


def traffic(c: Canvas) -> str:
    """A car, or wheels, from near."""
    r = c.layout
    c.paint(*one_of(c, "wall brick sky tree metal road stone"))
    if r.random() < 0.3:
        buildings.house(c, r.uniform(-0.2, 0.5), 0.68, r.uniform(0.4, 0.9), r.uniform(0.4, 0.7))
    c.paint("road", construction.asphalt, c.rectangle(0, r.uniform(0.6, 0.75), 1.01, 1.01), 0.5)
    c.defocus(float(r.uniform(0, 3)))
    if r.random() < 0.6:
        w = r.uniform(0.7, 1.5)
        vehicles.car(c, r.uniform(-0.4, 0.98 - w * 0.7), r.uniform(0.72, 0.95), w)
    else:
        for _ in range(int(r.integers(1, 3))):
            vehicles.wheel(c, r.uniform(0.2, 0.8), r.uniform(0.3, 0.75), r.uniform(0.14, 0.45))
    if r.random() < 0.2:
        _passers(c, 0.87, 0.35)
    return ""


def city(c: Canvas) -> str:
    """Towers, bridges, flags; doors and windows from near."""
    r, how = c.layout, c.layout.random()
    if how < 0.3:  # a front from near
        c.paint("house", buildings.facade(c))
        n = int(r.integers(1, 4))
        for i in range(n):
            a, b = (i + 0.2) / n, (i + 0.8) / n
            if r.random() < 0.35:
                buildings.door(c, a, r.uniform(0.25, 0.5), b, 1.02)
            else:
                y, h = r.uniform(0.1, 0.4), r.uniform(0.3, 0.5)
                buildings.window(c, a, y, b, y + h)
        return ""
    heaven(c, 0.7)
    ground = float(r.uniform(0.7, 1.0))
    if how < 0.75:
        x = float(r.uniform(-0.1, 0.3))
        while x < 0.95:
            w = p.log_uniform(r, 0.08, 0.35)
            buildings.tower(c, x, ground, w, r.uniform(0.3, 0.85))
            x += w + r.uniform(0, 0.4)
        c.paint(*one_of(c, "road grass tree water stone"), c.below(ground, 0.01), 0.6)
    elif how < 0.87:
        c.paint(*one_of(c, "water sea grass road"), c.below(ground, 0.01), 0.6)
        buildings.bridge(c, ground - r.uniform(0.2, 0.4), float(r.uniform(0.03, 0.09)), ground + 0.05)
    else:
        c.paint(*one_of(c, "grass tree wall brick stone"), c.below(ground, 0.02), 1.2)
        c.defocus(float(r.uniform(0, 4)))
        w = r.uniform(0.4, 0.9)
        vehicles.flag(c, r.uniform(0.02, 0.35), r.uniform(0.1, 0.35), w, w * r.uniform(0.5, 0.75), 1.0)
        return ""
    if r.random() < 0.4:
        vehicles.flag(c, r.uniform(0.1, 0.8), r.uniform(0.08, 0.4), r.uniform(0.15, 0.4), r.uniform(0.1, 0.25), 0.6)
    return ""


def launch(c: Canvas) -> str:
    """Rockets with fire and smoke; fires; smoke over roofs."""
    r, how = c.layout, c.layout.random()
    if how < 0.6:
        heaven(c, 0.8)
        ground, up = float(r.uniform(0.75, 0.98)), r.random() < 0.5
        if r.random() < 0.6:
            c.paint(*one_of(c, "road grass sand soil tree sea"), c.below(ground, 0.01), 0.5)
        x, h = r.uniform(0.25, 0.75), p.log_uniform(r, 0.35, 1.0)
        foot = ground - (r.uniform(0.05, 0.3) if up else 0.01)
        if r.random() < 0.3:
            mast = x + r.choice((-1, 1)) * h * 0.16
            lattice = [
                c.line([(mast - 0.02, ground - i * 0.05), (mast + 0.02, ground - i * 0.05 - 0.05)], 0.006)
                for i in range(int(h / 0.05))
            ]
            c.paint("tower", reflective.metal, together(*lattice, c.rectangle(mast - 0.025, ground - h, mast - 0.015,
                    ground), c.rectangle(mast + 0.015, ground - h, mast + 0.025, ground)), 0.3)  # fmt: skip
        if up or r.random() < 0.4:
            for s in (-1, 1):
                lights.smoke(
                    c, x + s * r.uniform(0.05, 0.25), ground + 0.04, r.uniform(0.1, 0.25), r.uniform(0.08, 0.2)
                )
        if up:
            lights.fire(c, x, foot, h * r.uniform(0.25, 0.5), True)
        vehicles.rocket(c, x, foot, h * r.uniform(0.08, 0.16), h)
        return ""
    if how < 0.85:
        c.paint(*one_of(c, "soil grass brick stone wall wood tree"))
        c.image *= float(r.uniform(0.25, 0.9))
        c.defocus(float(r.uniform(0, 3)))
        c.paint(*one_of(c, "soil stone sand grass"), c.below(0.8, 0.03), 0.6)
        if r.random() < 0.6:
            lights.smoke(c, r.uniform(0.3, 0.7), 0.6, 0.6, r.uniform(0.1, 0.22))
        logs = [c.line([(r.uniform(0.2, 0.45), 0.92), (r.uniform(0.55, 0.8), 0.86)], 0.05) for _ in range(3)]
        c.paint("bark", p.dimmed(land.soil, 0.6), together(*logs), 0.5, 0, 0.4)
        for _ in range(int(r.integers(1, 4))):
            lights.fire(c, r.uniform(0.3, 0.7), 0.9, p.log_uniform(r, 0.25, 0.8))
        return ""
    heaven(c, 0.8)
    ground = 0.9
    for _ in range(int(r.integers(1, 3))):
        buildings.house(c, r.uniform(-0.1, 0.6), ground, r.uniform(0.25, 0.5), r.uniform(0.2, 0.4))
    c.paint("grass", land.grass, c.below(ground, 0.01), 0.5)
    lights.smoke(c, r.uniform(0.2, 0.8), r.uniform(0.4, 0.7), r.uniform(0.4, 0.7), r.uniform(0.1, 0.3))
    return ""
