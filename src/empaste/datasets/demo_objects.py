"""The six classes of the demo data set.

Every function draws one random specimen on an empty `Patch`. Within a class, build, colours and pattern vary.
"""

import numpy as np

from empaste.datasets.demo_shapes import (
    Colour,
    Draw,
    Patch,
    Points,
    box,
    decorate,
    draw_line,
    ellipse,
    fill,
    hsv,
    shaded,
    smooth,
    turned,
)


def draw_ball(patch: Patch, rng: np.random.Generator) -> None:
    """A beach ball, football, basketball, tennis ball or striped ball."""
    kind = rng.choice(["beach", "football", "basketball", "tennis", "striped"])
    turn = rng.uniform(0, 360)
    circle = ellipse(0, 0, 0.88, 0.88)
    if kind == "beach":
        _beach_ball(patch, rng, circle, turn)
    elif kind == "football":
        _football(patch, rng, circle, turn)
    elif kind == "basketball":
        fill(patch, circle, hsv(rng.uniform(0.04, 0.08), rng.uniform(0.7, 0.9), rng.uniform(0.75, 0.95)))
        seams = [ellipse(-1.25, 0, 0.95, 0.95), ellipse(1.25, 0, 0.95, 0.95), box(-1, 0, 1, 0), box(0, -1, 0, 1)]
        _seams(patch, seams, turn, (40, 28, 22), 0.06)
    elif kind == "tennis":
        fill(patch, circle, hsv(rng.uniform(0.17, 0.22), 0.75, 0.92))
        _seams(patch, [ellipse(-1.05, 0, 0.85, 0.85), ellipse(1.05, 0, 0.85, 0.85)], turn, (245, 245, 235), 0.09)
    else:
        fill(patch, circle, hsv(rng.uniform(), rng.uniform(0.6, 0.95), rng.uniform(0.6, 0.95)))
        second = hsv(rng.uniform(), rng.uniform(0, 0.9), rng.uniform(0.8, 1))
        decorate(patch, turned(box(-1, -0.3, 1, 0.3), turn), second)
        decorate(patch, turned(ellipse(0, 0, 0.2, 0.2), turn), shaded(second, 0.6))
    decorate(patch, ellipse(-0.32, -0.4, 0.13, 0.09), (250, 250, 250))


def _beach_ball(patch: Patch, rng: np.random.Generator, circle: Points, turn: float) -> None:
    fill(patch, circle, (245, 243, 238))
    first = rng.uniform()
    colours = [hsv(first + step, 0.85, 0.9) for step in (0, rng.uniform(0.25, 0.4), rng.uniform(0.55, 0.75))]
    pole = turned(np.array([[rng.uniform(-0.35, 0.35), rng.uniform(-0.35, 0.1)]]), turn)[0]
    for part in range(3):
        wedge = np.concatenate([pole[None], ellipse(0, 0, 1, 1, turn + 120 * part, turn + 120 * part + 60)])
        decorate(patch, wedge, colours[part])
    decorate(patch, ellipse(pole[0], pole[1], 0.1, 0.1), (245, 243, 238))


def _football(patch: Patch, rng: np.random.Generator, circle: Points, turn: float) -> None:
    fill(patch, circle, (236, 236, 232))
    dark = hsv(rng.uniform(), 0.9, 0.55) if rng.uniform() < 0.3 else (35, 35, 40)
    for part in range(5):
        outer = turned(ellipse(0.78, 0, 0.24, 0.3)[::10], 72 * part + turn)
        decorate(patch, outer, dark)
        draw_line(patch, turned(np.array([[0.3, 0], [0.55, 0]]), 72 * part + turn), dark, 0.045)
    decorate(patch, turned(ellipse(0, 0, 0.32, 0.32)[:-1:10], turn), dark)


def _seams(patch: Patch, seams: list[Points], turn: float, colour: Colour, width: float) -> None:
    for seam in seams:
        draw_line(patch, turned(seam, turn), colour, width)


def draw_fish(patch: Patch, rng: np.random.Generator) -> None:
    """A fish seen from the side, swimming left or right; slender to round, plain, striped or spotted."""
    body_colour = hsv(rng.choice([0.02, 0.07, 0.12, 0.15, 0.55, 0.62, 0.8, 0.95]), rng.uniform(0.45, 0.95), 0.88)
    second = hsv(rng.uniform(), rng.uniform(0.2, 0.9), rng.choice([0.25, 0.95]))
    fin_colour = second if rng.uniform() < 0.5 else shaded(body_colour, 0.75)
    depth, side = rng.uniform(0.32, 0.62), rng.choice([-1, 1])
    parts = _fish_parts(depth, rng.uniform(0.25, 0.5))
    mirror = np.array([side, 1.0])
    for name in ("tail", "top", "bottom"):
        fill(patch, parts[name] * mirror, fin_colour)
    for turn in (-14, 0, 14):
        fan = turned(np.array([[-0.5, 0], [-0.98, 0]]), turn, (-0.5, 0)) * mirror
        draw_line(patch, fan, shaded(fin_colour, 0.7), 0.03)
    fill(patch, parts["body"] * mirror, body_colour)
    _fish_pattern(patch, rng, parts["body"], mirror, body_colour, second)
    fill(patch, parts["fin"] * mirror, shaded(fin_colour, 0.85))
    draw_line(patch, ellipse(0.42, 0, 0.12, depth * 0.75, -75, 75)[:, :] * mirror, shaded(body_colour, 0.6), 0.04)
    decorate(patch, ellipse(0.62, -0.1, 0.1, 0.1) * mirror, (250, 250, 245))
    decorate(patch, ellipse(0.64, -0.1, 0.055, 0.055) * mirror, (15, 15, 20))
    draw_line(patch, smooth([(0.9, 0.06), (0.8, 0.11), (0.74, 0.1)], 2, False) * mirror, shaded(body_colour, 0.4), 0.04)


def _fish_parts(depth: float, fin: float) -> dict[str, Points]:
    return {
        "body": smooth([(0.95, 0.02), (0.5, -depth), (-0.1, -0.95 * depth), (-0.7, -0.1), (-0.7, 0.1),
                        (-0.1, 0.95 * depth), (0.5, depth)]),
        "tail": smooth([(-0.5, 0), (-0.98, -0.42), (-0.8, 0), (-0.98, 0.42)], 2),
        "top": smooth([(0.35, -0.5 * depth), (0.05, -depth - fin), (-0.4, -depth - 0.5 * fin),
                       (-0.45, -0.3 * depth)], 2),
        "bottom": smooth([(0.1, 0.5 * depth), (-0.1, depth + 0.6 * fin), (-0.35, 0.75 * depth),
                          (-0.3, 0.3 * depth)], 2),
        "fin": smooth([(0.28, 0.05), (-0.08, 0.0), (-0.12, 0.26), (0.1, 0.28)], 2),
    }  # fmt: skip


def _fish_pattern(
    patch: Patch, rng: np.random.Generator, body: Points, mirror: np.ndarray, colour: Colour, second: Colour
) -> None:
    area = np.zeros_like(patch.mask)
    shape = Patch(patch.rgb.copy(), area, patch.radius, patch.angle)
    fill(shape, body * mirror, colour)
    decorate(patch, np.array([[-1, 0.16], [1, 0.16], [1, 1], [-1, 1]]) * mirror, shaded(colour, 1.25), area)
    kind = rng.choice(["plain", "bars", "spots", "line"])
    if kind == "bars":
        for left in np.arange(-0.55, 0.3, rng.uniform(0.24, 0.36)):
            decorate(patch, smooth([(left, -1), (left + 0.12, -1), (left + 0.18, 0), (left + 0.12, 1), (left, 1),
                                    (left + 0.04, 0)], 2) * mirror, second, area)  # fmt: skip
    elif kind == "spots":
        for _ in range(12):
            x, y, size = rng.uniform(-0.5, 0.3), rng.uniform(-0.45, 0.45), rng.uniform(0.04, 0.08)
            decorate(patch, ellipse(x, y, size, size) * mirror, second, area)
    elif kind == "line":
        decorate(patch, box(-0.8, -0.08, 0.4, 0.06) * mirror, second, area)


def draw_mushroom(patch: Patch, rng: np.random.Generator) -> None:
    """A mushroom with a domed, conical or flat cap, spotted or plain, on a slender or stout stem."""
    kind = rng.choice(["dome", "cone", "flat"])
    cap_colour = hsv(rng.choice([0.0, 0.01, 0.05, 0.08, 0.11, 0.78]), rng.uniform(0.45, 0.95), rng.uniform(0.55, 0.92))
    stem_colour = hsv(rng.uniform(0.08, 0.14), rng.uniform(0.06, 0.3), rng.uniform(0.8, 0.95))
    thick, lean = rng.uniform(0.14, 0.3), rng.uniform(-0.12, 0.12)
    foot = rng.uniform(1.1, 1.7)
    stem = smooth([(-thick, -0.2), (thick, -0.2), (thick * 0.9 + lean, 0.4), (thick * foot + lean, 0.92),
                   (-thick * foot + lean, 0.92), (-thick * 0.9 + lean, 0.4)])  # fmt: skip
    fill(patch, stem, stem_colour)
    for x in np.linspace(-0.7, 0.7, 4) * thick:
        draw_line(patch, np.array([[x, -0.1], [x + lean, 0.85]]), shaded(stem_colour, 0.88), 0.03)
    if rng.uniform() < 0.5:
        fill(patch, smooth([(-thick * 1.5, 0.22), (thick * 1.5, 0.22), (thick * 1.9, 0.38), (-thick * 1.9, 0.38)], 2),
             shaded(stem_colour, 0.93))  # fmt: skip
    height, width = {"dome": (0.95, 0.85), "cone": (1.0, 0.68), "flat": (0.62, 0.95)}[kind]
    top = -0.92 if kind != "flat" else -0.62
    fill(patch, ellipse(0, -0.08, width * 0.97, 0.14), shaded(stem_colour, 0.72))
    shoulder = 0.95 if kind != "cone" else 0.45
    cap = smooth([(-width, 0.02), (-width * shoulder, top * 0.75), (-0.25 * width, top), (0.25 * width, top),
                  (width * shoulder, top * 0.75), (width, 0.02), (0.4 * width, -0.1 * height),
                  (-0.4 * width, -0.1 * height)])  # fmt: skip
    area = np.zeros_like(patch.mask)
    fill(patch, cap, cap_colour)
    fill(Patch(patch.rgb.copy(), area, patch.radius, patch.angle), cap, cap_colour)
    _cap_pattern(patch, rng, area, cap_colour)


def _cap_pattern(patch: Patch, rng: np.random.Generator, area: np.ndarray, colour: Colour) -> None:
    if rng.uniform() < 0.55:
        for x, y in [(-0.5, -0.3), (0.02, -0.28), (0.5, -0.32), (-0.25, -0.6), (0.28, -0.62), (0.0, -0.82)]:
            size = rng.uniform(0.06, 0.13)
            spot = ellipse(x + rng.uniform(-0.08, 0.08), y + rng.uniform(-0.08, 0.08), size * 1.2, size)
            decorate(patch, spot, (244, 240, 228), area)
    else:
        decorate(patch, ellipse(0, -1.0, 0.5, 0.4), shaded(colour, 0.8), area)
        decorate(patch, ellipse(0, -0.02, 1.0, 0.16), shaded(colour, 1.2), area)


def draw_house(patch: Patch, rng: np.random.Generator) -> None:
    """A house with gabled or hipped roof, door, windows and perhaps a chimney; cottage to town house."""
    wall = hsv(rng.uniform(), rng.uniform(0.05, 0.5), rng.uniform(0.75, 0.95))
    roof = hsv(rng.choice([0.0, 0.03, 0.06, 0.6, 0.35]), rng.uniform(0.3, 0.75), rng.uniform(0.35, 0.7))
    half, eaves = rng.uniform(0.55, 0.85), rng.uniform(-0.35, 0.05)
    ridge, inset = eaves - rng.uniform(0.45, 0.62), rng.choice([0.0, 0.25, 0.5])
    if rng.uniform() < 0.7:
        x = rng.choice([-1, 1]) * half * 0.5
        fill(patch, box(x - 0.09, ridge - 0.05, x + 0.09, eaves), hsv(0.02, 0.5, rng.uniform(0.4, 0.6)))
    fill(patch, box(-half, eaves - 0.02, half, 0.9), wall)
    _wall_pattern(patch, rng, half, eaves, wall)
    over = half + rng.uniform(0.08, 0.15)
    fill(patch, np.array([[-over, eaves], [-inset * half, ridge], [inset * half, ridge], [over, eaves]]), roof)
    for row in np.linspace(ridge, eaves, 5)[1:]:
        draw_line(patch, np.array([[-over * 0.98, row], [over * 0.98, row]]), shaded(roof, 0.8), 0.025)
        # Tile rows end at the roof: beyond it there is no mask to paint on, below the eaves none is drawn.
    _front(patch, rng, half, eaves)


def _wall_pattern(patch: Patch, rng: np.random.Generator, half: float, eaves: float, wall: Colour) -> None:
    kind = rng.choice(["plaster", "planks", "timber"])
    if kind == "planks":
        for row in np.arange(eaves + 0.1, 0.9, 0.12):
            draw_line(patch, np.array([[-half, row], [half, row]]), shaded(wall, 0.82), 0.02)
    elif kind == "timber":
        beams = [
            box(-half, eaves, -half, 0.9),
            box(half, eaves, half, 0.9),
            box(0, eaves, 0, 0.9),
            box(-half, 0.3, half, 0.3),
        ]
        for beam in beams:
            draw_line(patch, beam, (84, 58, 40), 0.07)


def _front(patch: Patch, rng: np.random.Generator, half: float, eaves: float) -> None:
    door = hsv(rng.uniform(), rng.uniform(0.4, 0.8), rng.uniform(0.25, 0.55))
    frame, glass = (
        rng.choice([(245, 245, 240), (70, 50, 40)]).tolist(),
        hsv(0.57, rng.uniform(0.2, 0.5), rng.uniform(0.35, 0.7)),
    )
    if rng.uniform() < 0.25:
        glass = (250, 222, 130)
    door_x = rng.choice([-0.5, 0.0, 0.5]) * half * 0.9
    decorate(patch, box(door_x - 0.14, 0.38, door_x + 0.14, 0.9), door)
    decorate(patch, ellipse(door_x + 0.08, 0.66, 0.025, 0.025), (230, 200, 90))
    rows = [0.28] if eaves > -0.15 else [-0.02, 0.5]
    for y in rows:
        for x in (-0.55 * half, 0.55 * half) if half < 0.7 else (-0.62 * half, 0.0, 0.62 * half):
            if abs(x - door_x) > 0.3 or y < 0.1:
                _window(patch, x, y, 0.14, tuple(frame), glass)


def _window(patch: Patch, x: float, y: float, half: float, frame: Colour, glass: Colour) -> None:
    decorate(patch, box(x - half, y - half, x + half, y + half), frame)
    inner = half * 0.78
    decorate(patch, box(x - inner, y - inner, x + inner, y + inner), glass)
    draw_line(patch, np.array([[x, y - half], [x, y + half]]), frame, 0.03)
    draw_line(patch, np.array([[x - half, y], [x + half, y]]), frame, 0.03)


def draw_flower(patch: Patch, rng: np.random.Generator) -> None:
    """A flower with 5 to 14 round or pointed petals, mostly with stem and leaves, or a tulip."""
    petal = hsv(
        rng.choice([0.0, 0.08, 0.14, 0.75, 0.82, 0.9, 0.95, 0.62]), rng.uniform(0.35, 0.95), rng.uniform(0.8, 1)
    )
    if rng.uniform() < 0.2:
        petal = (246, 244, 240)
    stalk = hsv(rng.uniform(0.25, 0.36), rng.uniform(0.5, 0.8), rng.uniform(0.35, 0.6))
    with_stem = rng.uniform() < 0.8
    head_y, size = (-0.38, 0.56) if with_stem else (0.0, 0.9)
    if with_stem:
        _stem(patch, rng, head_y, stalk)
    if with_stem and rng.uniform() < 0.25:
        _tulip(patch, head_y, petal)
        return
    count, slim = int(rng.integers(5, 15)), rng.uniform(0.8, 1.15)
    half_width = min(0.5, slim * np.pi * 0.62 / count) * size
    start = rng.uniform(0, 360)
    shape = smooth([(0.1, -0.3 * half_width), (0.6 * size, -half_width), (size, -rng.uniform(0.1, 0.9) * half_width),
                    (size, rng.uniform(0.1, 0.9) * half_width), (0.6 * size, half_width),
                    (0.1, 0.3 * half_width)])  # fmt: skip
    for part in range(count):
        leaf = turned(shape, start + 360 * part / count) + np.array([0, head_y])
        fill(patch, leaf, shaded(petal, 1.0 if part % 2 else 0.9))
        vein = turned(np.array([[0.2 * size, 0], [0.85 * size, 0]]), start + 360 * part / count) + np.array([0, head_y])
        draw_line(patch, vein, shaded(petal, 0.78), 0.025)
    heart = hsv(rng.choice([0.08, 0.13, 0.15, 0.06]), rng.uniform(0.6, 0.95), rng.choice([0.35, 0.9]))
    core = rng.uniform(0.22, 0.4) * size
    fill(patch, ellipse(0, head_y, core, core), heart)
    for _ in range(14):
        angle, far = rng.uniform(0, 2 * np.pi), core * np.sqrt(rng.uniform(0, 0.8))
        decorate(patch, ellipse(far * np.cos(angle), head_y + far * np.sin(angle), 0.03, 0.03), shaded(heart, 0.7))


def _stem(patch: Patch, rng: np.random.Generator, head_y: float, colour: Colour) -> None:
    bend = rng.uniform(-0.2, 0.2)
    draw_line(patch, smooth([(0, head_y), (bend, 0.3), (0.4 * bend, 0.95)], 3, False), colour, 0.1, extend=True)
    for side in (-1, 1):
        if rng.uniform() < 0.8:
            y = rng.uniform(0.35, 0.6)
            leaf = smooth(
                [(bend * 0.6, y + 0.15), (side * 0.25, y - 0.2), (side * 0.6, y - 0.28), (side * 0.4, y + 0.08)]
            )
            fill(patch, leaf, shaded(colour, rng.uniform(0.9, 1.25)))


def _tulip(patch: Patch, head_y: float, petal: Colour) -> None:
    cup = smooth([(-0.4, head_y - 0.1), (-0.3, head_y + 0.35), (0.3, head_y + 0.35), (0.4, head_y - 0.1)])
    fill(patch, cup, petal)
    for x, factor in ((-0.3, 0.88), (0.3, 0.88), (0.0, 1.08)):
        fill(
            patch,
            smooth([(x - 0.22, head_y + 0.2), (x * 1.3, head_y - 0.75), (x + 0.22, head_y + 0.2)], 2),
            shaded(petal, factor),
        )


def draw_bottle(patch: Patch, rng: np.random.Generator) -> None:
    """A wine, beer, milk or sauce bottle, of glass or plastic, with cap or cork and mostly a label."""
    half, shoulder = rng.uniform(0.24, 0.4), rng.uniform(-0.4, -0.02)
    neck, slope = rng.uniform(0.09, 0.14), rng.uniform(0.12, 0.35)
    hue = rng.choice([0.08, 0.3, 0.36, 0.42, 0.55, 0.62, 0.98])
    glass = hsv(hue, rng.uniform(0.45, 0.9), rng.uniform(0.3, 0.75))
    right = [(neck, -0.95), (neck, shoulder - slope), (half, shoulder), (half, 0.95), (half, 0.95)]
    body = smooth([(-neck, -0.95), *right, *((-x, y) for x, y in reversed(right[1:]))], 2)
    fill(patch, body, glass)
    if rng.uniform() < 0.5:
        decorate(patch, box(-1, rng.uniform(shoulder, 0.3), 1, 1), shaded(glass, 0.72))
    decorate(patch, box(half * 0.45, shoulder, half * 0.72, 0.85), shaded(glass, 1.5))
    decorate(patch, box(-half * 0.85, shoulder + 0.1, -half * 0.7, 0.85), shaded(glass, 1.25))
    cap = hsv(rng.uniform(), rng.uniform(0.2, 0.9), rng.uniform(0.5, 0.95))
    fill(patch, box(-neck * 1.25, -0.98, neck * 1.25, -0.98 + rng.uniform(0.1, 0.22)), cap)
    if rng.uniform() < 0.8:
        _label(patch, rng, half, max(shoulder + 0.1, rng.uniform(0.0, 0.25)))


def _label(patch: Patch, rng: np.random.Generator, half: float, top: float) -> None:
    paper = hsv(rng.uniform(), rng.choice([0.05, 0.6]), rng.uniform(0.8, 0.98))
    ink = hsv(rng.uniform(), rng.uniform(0.5, 0.9), rng.uniform(0.25, 0.6))
    bottom = min(0.82, top + rng.uniform(0.35, 0.55))
    decorate(patch, box(-half, top, half, bottom), paper)
    if rng.uniform() < 0.5:
        decorate(patch, ellipse(0, (top + bottom) / 2, half * 0.5, (bottom - top) * 0.3), ink)
    else:
        decorate(patch, box(-half, top + 0.06, half, top + 0.14), ink)
        draw_line(patch, np.array([[-half * 0.6, bottom - 0.12], [half * 0.6, bottom - 0.12]]), ink, 0.04)


CLASSES: dict[str, tuple[str, Draw]] = {
    "ball": ("toy", draw_ball),
    "fish": ("animal", draw_fish),
    "mushroom": ("plant", draw_mushroom),
    "house": ("building", draw_house),
    "flower": ("plant", draw_flower),
    "bottle": ("kitchen", draw_bottle),
}
"""Name -> (supercategory, how it is drawn), in the order of the class ids, which count from 1."""
