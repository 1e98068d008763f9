"""Scenes under a roof: rooms, tables laid with food, portraits, animals."""

from __future__ import annotations

import numpy as np

from demo_training.drawings import palette as p
from demo_training.drawings.canvas import Canvas
from demo_training.drawings.places.materials import one_of
from demo_training.drawings.textures import construction, fabrics, hides, land
from demo_training.drawings.things import animals, buildings, food, lights, people, rooms, tableware, vehicles
from demo_training.drawings.things import plants as grown


def portrait(c: Canvas) -> str:
    r = c.layout
    c.paint(*one_of(c, "wall wall brick wood sky tree curtain stone water grass"))
    if r.random() < 0.3:
        rooms.books(c, -0.05, r.uniform(0.05, 0.4), 1.05, r.uniform(0.5, 0.8))
    behind, x = r.random(), r.uniform(0.05, 0.8)
    if behind < 0.1:
        buildings.window(c, x - 0.2, 0.05, x + 0.2, 0.6)
    elif behind < 0.2:
        lights.lamp(c, x, r.uniform(0.1, 0.5), r.uniform(0.06, 0.14))
    elif behind < 0.3:
        grown.tree(c, x, 0.9, r.uniform(0.5, 0.9))
    elif behind < 0.36:
        vehicles.flag(c, x - 0.2, r.uniform(0, 0.3), r.uniform(0.3, 0.6), r.uniform(0.3, 0.6), 0.9)
    elif behind < 0.42:
        buildings.fence(c, 0.4, 0.9, 0.08)
    c.defocus(p.log_uniform(r, 0.25, 7))
    how = r.random()
    if how < 0.1:  # hands
        for _ in range(int(r.integers(1, 3))):
            people.hand(c, r.uniform(0.35, 0.65), r.uniform(0.35, 0.65), r.uniform(0.1, 0.2), r.uniform(0, 6.3))
        return ""
    if how < 0.2:  # an eye from near
        c.paint("skin" if r.random() < 0.5 else "face", hides.flesh(tone := p.among(r, hides.SKINS)))
        x, y, size = r.uniform(0.4, 0.6), r.uniform(0.4, 0.6), r.uniform(0.2, 0.42)
        people.eye(c, x, y, size, people.iris_colour(c), 0.42, True, tone)
        brow = c.curve(
            [
                (x - size * 1.1, y - size * 0.9),
                (x, y - size * 1.35),
                (x + size * 1.2, y - size * 0.9),
                (x + size * 1.1, y - size * 0.8),
                (x, y - size * 1.1),
            ]
        )
        c.paint("hair", hides.hair, brow, 1.2)
        return ""
    count = 1 if how < 0.75 else int(r.integers(2, 4))
    for i in range(count):
        size = r.uniform(0.2, 0.45) if count == 1 else r.uniform(0.12, 0.2)
        people.bust(c, (i + 0.5) / count + r.uniform(-0.08, 0.08), r.uniform(0.32, 0.58), size)
    return ""


def animal(c: Canvas) -> str:
    """A cat, a dog or a bird from near, lying, sitting, looking out."""
    r = c.layout
    c.paint(*one_of(c, "wall carpet grass grass cloth floor wood tree curtain soil stone snow leaf sky"))
    if r.random() < 0.4:
        c.paint(*one_of(c, "floor carpet grass cloth wood soil"), c.below(float(r.uniform(0.5, 0.85)), 0.02), 1.0)
    c.defocus(p.log_uniform(r, 0.25, 7))
    how, size = r.random(), p.log_uniform(r, 0.12, 0.55)
    x, y = r.uniform(0.3, 0.7), r.uniform(0.35, 0.6)
    if r.random() < 0.12:
        animals.beast(c, x, y + size * 1.2, size * 0.8)
    elif how < 0.37:
        animals.cat(c, x, y, size)
    elif how < 0.74:
        animals.dog(c, x, y, size)
    elif how < 0.96:
        animals.bird(c, x, y, p.log_uniform(r, 0.15, 0.5))
    else:
        animals.cat(c, 0.28, y, 0.2)
        animals.dog(c, 0.72, y, 0.2)
    return ""


def room(c: Canvas) -> str:
    """Wall and floor with what stands before them."""
    r = c.layout
    c.paint(*one_of(c, "wall wall wall wood brick"))
    line = float(r.uniform(0.55, 0.8))
    if r.random() < 0.55:
        x, y, w = r.uniform(0.05, 0.5), r.uniform(0.05, 0.2), r.uniform(0.2, 0.45)
        buildings.window(c, x, y, x + w, y + w * r.uniform(0.8, 1.3))
        if r.random() < 0.6:
            for a, b in ((x - w * 0.35, x + w * 0.12), (x + w * 0.88, x + w * 1.35)):
                c.paint("curtain", fabrics.curtain, c.rectangle(a, -0.01, b, line + 0.03), 0.5)
    elif r.random() < 0.4:
        a = r.uniform(-0.1, 0.5)
        c.paint("curtain", fabrics.curtain, c.rectangle(a, -0.01, a + r.uniform(0.3, 0.8), line + 0.04), 0.6)
    c.darken(c.rectangle(0, line - 0.02, 1, line), 0.3, 1)
    c.paint("floor", construction.floor, c.rectangle(-0.01, line, 1.01, 1.01), 0.4)
    if r.random() < 0.4:
        x, w = r.uniform(0.2, 0.8), r.uniform(0.3, 0.6)
        c.paint(
            "carpet",
            fabrics.carpet,
            c.polygon([(x - w * 0.7, line + 0.06), (x + w * 0.7, line + 0.06), (x + w, 0.97), (x - w, 0.97)]),
            0.6,
        )
    if r.random() < 0.3:
        buildings.door(c, x := r.uniform(0, 0.75), r.uniform(0.1, 0.3), x + r.uniform(0.16, 0.25), line)
    if r.random() < 0.5:
        y, h = r.uniform(0.1, 0.45), r.uniform(0.12, 0.35)
        x0 = r.uniform(-0.1, 0.5)
        for k in range(int(r.integers(1, 3))):
            rooms.books(c, x0, y + k * h * 1.1, x0 + r.uniform(0.3, 0.8), y + h + k * h * 1.1)
    if r.random() < 0.3:
        tableware.table(c, float(r.uniform(0.55, 0.75)))
    for _ in range(int(r.integers(0, 3))):
        how, x = r.random(), r.uniform(0.1, 0.9)
        if how < 0.45:
            lights.lamp(c, x, r.uniform(0.15, 0.55), r.uniform(0.06, 0.16))
        elif how < 0.7:
            rooms.cushion(c, x, r.uniform(0.6, 0.85), r.uniform(0.1, 0.25))
        elif how < 0.85:
            rooms.basket(c, x, r.uniform(0.65, 0.8), r.uniform(0.08, 0.2))
        else:
            grown.tree(c, x, line + 0.1, r.uniform(0.3, 0.5))
    return ""


def laid(c: Canvas) -> str:
    """A table from above or from a side, with what one eats from and eats."""
    r = c.layout
    flat = float(r.uniform(0.3, 1.0))
    if flat < 0.6:
        c.paint(*one_of(c, "wall wood curtain tree brick floor"))
        if r.random() < 0.3:
            lights.lamp(c, r.uniform(0.1, 0.9), 0.15, r.uniform(0.06, 0.14))
        c.defocus(p.log_uniform(r, 1, 8))
        tableware.table(c, float(r.uniform(0.2, 0.5)))
    else:
        base = p.among(r, "f0ece4 3a3430 d8d0c4 8a8a88 c8a880")
        top = (
            ("table", construction.wood),
            ("table", p.tinted(base, 0.05, "smooth")),
            ("cloth", fabrics.cloth),
            ("table", construction.wood),
            ("stone", land.stone),
        )
        c.paint(*top[int(r.integers(len(top)))])
    how = r.random()
    if how < 0.3:  # coffee
        x, y, size = r.uniform(0.35, 0.65), r.uniform(0.35, 0.55), r.uniform(0.14, 0.34)
        if r.random() < 0.7:
            tableware.plate(c, x, y + size * 1.1 * (1 - flat), size * 1.6, flat)
        tableware.cup(c, x, y, size, flat, r.random() < 0.85)
        if r.random() < 0.7:
            tableware.cutlery(
                c,
                x + size * r.uniform(0.9, 1.3),
                y + size * r.uniform(0.2, 0.9),
                r.uniform(0.25, 0.5),
                r.uniform(-1.5, 1.5),
            )
        if r.random() < 0.3:
            food.loaf(c, r.uniform(0.1, 0.3), r.uniform(0.65, 0.85), r.uniform(0.08, 0.16))
    elif how < 0.65:  # a plate
        x, y, size = r.uniform(0.4, 0.6), r.uniform(0.45, 0.6), r.uniform(0.25, 0.48)
        well = tableware.plate(c, x, y, size, flat)
        for _ in range(int(r.integers(1, 5))):
            a, b = x + r.normal(0, well * 0.35), y + r.normal(0, well * 0.3 * flat)
            item, s = r.random(), well * r.uniform(0.3, 0.6)
            if item < 0.36:
                food.meat(c, a, b, s)
            elif item < 0.68:
                food.vegetable(c, a, b, s * 0.7)
            elif item < 0.85:
                food.loaf(c, a, b, s)
            else:
                food.fruit(c, a, b, s * 0.6)
        for s in (-1, 1):
            if r.random() < 0.6:
                tableware.cutlery(
                    c, x + s * size * 1.2, y - size * flat * 0.7, size * 1.4, np.pi / 2 + r.normal(0, 0.1)
                )
    elif how < 0.85:  # a heap: fruit in a basket or bowl, vegetables, bread
        x, y, size = r.uniform(0.4, 0.6), r.uniform(0.5, 0.65), r.uniform(0.22, 0.38)
        thing = (food.fruit, food.vegetable, food.loaf, food.fruit)[int(r.integers(4))]
        inside = r.random() < 0.5
        for _ in range(int(r.integers(3, 8))):
            thing(c, x + r.normal(0, size * 0.55), y - size * r.uniform(0, 0.5), size * r.uniform(0.3, 0.5))
        if inside:
            rooms.basket(c, x, y, size * 1.15)
    else:
        for _ in range(int(r.integers(2, 5))):
            thing = (food.fruit, food.vegetable, food.loaf, food.meat)[int(r.integers(4))]
            thing(c, r.uniform(0.15, 0.85), r.uniform(0.5, 0.85), r.uniform(0.08, 0.22))
    for _ in range(int(r.integers(0, 4)) if r.random() < 0.6 else 0):
        tableware.bottle(c, r.uniform(0.05, 0.95), r.uniform(0.45, 0.9), r.uniform(0.3, 0.65))
    if r.random() < 0.15:
        tableware.cup(
            c, r.uniform(0.1, 0.9), r.uniform(0.4, 0.7), r.uniform(0.08, 0.16), max(0.25, flat * 0.6), r.random() < 0.5
        )
    if r.random() < 0.12:
        rooms.open_book(c, r.uniform(0.3, 0.7), r.uniform(0.4, 0.8), r.uniform(0.2, 0.4))
    if r.random() < 0.12:
        grown.flower(c, r.uniform(0.1, 0.9), r.uniform(0.15, 0.4), r.uniform(0.06, 0.12), 0.25)
    return ""
