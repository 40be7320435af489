"""Turns a rendered person into a drawing: ink lines and watercolour on paper.

In: the picture (uint8 RGB) and the renderer's normal and albedo passes, same size. Out: uint8 RGB.
Colour comes from an anisotropic Kuwahara filter (flat strokes that follow the form), line from a flow-based
difference of Gaussians on the picture joined with creases of the normals, paper from seeded noise.
"""

import cv2
import numpy as np


def _tangent(grey: np.ndarray, sigma: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Direction along the edges (cos, sin) and how sure it is (0..1), from the smoothed structure tensor."""
    gx, gy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    e, g, f = (cv2.GaussianBlur(v, (0, 0), sigma) for v in (gx * gx, gy * gy, gx * gy))
    angle = 0.5 * np.arctan2(2 * f, e - g) + np.pi / 2
    root = np.sqrt((e - g) ** 2 + 4 * f * f)
    return np.cos(angle), np.sin(angle), root / (e + g + 1e-6)


def _along(values: np.ndarray, tx: np.ndarray, ty: np.ndarray, length: int, sigma: float) -> np.ndarray:
    """Gaussian average along the tangent field."""
    height, width = values.shape[:2]
    ys, xs = np.mgrid[0:height, 0:width].astype(np.float32)
    total, weight = values.copy(), 1.0
    for way in (1, -1):
        px, py = xs.copy(), ys.copy()
        dx, dy = way * tx, way * ty
        for step in range(1, length + 1):
            px, py = px + dx, py + dy
            nx, ny = (cv2.remap(v, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for v in (tx, ty))
            turn = np.where(nx * dx + ny * dy < 0, -1, 1).astype(np.float32)
            dx, dy = nx * turn, ny * turn
            w = float(np.exp(-0.5 * (step / sigma) ** 2))
            total += w * cv2.remap(values, px, py, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
            weight += w
    return total / weight


def kuwahara(picture: np.ndarray, radius: int, sharpness: float = 9.0) -> np.ndarray:
    """Generalised Kuwahara filter with eight overlapping sectors; keeps edges, flattens texture."""
    ys, xs = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float32)
    angle, r = np.arctan2(ys, xs), np.hypot(xs, ys)
    disc = np.exp(-0.5 * (r / (radius * 0.5)) ** 2) * (r <= radius)
    total, weights = np.zeros_like(picture), np.zeros(picture.shape[:2], np.float32)
    for k in range(8):
        d = np.abs((angle - k * np.pi / 4 + np.pi) % (2 * np.pi) - np.pi)
        sector = disc * np.clip(1 - d / (np.pi / 3.2), 0, 1)
        sector[radius, radius] = disc[radius, radius] * 0.5
        sector = (sector / sector.sum()).astype(np.float32)
        mean = cv2.filter2D(picture, -1, sector, borderType=cv2.BORDER_REFLECT)
        spread = cv2.filter2D(picture * picture, -1, sector, borderType=cv2.BORDER_REFLECT) - mean * mean
        w = 1 / (1 + (255 * np.maximum(spread.sum(2), 0)) ** (sharpness / 2))
        total += mean * w[..., None]
        weights += w
    return total / weights[..., None]


def ink(grey: np.ndarray, sigma: float, gain: float, floor: float) -> np.ndarray:
    """Line strength 0..1 where the picture is darker than its surroundings, smooth along the lines."""
    tx, ty, _ = (v.astype(np.float32) for v in _tangent(cv2.GaussianBlur(grey, (0, 0), 1.0), 3.0))
    narrow, wide = cv2.GaussianBlur(grey, (0, 0), sigma), cv2.GaussianBlur(grey, (0, 0), sigma * 1.6)
    response = _along((wide - narrow).astype(np.float32), tx, ty, 7, 3.5)
    return np.clip((response - floor) * gain, 0, 1)


def paper(side: int, rng: np.random.Generator) -> np.ndarray:
    """Relief of cold-pressed paper, about -1..1."""
    relief = np.zeros((side, side), np.float32)
    for sigma, amount in ((0.9, 0.35), (2.2, 0.5), (5.0, 0.25)):
        layer = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), sigma)
        relief += amount * layer / layer.std()
    return relief


def draw(picture: np.ndarray, normal: np.ndarray, cover: np.ndarray, seed: int = 3) -> np.ndarray:
    """cover: 1 where the sitter is, 0 on the backdrop; normal in the camera's axes (z away from the viewer)."""
    rng = np.random.default_rng(seed)
    side = picture.shape[0]
    scale = side / 1024
    x = picture.astype(np.float32) / 255
    relief = paper(side, rng)
    sheet = np.array([0.955, 0.935, 0.895], np.float32) * (1 + 0.012 * relief[..., None])

    wash = kuwahara(x, max(3, round(7 * scale)))
    wash = kuwahara(wash, max(3, round(5 * scale)))
    fine = kuwahara(x, max(2, round(3 * scale)))
    grey_fine = cv2.cvtColor(fine, cv2.COLOR_RGB2GRAY)
    # Detail stays where lines are close together: eyes, mouth, brows.
    busy = cv2.GaussianBlur(np.abs(grey_fine - cv2.GaussianBlur(grey_fine, (0, 0), 6 * scale)), (0, 0), 9 * scale)
    busy = np.clip(busy * 18 - 0.15, 0, 1)[..., None]
    colour = wash * (1 - busy) + fine * busy
    hsv = cv2.cvtColor(colour, cv2.COLOR_RGB2HSV)
    hsv[..., 1] = np.clip(hsv[..., 1] * 1.3, 0, 1)
    colour = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    colour = colour**0.9 * np.array([1.05, 1.01, 0.99], np.float32)  # thin paint: warm paper shines through
    pool = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 22 * scale)
    granule = np.clip(relief, -2, 2)
    paint = np.clip(colour * (1 + 0.035 * (pool / pool.std())[..., None] + 0.022 * granule[..., None]), 0, 1)

    # The wash ends a little raggedly around the sitter and in a loose halo on the sheet.
    wobble = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 6 * scale)
    edge = cv2.GaussianBlur(cover, (0, 0), 2.0 * scale)
    inside = np.clip((edge - 0.5 + 0.06 * wobble / wobble.std()) * 6 + 0.5, 0, 1)[..., None]
    ys, xs = np.mgrid[0:side, 0:side].astype(np.float32) / side
    ragged = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 26 * scale)
    reach = np.hypot((xs - 0.5) / 0.60, (ys - 0.47) / 0.62) + 0.07 * ragged / ragged.std()
    halo = (np.clip((1.0 - reach) * 5, 0, 1) * 0.75)[..., None]
    halo = halo * (1 + 0.12 * np.clip(1 - np.abs((1.0 - reach) * 14 - 0.6), 0, 1)[..., None])
    tint = np.median(x[cover < 0.02].reshape(-1, 3), axis=0)
    backdrop = sheet * (1 - halo) + sheet * (tint / tint.max()) ** 1.5 * halo
    result = backdrop * (1 - inside) + np.minimum(paint * (0.96 + 0.06 * sheet), 1) * inside

    # Lines in the shade need less contrast than lines in the light, hence the power.
    level = cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) ** 0.6
    line = np.maximum(ink(level, 1.6 * scale, 40, 0.005), 0.85 * ink(level, 3.2 * scale, 24, 0.008))
    # Where the form turns away from the viewer it gets a contour: jaw, nose wings, ears, collar.
    facing = cv2.GaussianBlur(np.clip(-normal[..., 2], 0, 1), (0, 0), 1.6 * scale)
    line = np.maximum(line, 0.85 * ink(facing, 2.0 * scale, 9, 0.012))
    line *= cv2.dilate((cover > 0.5).astype(np.float32), np.ones((3, 3)))
    rim = cv2.GaussianBlur(cover + 0.05 * wobble / wobble.std(), (0, 0), 1.4 * scale)
    near = cv2.dilate((cover > 0.3).astype(np.float32), np.ones((5, 5)))
    line = np.maximum(line, 0.8 * near * np.clip(1 - np.abs(rim - 0.5) * 2.6, 0, 1))
    # A hand presses unevenly and the paper's grain breaks the stroke.
    hand = cv2.GaussianBlur(rng.normal(size=(side, side)).astype(np.float32), (0, 0), 14 * scale)
    pressure = np.clip(0.85 + 0.16 * hand / hand.std() + 0.12 * relief, 0.25, 1.1)
    ink_colour = np.array([0.13, 0.095, 0.09], np.float32)
    strength = np.clip(0.9 * line * pressure, 0, 1)[..., None]
    # Pencil hatching, slanted, in the deep shades of skin and cloth.
    slant = (xs + ys) * side / (5.2 * scale) + 0.5 * hand / hand.std()
    hatch = np.clip(np.cos(2 * np.pi * slant / 2) * 1.6 - 0.4, 0, 1)
    shade = np.clip((0.60 - cv2.GaussianBlur(level, (0, 0), 8 * scale)) * 2.2, 0, 0.5)
    strength = np.maximum(strength, (hatch * shade * 0.45 * cover)[..., None])
    result = result * (1 - strength) + ink_colour * strength
    return (np.clip(result, 0, 1) * 255 + 0.5).astype(np.uint8)
