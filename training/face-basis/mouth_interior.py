"""Mouth interior: rendered teeth and tongue pictures become layers (texture, tooth mask, curved grid) in basis space.

In: pictures of the layers over one common rectangle of the x-y plane, and ICT's teeth. Out: per layer the cropped
RGBA (straight alpha, colour bled into the transparent part), the tooth mask, grid positions (3 per vertex), texel
coordinates and triangles, and how the lower jaw's parts follow each jaw shape (3x4, row-major: delta = A [p, 1]).
"""

import cv2
import numpy as np

UPPER_TEETH = slice(17039, 19247)
LOWER_TEETH = slice(19247, 21451)
JAW_SHAPES = ["jawOpen", "jawLeft", "jawRight", "jawForward"]
LAYERS = ["tongue", "lowerTeeth", "upperTeeth"]  # back to front

# ICT's bite is set for an open mouth: at rest its teeth sit a little high and wide behind these lips.
LIFT = {"upperTeeth": -0.30, "lowerTeeth": -0.42, "tongue": 0.20}
# Rows of each texture that are worth keeping, in ICT's y before the lift: gum beyond is never seen.
KEEP_Y = {"upperTeeth": (-3.75, -1.3), "lowerTeeth": (-5.4, -3.1), "tongue": (-7.2, -0.2)}


def jaw_affines(ict, lift):
    names = [str(name) for name in ict["expression_names"]]
    teeth = ict["neutral"][LOWER_TEETH].astype(float)
    points = np.c_[teeth + [0, lift, 0], np.ones(len(teeth))]
    affines = []
    for name in JAW_SHAPES:
        delta = ict["expressions"][names.index(name)][LOWER_TEETH].astype(float)
        affine, *_ = np.linalg.lstsq(points, delta, rcond=None)
        worst = np.abs(points @ affine - delta).max()
        if worst > 0.02:
            raise ValueError(f"{name} does not move the lower teeth rigidly (residual {worst:.3f})")
        affines.append(affine.T)
    return np.stack(affines)


def bleed(rgba):
    """Fills transparent texels with the nearest colours, so that filtering never drags the background in."""
    colour, weight = rgba[..., :3] * rgba[..., 3:], rgba[..., 3].copy()
    filled = colour.copy()
    known = weight.copy()
    for sigma in (1, 2, 4, 8, 16, 32, 64):
        blurred, amount = cv2.GaussianBlur(colour, (0, 0), sigma), cv2.GaussianBlur(weight, (0, 0), sigma)
        fresh = (known < 1e-3) & (amount > 1e-3)
        filled[fresh] = blurred[fresh] / amount[fresh][:, None]
        known[fresh] = 1
    solid = weight > 1e-3
    filled[solid] = rgba[..., :3][solid]
    return np.dstack([filled, rgba[..., 3]])


def arch_depth(teeth):
    """z of the teeth's front as an even polynomial of x: (constant, x^2, x^4)."""
    xs, zs = [], []
    for x in np.arange(-3, 3.01, 0.1):
        near = np.abs(teeth[:, 0] - x) < 0.1
        if near.any():
            xs.append(x)
            zs.append(teeth[near, 2].max())
    xs, zs = np.array(xs), np.array(zs)
    return np.linalg.lstsq(np.stack([xs**0, xs**2, xs**4], 1), zs, rcond=None)[0]


def grid(columns, rows):
    """Two triangles per cell, area positive in image axes (row 0 on top)."""
    at = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    return np.stack([a, b, c, b, d, c], -1).reshape(-1, 3)


def flat_layer(name, rgba, mask, rect, px_per_unit, depth, columns=13, rows=5):
    """Crops a picture to what shows and lays it on a curved grid: depth(x, y) -> z."""
    x0, y1 = rect
    shown = (rgba[..., 3] > 0.02) & True
    row_y = y1 - (np.arange(len(rgba)) + 0.5) / px_per_unit
    low, high = KEEP_Y[name]
    shown &= ((row_y > low) & (row_y < high))[:, None]
    ys, xs = np.where(shown)
    top, bottom, left, right = ys.min() - 2, ys.max() + 3, xs.min() - 2, xs.max() + 3
    rgba, mask = bleed(rgba)[top:bottom, left:right], mask[top:bottom, left:right]
    height, width = mask.shape
    u, v = np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows))
    x, y = (u + left) / px_per_unit + x0, y1 - (v + top) / px_per_unit
    positions = np.stack([x, y + LIFT[name], depth(x, y)], -1)
    to_bytes = lambda values: np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return {
        "rgba": to_bytes(rgba),
        "toothMask": to_bytes(mask),
        "positions": positions.astype(np.float32),
        "uv": np.stack([u, v], -1).astype(np.float32),
        "triangles": grid(columns, rows).astype(np.uint16),
    }


def reference_colour(rgba, select):
    """Mean of the brightest third of the selected texels: what a photo's tooth or flesh colour is measured against."""
    texels = rgba[select & (rgba[..., 3] > 200)][:, :3].astype(float)
    luma = texels @ [0.299, 0.587, 0.114]
    return [round(float(c), 2) for c in texels[luma >= np.quantile(luma, 2 / 3)].mean(0)]
