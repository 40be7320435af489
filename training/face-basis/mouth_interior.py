"""Mouth interior: rendered teeth and tongue pictures become layers (texture, tooth mask, curved grid) in basis space.

In: pictures of the layers over one common rectangle of the x-y plane, and ICT's teeth. Out: per layer the cropped
RGBA (straight alpha, colour bled into the transparent part), the tooth mask, grid positions (3 per vertex), texel
coordinates and triangles, and how the lower jaw's parts follow each jaw shape (3x4, row-major: delta = A [p, 1]).
"""

import cv2
import numpy as np

from mouth_scene import LOWER, PX_PER_UNIT, RECT, UPPER
from tongue import PATH, POSES, PRESENT, tongue_grid, tongue_points

JAW_SHAPES = ["jawOpen", "jawLeft", "jawRight", "jawForward"]
LAYERS = ["tongue", "lowerTeeth", "upperTeeth"]  # back to front
TEETH = {"upperTeeth": slice(UPPER[0], UPPER[1] + 1), "lowerTeeth": slice(LOWER[0], LOWER[1] + 1)}

# ICT's teeth meet edge to edge and sit high behind these lips: lowered, with the overbite that most people have.
LIFT = {"upperTeeth": -0.32, "lowerTeeth": -0.20}
# Rows of each picture that are worth keeping, in ICT's y before the lift: gum beyond is never seen.
KEEP_Y = {"upperTeeth": (-3.75, -1.3), "lowerTeeth": (-5.4, -3.1)}


def jaw_affines(ict, lift):
    names = [str(name) for name in ict["expression_names"]]
    teeth = ict["neutral"][TEETH["lowerTeeth"]].astype(float)
    points = np.c_[teeth + [0, lift, 0], np.ones(len(teeth))]
    affines = []
    for name in JAW_SHAPES:
        delta = ict["expressions"][names.index(name)][TEETH["lowerTeeth"]].astype(float)
        affine, *_ = np.linalg.lstsq(points, delta, rcond=None)
        worst = np.abs(points @ affine - delta).max()
        if worst > 0.02:
            raise ValueError(f"{name} does not move the lower teeth rigidly (residual {worst:.3f})")
        affines.append(affine.T)
    return np.stack(affines)


def _denoise(rgba):
    """Takes the path tracer's grain out of the lit colour, edges kept (bilateral in square-root-like sRGB)."""
    colour = rgba[..., :3].astype(np.float32)
    return np.dstack([cv2.bilateralFilter(colour, 5, 0.06, 1.2), rgba[..., 3]])


def _bleed(rgba):
    """Fills transparent texels with the nearest colours, so that filtering never drags the background in."""
    weight = rgba[..., 3]
    sure = (weight > 0.6).astype(float)
    colour = rgba[..., :3] * sure[..., None]
    filled, known = rgba[..., :3].copy(), sure > 0
    filled[~known] = 0
    for sigma in (1, 2, 4, 8, 16, 32, 64):
        blurred, amount = cv2.GaussianBlur(colour, (0, 0), sigma), cv2.GaussianBlur(sure, (0, 0), sigma)
        fresh = ~known & (amount > 1e-3)
        filled[fresh] = blurred[fresh] / amount[fresh][:, None]
        known |= fresh
    return np.dstack([filled, weight])


def _arch_depth(teeth):
    """z of the teeth's front as an even polynomial of x: (constant, x^2, x^4)."""
    xs, zs = [], []
    for x in np.arange(-3, 3.01, 0.1):
        near = np.abs(teeth[:, 0] - x) < 0.1
        if near.any():
            xs.append(x)
            zs.append(teeth[near, 2].max())
    xs, zs = np.array(xs), np.array(zs)
    return np.linalg.lstsq(np.stack([xs**0, xs**2, xs**4], 1), zs, rcond=None)[0]


def _grid_triangles(columns, rows):
    """Two triangles per cell, area positive in image axes (row 0 on top)."""
    at = np.arange(columns * rows).reshape(rows, columns)
    a, b, c, d = at[:-1, :-1], at[:-1, 1:], at[1:, :-1], at[1:, 1:]
    return np.stack([a, b, c, b, d, c], -1).reshape(-1, 3).astype(np.uint16)


def _bytes(values):
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)


def _crop(shown):
    ys, xs = np.where(shown)
    return max(ys.min() - 3, 0), ys.max() + 4, max(xs.min() - 3, 0), xs.max() + 4


def _teeth_layer(name, rgba, mask, teeth, columns=13, rows=5):
    low, high = KEEP_Y[name]
    row_y = RECT[3] - (np.arange(len(rgba)) + 0.5) / PX_PER_UNIT
    top, bottom, left, right = _crop((rgba[..., 3] > 0.02) & ((row_y > low) & (row_y < high))[:, None])
    texture, mask = _denoise(_bleed(rgba))[top:bottom, left:right], mask[top:bottom, left:right]
    height, width = mask.shape
    u, v = np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows))
    x, y = (u + left) / PX_PER_UNIT + RECT[0], RECT[3] - (v + top) / PX_PER_UNIT
    constant, square, fourth = _arch_depth(teeth)
    z = constant + square * x**2 + fourth * x**4
    return {
        "rgba": _bytes(texture),
        "toothMask": _bytes(mask),
        "positions": np.stack([x, y + LIFT[name], z], -1).astype(np.float32),
        "uv": np.stack([u, v], -1).astype(np.float32),
        "triangles": _grid_triangles(columns, rows),
    }


def _tongue_layer(rgba):
    top, bottom, left, right = _crop(rgba[..., 3] > 0.02)
    texture = _denoise(_bleed(rgba))[top:bottom, left:right]
    u, s = tongue_grid()
    rows, columns = u.shape
    painted = tongue_points(PRESENT, u.ravel(), s.ravel())
    texel_u, texel_v = (painted[:, 0] - RECT[0]) * PX_PER_UNIT - left, (RECT[3] - painted[:, 1]) * PX_PER_UNIT - top
    uv = np.stack([np.clip(texel_u, 0, texture.shape[1]), np.clip(texel_v, 0, texture.shape[0])], -1)
    path = np.stack([tongue_points(POSES[pose], u.ravel(), s.ravel()).reshape(rows, columns, 3) for pose, _ in PATH])
    return {
        "rgba": _bytes(texture),
        "toothMask": np.zeros(texture.shape[:2], np.uint8),
        "positions": path[0].astype(np.float32),
        "uv": uv.reshape(rows, columns, 2).astype(np.float32),
        "triangles": _grid_triangles(columns, rows),
        "path": path.astype(np.float32),
    }


def _reference_colour(rgba, select):
    """Mean of the brightest third of the selected texels: what a photo's tooth or flesh colour is measured against."""
    texels = rgba[select & (rgba[..., 3] > 200)][:, :3].astype(float)
    luma = texels @ [0.299, 0.587, 0.114]
    return [round(float(c), 2) for c in texels[luma >= np.quantile(luma, 2 / 3)].mean(0)]


def mouth_layers(ict, pictures):
    """({array name: values}, {layer: reference colours}) from {layer: (RGBA, tooth mask)}, values 0 … 1."""
    arrays, references = {}, {}
    for name in LAYERS:
        rgba, mask = pictures[name]
        if name == "tongue":
            layer = _tongue_layer(rgba)
        else:
            layer = _teeth_layer(name, rgba, mask, ict["neutral"][TEETH[name]].astype(float))
        arrays |= {f"mouth.{name}.{key}": value for key, value in layer.items()}
        tooth = layer["toothMask"] > 127
        references[name] = {"flesh": _reference_colour(layer["rgba"], ~tooth)}
        if tooth.any():
            references[name]["tooth"] = _reference_colour(layer["rgba"], tooth)
    return arrays, references
