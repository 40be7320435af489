"""A knitted top: shoulders and chest around the bust, with a ribbed collar.

In: a HeadModel and the recipe's "top". Out: quads with texture coordinates in knit-pattern units.
"""

import numpy as np

from head_model import HeadModel
from strands import skin_surface


def _grid_quads(rows: int, columns: int) -> np.ndarray:
    """Quads of a grid that closes around its columns."""
    i, j = np.meshgrid(np.arange(rows - 1), np.arange(columns), indexing="ij")
    k = (j + 1) % columns
    return np.stack([i * columns + j, i * columns + k, (i + 1) * columns + k, (i + 1) * columns + j], -1).reshape(-1, 4)


def _spline(knots: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Catmull-Rom through knots (m, ..., 3) at t in 0..1."""
    m = len(knots) - 1
    x = np.clip(t * m, 0, m - 1e-6)
    i = x.astype(int)
    f = (x - i).reshape(-1, *([1] * (knots.ndim - 1)))
    p = [knots[np.clip(i + k, 0, m)] for k in (-1, 0, 1, 2)]
    return 0.5 * (2 * p[1] + (p[2] - p[0]) * f + (2 * p[0] - 5 * p[1] + 4 * p[2] - p[3]) * f**2 + (3 * p[1] - p[0] - 3 * p[2] + p[3]) * f**3)


def _folds(points: np.ndarray, rng: np.random.Generator, size: float) -> np.ndarray:
    """Soft cloth folds: a few slanted waves of differing lengths."""
    out = np.zeros(points.shape[:-1])
    for _ in range(14):
        wave = rng.normal(size=3) * [0.28, 0.2, 0.2]
        out += np.sin(points @ wave + rng.uniform(0, 6.28)) * rng.uniform(0.3, 1)
    return size * out / 3


def knitted_top(head: HeadModel, recipe: dict) -> list[dict]:
    """Two meshes: body and collar; each {vertices, quads, uv (per vertex)}."""
    look = recipe["top"]
    rng = np.random.default_rng(recipe["seed"] + 7)
    columns, rows = 240, 110
    angle = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    side, ahead = np.sin(angle), np.cos(angle)
    front, back = np.clip(ahead, 0, 1), np.clip(-ahead, 0, 1)
    drop, open_ = look.get("neck_drop", 0.0), look.get("neck_open", 0.0)
    # Per angle: collar edge, slope of the shoulder, its end, the hem below the frame.
    ring_y = -11.6 - drop - (2.2 + drop * 0.8) * front + 0.4 * back
    ring = np.stack([(6.1 + open_) * side, ring_y, -2.2 + (6.4 + open_ * 0.6) * ahead], 1)
    mid = np.stack([13.0 * side, -14.6 - 3.4 * front - 1.8 * back, -2.8 + 9.4 * front - 7.6 * back + 0 * side], 1)
    edge = np.stack([21.0 * side, -17.8 - 7.0 * front - 4.0 * back, -3.0 + 11.2 * front - 9.0 * back], 1)
    arm = np.stack([24.6 * side, -24.0 - 4.0 * front - 3.0 * back, -3.0 + 12.0 * front - 9.5 * back], 1)
    hem = np.stack([25.5 * side, -44.0 + 0 * side, -3.0 + 11.5 * front - 9.5 * back], 1)
    t = np.linspace(0, 1, rows)
    body = _spline(np.stack([ring, mid, edge, arm, hem]), t)
    surface = skin_surface(head)
    flat = body.reshape(-1, 3)
    for _ in range(3):
        height, normal = surface.height(flat)
        near = (flat[:, 1] < -9) & (height < 0.35) & (height > -4)
        flat[near] += normal[near] * (0.35 - height[near])[:, None]
    body = flat.reshape(rows, columns, 3)
    for _ in range(6):  # the push leaves creases; cloth spans them
        body[1:-1] = 0.5 * body[1:-1] + 0.25 * (body[:-2] + body[2:])
        body[1:-1] = 0.5 * body[1:-1] + 0.25 * (np.roll(body[1:-1], 1, 1) + np.roll(body[1:-1], -1, 1))
    outward = np.stack([side, 0.5 + 0 * side, ahead], 1)
    body += outward[None] * (_folds(body, rng, look.get("folds", 0.25)) * np.clip(t * 3, 0, 1)[:, None])[..., None]
    arc = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(body, axis=0), axis=2).mean(1))])
    around = np.linspace(0, 130, columns, endpoint=False)
    uv = np.stack(np.broadcast_arrays(around[None], arc[:, None]), -1).reshape(-1, 2)
    body_mesh = {"vertices": body.reshape(-1, 3), "quads": _grid_quads(rows, columns), "uv": uv}

    # The collar: a tube of flattened section that stands on the body's first ring.
    sections, ribs = 28, look.get("ribs", 110)
    tall, thick = look.get("collar_height", 1.7), 0.42
    columns = 880
    fine = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    first = np.stack([np.interp(fine, angle, body[0, :, k], period=2 * np.pi) for k in range(3)], 1)
    lean = look.get("collar_lean", 0.25)
    outward = np.stack([np.sin(fine), 0 * fine, np.cos(fine)], 1)
    around_section = np.linspace(0, 2 * np.pi, sections, endpoint=False)
    rib = 1 + 0.22 * np.cos(fine * ribs)
    across = np.cos(around_section)[:, None] * thick * rib
    up = (np.sin(around_section)[:, None] * 0.5 + 0.42) * tall * np.ones_like(fine)[None]
    tube = first[None] + outward[None] * (across - lean * up + 0.1)[..., None] + np.array([0, 1.0, 0]) * up[..., None]
    flat = tube.reshape(-1, 3)
    height, normal = surface.height(flat)
    outer = np.repeat(np.cos(around_section) > -0.3, columns)
    inside = (height < 0.1) & outer
    flat[inside] += normal[inside] * (0.1 - height[inside])[:, None]
    quads = _grid_quads(sections, columns)
    last = np.arange(columns) + (sections - 1) * columns
    close = np.stack([last, np.roll(last, -1), np.roll(np.arange(columns), -1), np.arange(columns)], 1)
    uv = np.zeros((sections * columns, 2))
    return [body_mesh, {"vertices": flat, "quads": np.concatenate([quads, close]), "uv": uv}]


def knit_tile(size: int = 128) -> np.ndarray:
    """Height of one stockinette repeat: two slanted legs of a stitch, float32 (size, size)."""
    ys, xs = np.mgrid[0:size, 0:size] / size
    leg = np.abs(xs - 0.5) * 2
    centre = np.abs(leg - 0.5) * 2  # 0 in the middle of a leg
    along = (ys + 0.55 * leg) % 1.0
    height = np.sqrt(np.clip(1 - centre**2, 0, 1)) * (0.65 + 0.35 * np.sin(np.pi * along))
    return height.astype(np.float32)
