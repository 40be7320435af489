"""Grows every hair of a person: scalp hair in several styles, brows and lashes.

In: a HeadModel and the recipe. Out: Strands, polylines (n, k, 3) in ICT units with a radius per point.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from head_model import SKIN_COUNT, HeadModel, Surface, scalp_margin


@dataclass
class Strands:
    points: np.ndarray  # (n, k, 3)
    radius: np.ndarray  # (n, k)


def _unit(v: np.ndarray) -> np.ndarray:
    return v / np.maximum(np.linalg.norm(v, axis=-1, keepdims=True), 1e-9)


def _taper(n: int, k: int, root: float, tip: float) -> np.ndarray:
    return np.tile(root + (tip - root) * np.linspace(0, 1, k) ** 1.5, (n, 1))


def skin_surface(head: HeadModel) -> Surface:
    return Surface(head.vertices[:SKIN_COUNT], head.normals)


def _front(head: HeadModel):
    """Depth and normal of the face seen from the front, at any (x, y)."""
    v, n = head.vertices[:SKIN_COUNT], head.normals
    front = (n[:, 2] > 0.15) & (v[:, 2] > 2) & (v[:, 1] > -9)
    tree, v, n = cKDTree(v[front][:, :2]), v[front], n[front]

    def at(xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        distance, index = tree.query(xy, k=4)
        weight = 1 / (distance + 0.02) ** 2
        weight = (weight / weight.sum(1, keepdims=True))[..., None]
        z = (v[index, 2][..., None] * weight).sum(1)
        return np.concatenate([xy, z], 1), _unit((n[index] * weight).sum(1))

    return at


def scatter(head: HeadModel, count: int, density, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random points on the skin where density(points) in 0..1 allows, with normals."""
    tri = head.triangles
    corner = head.vertices[tri]
    keep = density(corner.mean(1)) > 0
    tri, corner = tri[keep], corner[keep]
    area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
    pick = rng.choice(len(tri), count * 2, p=area / area.sum())
    a, b = rng.uniform(size=(2, count * 2, 1))
    flip = a + b > 1
    a, b = np.where(flip, 1 - a, a), np.where(flip, 1 - b, b)
    points = corner[pick, 0] * (1 - a - b) + corner[pick, 1] * a + corner[pick, 2] * b
    normals = _unit(head.normals[tri[pick, 0]] * (1 - a - b) + head.normals[tri[pick, 1]] * a + head.normals[tri[pick, 2]] * b)
    ok = np.flatnonzero(rng.uniform(size=len(points)) < density(points))[:count]
    return points[ok], normals[ok]


def _scalp_density(recipe: dict, rng_seed: int):
    shift = recipe["hair"].get("hairline_shift", 0.0)

    def density(points: np.ndarray) -> np.ndarray:
        ragged = 1.5 * np.sin(points[:, 0] * 5.1 + rng_seed) + 1.2 * np.sin(points[:, 1] * 7.3 + points[:, 0] * 2)
        margin = scalp_margin(points, shift) + ragged
        ear = (np.abs(points[:, 0]) > 7.75) & (points[:, 1] < 4.6)
        return np.clip(margin / 5, 0, 1) * ~ear * (points[:, 1] > -6)

    return density


def _clump(points: np.ndarray, rng: np.random.Generator, size: int, pull: float) -> np.ndarray:
    """Draws each strand towards its neighbourhood's leader, more to the tip."""
    n, k = points.shape[:2]
    leaders = rng.choice(n, max(2, n // size), replace=False)
    _, nearest = cKDTree(points[leaders, 0]).query(points[:, 0])
    leader = points[leaders[nearest]]
    offset = points[:, :1] - leader[:, :1]
    t = np.linspace(0, 1, k)[None, :, None]
    amount = pull * rng.uniform(0.4, 1, size=(n, 1, 1)) * t**0.8
    return points * (1 - amount) + (leader + offset * (1 - 0.85 * t)) * amount


def _wave(points: np.ndarray, rng: np.random.Generator, size: float, turns: float, fine: float) -> np.ndarray:
    """A gentle wave shared by neighbours, plus a little frizz of each hair's own."""
    n, k = points.shape[:2]
    t = np.linspace(0, 1, k)[None, :]
    phase = points[:, :1, 0] * 0.9 + points[:, :1, 2] * 0.7 + 0.5 * rng.normal(size=(n, 1))
    grow = np.clip(t * 3, 0, 1)
    for axis, shift in ((0, 0.0), (2, 1.7)):
        points[:, :, axis] += size * grow * np.sin(2 * np.pi * turns * t + phase + shift)
    bend = rng.normal(size=(n, 1, 3)) * fine
    return points + bend * (t[..., None] ** 1.5)


def grow_over_head(head: HeadModel, recipe: dict, rng, heading, steps: int, step: float, count: int) -> np.ndarray:
    """Grows strands step by step along heading(points, direction, travelled), kept outside the head."""
    style = recipe["hair"]
    roots, normals = scatter(head, count, _scalp_density(recipe, recipe["seed"]), rng)
    skin, skin_normals = head.vertices[:SKIN_COUNT], head.normals
    ear = (np.abs(skin[:, 0]) > 7.2) & (np.abs(skin[:, 1] - 2) < 3.5) & (np.abs(skin[:, 2]) < 4)
    surface = Surface(skin[~ear], skin_normals[~ear])
    n = len(roots)
    cut = style.get("cut_y", -99.0) + 0.5 * rng.normal(size=n)
    hug = style.get("hug", 0.5)
    layer = style["lift"] * rng.uniform(0.2, 1, size=n) ** 0.6
    points = np.zeros((n, steps, 3))
    points[:, 0] = roots - 0.05 * normals
    direction = normals * 0.6 + 0.1 * rng.normal(size=(n, 3))
    for i in range(1, steps):
        direction = _unit(heading(points[:, i - 1], direction, i * step, roots))
        there = points[:, i - 1] + direction * (step * np.clip((points[:, i - 1, 1] - cut) * 2, 0.02, 1))[:, None]
        height, normal = surface.height(there)
        beside = np.clip((np.abs(there[:, 0]) - 5.5) / 1.5, 0, 1) * np.clip((7.5 - there[:, 1]) / 3, 0, 1)
        wanted = layer * (1 - np.exp(-i * step / 1.6)) + style.get("over_ear", 0.0) * beside
        low = np.clip(wanted - height, 0, None) * (height > -3)
        high = np.clip(height - wanted - 0.15, 0, 2) * hug * np.clip((there[:, 1] + 2) / 4, 0, 1)
        there = there + normal * (low - high)[:, None]
        direction = _unit(there - points[:, i - 1])
        points[:, i] = there
    return points


def hair_parted(head: HeadModel, recipe: dict, rng) -> np.ndarray:
    """Parted at the side, falling beside the face to a length."""
    style = recipe["hair"]
    part = style.get("part_x", 1.6)

    def heading(p, d, travelled, roots):
        side = np.where(roots[:, 0] > part, 1.0, -1.0)
        crown = np.clip((p[:, 1] - 5.5) / 6, 0, 1)
        front = np.clip((p[:, 2] - 1.0) / 5, 0, 1)
        aside = np.stack([side, -0.7 + 0 * side, -0.35 - 0.9 * front], 1)
        inward = np.clip((np.abs(p[:, 0]) - style.get("half_width", 7.6)) / 2.5, -0.2, 0.6)
        inward = inward + style.get("tuck", 0.0) * np.clip((-3 - p[:, 1]) / 5, 0, 1)
        down = np.stack([-side * inward, -np.ones_like(side), -0.55 * front], 1)
        pull = _unit(aside) * crown[:, None] + _unit(down) * (1 - crown[:, None])
        return 0.55 * d + 0.45 * pull

    points = grow_over_head(head, recipe, rng, heading, style["steps"], 0.7, style["count"])
    return points


def hair_crop(head: HeadModel, recipe: dict, rng) -> np.ndarray:
    """Short hair: longer on top, brushed up and to the side, tight at the sides."""
    style = recipe["hair"]
    roots, normals = scatter(head, style["count"], _scalp_density(recipe, recipe["seed"]), rng)
    n, k = len(roots), 8
    top = np.clip((roots[:, 1] - 7.0) / 5.5, 0, 1)
    length = (style["side_length"] + (style["top_length"] - style["side_length"]) * top) * rng.uniform(0.7, 1.1, n)
    comb = np.stack([np.full(n, style.get("comb_x", 0.5)), 0.15 + 0 * top, 0.25 - 0.9 * (1 - top)], 1)
    comb[top < 0.4] += [0, -0.5, -0.3]
    comb = comb - (comb * normals).sum(1, keepdims=True) * normals
    t = np.linspace(0, 1, k)
    points = np.zeros((n, k, 3))
    p = roots - 0.04 * normals
    d = _unit(normals * style.get("stand", 0.9) + 0.5 * _unit(comb) + 0.18 * rng.normal(size=(n, 3)))
    surface = skin_surface(head)
    points[:, 0] = p
    for i in range(1, k):
        d = _unit(d + style.get("bend", 0.35) * _unit(comb) + 0.04 * rng.normal(size=(n, 3)))
        p = p + d * (length / (k - 1))[:, None]
        height, normal = surface.height(p)
        p = p + normal * np.clip(0.06 + 0.10 * t[i] - height, 0, None)[:, None]
        points[:, i] = p
    return points


def hair_curls(head: HeadModel, recipe: dict, rng) -> np.ndarray:
    """Short, tight curls standing off the head."""
    style = recipe["hair"]
    roots, normals = scatter(head, style["count"], _scalp_density(recipe, recipe["seed"]), rng)
    n, k = len(roots), style.get("points", 40)
    top = np.clip((roots[:, 1] - 2.0) / 8, 0, 1)
    length = (style["side_length"] + (style["top_length"] - style["side_length"]) * top) * rng.uniform(0.55, 1.1, n)
    axis = _unit(normals + 0.25 * np.array([0, 1, 0]) + style.get("mess", 0.35) * rng.normal(size=(n, 3)))
    u = _unit(np.cross(axis, rng.normal(size=(n, 3))))
    v = np.cross(axis, u)
    t = np.linspace(0, 1, k)
    turn = (rng.uniform(0.8, 1.2, n) * length * style["turns_per_unit"])[:, None] * 2 * np.pi * t + rng.uniform(0, 6.28, (n, 1))
    curl = style["curl"] * rng.uniform(0.6, 1.3, (n, 1)) * np.clip(t * 4, 0, 1)
    along = (roots - 0.05 * normals)[:, None] + axis[:, None] * (length[:, None] * t)[..., None]
    droop = -0.12 * style["top_length"] * (t**2)[None, :, None] * np.array([0, 1, 0])
    return along + droop + u[:, None] * (curl * np.cos(turn))[..., None] + v[:, None] * (curl * np.sin(turn))[..., None]


STYLES = {"parted": hair_parted, "crop": hair_crop, "curls": hair_curls}


def scalp_hair(head: HeadModel, recipe: dict) -> Strands:
    style = recipe["hair"]
    rng = np.random.default_rng(recipe["seed"] + 3)
    points = STYLES[style["style"]](head, recipe, rng)
    if style.get("clump"):
        points = _clump(points, rng, style.get("clump_size", 40), style["clump"])
    if style.get("wave") or style.get("frizz"):
        points = _wave(points, rng, style.get("wave", 0), style.get("turns", 1.5), style.get("frizz", 0))
    width = style.get("width", 0.014)
    return Strands(points, _taper(*points.shape[:2], width, width * 0.35))


def brows(head: HeadModel, recipe: dict) -> Strands:
    rng = np.random.default_rng(recipe["seed"] + 4)
    look, at = recipe["brows"], _front(head)
    everything = []
    for side, ids in ((-1, [21, 20, 19, 18, 17]), (1, [22, 23, 24, 25, 26])):
        line = head.landmarks[ids][:, :2] + [0, look.get("raise", 0.0)]
        n = look["count"]
        t = rng.beta(1.05, 1.25, n)
        thick = look["thickness"] * np.interp(t, [0, 0.12, 0.5, 0.8, 1], [0.7, 1.0, 0.9, 0.55, 0.15])
        w = np.clip(rng.normal(size=n) * 0.3, -0.5, 0.5)
        knots = np.linspace(0, 1, 5)
        fit = [np.polynomial.Polynomial.fit(knots, line[:, k], 3) for k in range(2)]
        # The landmarks lie as on raised brows; a calm one begins lower and ends higher than they do.
        shape = look.get("arch", 0.0) * np.exp(-(((t - 0.62) / 0.25) ** 2)) + look.get("tilt", 0.0) * (t - 0.45)
        xy = np.stack([fit[0](t), fit[1](t) + shape + w * thick], 1)
        angle = np.radians(np.interp(t, [0, 0.1, 0.35, 0.7, 1], [80, 58, 30, 2, -22]) - 42 * w + rng.normal(size=n) * 9)
        length = look["length"] * np.interp(t, [0, 0.3, 1], [0.75, 1, 0.65]) * rng.uniform(0.7, 1.15, n)
        root, normal = at(xy)
        heading = np.stack([side * np.cos(angle), np.sin(angle), np.zeros(n)], 1)
        heading = _unit(heading - (heading * normal).sum(1, keepdims=True) * normal)
        k = 6
        s = np.linspace(0, 1, k)
        flat = root[:, None, :2] + heading[:, None, :2] * (length[:, None] * s)[..., None]
        flat[:, :, 1] -= 0.12 * (s**2)[None] * length[:, None]
        ground, gn = at(flat.reshape(-1, 2))
        lift = (0.02 + 0.09 * np.sin(np.pi * np.clip(s, 0, 0.9)))[None, :, None] * np.ones((n, 1, 1))
        everything.append(ground.reshape(n, k, 3) + gn.reshape(n, k, 3) * lift)
    points = np.concatenate(everything)
    return Strands(points, _taper(*points.shape[:2], look.get("width", 0.013), 0.004))


def lashes(head: HeadModel, recipe: dict) -> Strands:
    rng = np.random.default_rng(recipe["seed"] + 5)
    look = recipe["lashes"]
    everything, radii = [], []
    for side in ("L", "R"):
        centre, _ = head.eye(side)
        out = 1 if side == "L" else -1
        for upper in (True, False):
            rim = head.lid_rim(side, upper)
            n = look["upper" if upper else "lower"]
            t = np.sort(rng.uniform(0.03 if upper else 0.2, 0.98, n)) * (len(rim) - 1)
            i = np.minimum(t.astype(int), len(rim) - 2)
            root = rim[i] + (rim[i + 1] - rim[i]) * (t - i)[:, None]
            u = t / (len(rim) - 1)
            full = look["length"] * (1 if upper else 0.5)
            length = full * (np.interp(u, [0, 0.35, 0.8, 1], [0.45, 0.8, 1, 0.8])) * rng.uniform(0.7, 1.08, n)
            forward = _unit(root - centre)
            fan = np.stack([out * (u - 0.42) * 1.1 + 0.09 * rng.normal(size=n), np.zeros(n), np.zeros(n)], 1)
            lean = np.array([0, -0.10 if upper else -0.35, 0.25])
            curl = np.array([0, 1.25 if upper else -0.55, 0])
            k = 7
            points = np.zeros((n, k, 3))
            points[:, 0] = root - 0.03 * forward
            for j in range(1, k):
                d = _unit(forward * 0.9 + fan * 0.7 + lean + curl * (j / k) ** 1.2)
                points[:, j] = points[:, j - 1] + d * (length / (k - 1))[:, None]
            everything.append(points)
            radii.append(_taper(n, k, 0.018 if upper else 0.011, 0.004))
    return Strands(np.concatenate(everything), np.concatenate(radii))

