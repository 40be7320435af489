"""Paints a person's skin as seen from the front: albedo, roughness and height, projected along z on the head.

In: a HeadModel and the person's recipe. Out: float32 maps over x -14..14, y -20..16 ICT units (row 0 at the
bottom, as Blender stores images), PX_PER_UNIT pixels per unit; albedo is linear RGB.
"""

import cv2
import numpy as np

from head_model import HeadModel, smooth_ring

PX_PER_UNIT = 48
X_LOW, X_HIGH, Y_LOW, Y_HIGH = -14.0, 14.0, -20.0, 16.0
WIDTH, HEIGHT = int((X_HIGH - X_LOW) * PX_PER_UNIT), int((Y_HIGH - Y_LOW) * PX_PER_UNIT)


def uv_of(points: np.ndarray) -> np.ndarray:
    return np.stack([(points[:, 0] - X_LOW) / (X_HIGH - X_LOW), (points[:, 1] - Y_LOW) / (Y_HIGH - Y_LOW)], 1)


def _pixels(points: np.ndarray) -> np.ndarray:
    return uv_of(points) * [WIDTH, HEIGHT]


def noise(rng: np.random.Generator, sigma_px: float) -> np.ndarray:
    """Smooth noise of unit spread at one scale."""
    shrink = max(1, int(sigma_px / 3))
    small = rng.normal(size=(HEIGHT // shrink + 2, WIDTH // shrink + 2)).astype(np.float32)
    small = cv2.GaussianBlur(small, (0, 0), sigma_px / shrink)
    small /= small.std()
    return cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def filled(ring: np.ndarray, soft_px: float) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    cv2.fillPoly(mask, [np.round(_pixels(ring) * 16).astype(np.int32)], 1.0, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask, (0, 0), soft_px)


class Painter:
    def __init__(self, head: HeadModel, recipe: dict):
        self.head, self.skin = head, recipe["skin"]
        self.rng = np.random.default_rng(recipe["seed"] + 1)
        ys, xs = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
        self.x = X_LOW + (xs + 0.5) / PX_PER_UNIT
        self.y = Y_LOW + (ys + 0.5) / PX_PER_UNIT
        ring = head.landmarks[48:60]
        self.lips = filled(smooth_ring(ring[:, :2], 240), 2.2)

    def spot(self, x: float, y: float, sx: float, sy: float) -> np.ndarray:
        return np.exp(-(((self.x - x) / sx) ** 2) - ((self.y - y) / sy) ** 2)

    def both(self, x: float, y: float, sx: float, sy: float) -> np.ndarray:
        return self.spot(x, y, sx, sy) + self.spot(-x, y, sx, sy)

    def redness(self) -> np.ndarray:
        p = self.head.landmarks
        nose, chin, cheek_y = p[30], p[8], (p[30][1] + p[36][1]) / 2 - 1.1
        red = 0.55 * self.both(4.6, cheek_y, 2.3, 1.7) + 0.5 * self.spot(nose[0], nose[1] + 0.3, 1.5, 1.1)
        red += 0.25 * self.spot(chin[0], chin[1] + 1.2, 1.8, 1.2) + 0.7 * self.both(8.6, 2.0, 1.2, 3.0)
        red += 0.12 * self.spot(0, 8.5, 4.5, 2.0)
        for side in (36, 42):
            eye = p[side : side + 6].mean(0)
            red += 0.28 * self.spot(eye[0], eye[1], 1.9, 1.0)
        return red * (1 + 0.22 * noise(self.rng, 26))

    def beard_region(self) -> np.ndarray:
        p = self.head.landmarks
        mouth, chin = p[[48, 54]].mean(0), p[8]
        jaw = np.clip((p[0][1] - 2.2 + 0.35 * np.abs(self.x) - self.y) / 2.5, 0, 1)
        cheek_line = np.interp(np.abs(self.x), [0, 1.2, 2.6, 4.5, 6.2, 7.4], [-2.0, -2.0, -2.6, -3.4, -1.8, 2.6])
        region = np.clip((cheek_line + (mouth[1] + 3.5) - self.y) / 0.9, 0, 1) * jaw
        region *= np.clip((self.y - (chin[1] - 2.8)) / 1.8, 0, 1)
        region *= 1 - 0.75 * self.both(1.9, mouth[1] - 1.5, 0.6, 0.7)
        return region * (1 - self.lips)

    def paint(self) -> dict[str, np.ndarray]:
        s, rng, p = self.skin, self.rng, self.head.landmarks
        base = np.array(s["albedo"], np.float32)
        tone = 1 + 0.035 * noise(rng, 70) + 0.03 * noise(rng, 16) + 0.03 * noise(rng, 4)
        albedo = base[None, None] * tone[..., None]
        red = self.redness() * s["redness"]
        blotch = 0.05 * noise(rng, 9) * s["redness"]
        albedo *= 1 - np.clip(red + blotch, -0.2, 0.9)[..., None] * np.array([0.06, 0.42, 0.36], np.float32)
        for side in (36, 42):
            eye = p[side : side + 6].mean(0)
            hollow = self.spot(eye[0] * 0.93, eye[1] - 1.25, 1.5, 0.55) * s.get("under_eye", 0.16)
            lid = self.spot(eye[0], eye[1] + 0.55, 1.7, 0.55) * s.get("lid", 0.14)
            albedo *= 1 - hollow[..., None] * np.array([0.75, 0.9, 0.7], np.float32)
            albedo *= 1 - lid[..., None] * np.array([0.7, 1.0, 1.0], np.float32)
        albedo = self._freckles(albedo)
        beard = self.beard_region()
        if s.get("stubble", 0):
            albedo = self._stubble(albedo, beard, s["stubble"])
        lip_shade = 1 + 0.10 * noise(rng, 5) + 0.05 * noise(rng, 2)
        lip_lines = cv2.GaussianBlur(rng.normal(size=(HEIGHT, WIDTH)).astype(np.float32), (0, 0), sigmaX=1.6, sigmaY=14)
        lip_lines /= lip_lines.std()
        seam = np.exp(-((self.y - self._lip_seam()) / 0.16) ** 2)
        lip = np.array(s["lips"], np.float32)[None, None] * (lip_shade * (1 - 0.05 * lip_lines) * (1 - 0.35 * seam))[..., None]
        mix = (self.lips * s.get("lip_strength", 0.85))[..., None]
        albedo = albedo * (1 - mix) + lip * mix
        shine = self.spot(0, 8, 3.4, 2.0) + self.spot(0, p[30][1] + 1, 0.8, 2.2) + 0.6 * self.both(4.2, 1.2, 1.6, 1.2)
        rough = s.get("roughness", 0.5) - 0.09 * np.clip(shine, 0, 1) + 0.03 * noise(rng, 3)
        rough = rough * (1 - self.lips) + s.get("lip_roughness", 0.36) * self.lips
        height = 0.5 * noise(rng, 1.4) + 0.5 * noise(rng, 3.0)
        height = height * (1 - self.lips) * 0.6 - self.lips * lip_lines * 1.3
        return {
            "albedo": np.clip(albedo, 0.004, 0.95).astype(np.float32),
            "roughness": np.clip(rough, 0.15, 0.9).astype(np.float32),
            "height": height.astype(np.float32),
        }

    def _lip_seam(self) -> np.ndarray:
        inner = self.head.landmarks[[60, 61, 62, 63, 64, 65, 66, 67]]
        upper, lower = inner[[0, 1, 2, 3, 4]], inner[[0, 7, 6, 5, 4]]
        middle = (upper + lower) / 2
        return np.interp(self.x[0], middle[:, 0], middle[:, 1]).astype(np.float32)[None, :]

    def _freckles(self, albedo: np.ndarray) -> np.ndarray:
        count = self.skin.get("freckles", 0)
        layer = np.zeros((HEIGHT, WIDTH), np.float32)
        weight = 0.9 * self.both(3.6, 0.9, 2.6, 1.6) + self.spot(0, 1.2, 1.8, 1.6) + 0.2 * self.spot(0, 7.5, 5, 3) + 0.05
        tries = self.rng.uniform(size=(count * 6, 2)) * [WIDTH, HEIGHT]
        kept = 0
        for x, y in tries:
            if kept >= count:
                break
            if self.rng.uniform() < weight[int(y), int(x)] and self.lips[int(y), int(x)] < 0.1:
                radius = self.rng.gamma(3, 0.75)
                cv2.circle(layer, (int(x * 16), int(y * 16)), int(16 * radius), float(self.rng.uniform(0.25, 1)), -1, cv2.LINE_AA, 4)
                kept += 1
        layer = cv2.GaussianBlur(layer, (0, 0), 1.5) * self.skin.get("freckle_strength", 0.5)
        return albedo * (1 - layer[..., None] * np.array([0.38, 0.55, 0.66], np.float32))

    def _stubble(self, albedo: np.ndarray, region: np.ndarray, strength: float) -> np.ndarray:
        dots = (self.rng.uniform(size=(HEIGHT, WIDTH)) < 0.05).astype(np.float32)
        dots = cv2.GaussianBlur(dots, (0, 0), 1.0) * 3.2
        dark = np.clip(0.35 + dots, 0, 1.4) * region * strength
        tint = np.array(self.skin.get("stubble_tint", [1.0, 0.93, 0.86]), np.float32)
        return albedo * (1 - np.clip(dark, 0, 0.92)[..., None] * tint)


def eye_map(recipe: dict, size: int = 512) -> np.ndarray:
    """Sclera and iris seen from the front, linear RGB (size, size, 3); the eyeball's diameter fills the map."""
    rng = np.random.default_rng(recipe["seed"] + 2)
    ys, xs = np.mgrid[0:size, 0:size].astype(np.float32)
    x, y = (xs + 0.5) / size * 2 - 1, (ys + 0.5) / size * 2 - 1
    r, angle = np.hypot(x, y), np.arctan2(y, x)
    white = np.array(recipe["eyes"].get("white", [0.66, 0.62, 0.585]), np.float32)
    out = np.ones((size, size, 3), np.float32) * white
    out *= 1 - np.clip((np.abs(x) - 0.45) / 0.5, 0, 1)[..., None] * np.array([0.08, 0.3, 0.32], np.float32)
    veins = np.zeros((size, size), np.float32)
    for _ in range(26):
        a, rad = rng.uniform(0, 2 * np.pi), 0.98
        points = []
        for _step in range(26):
            points.append(((rad * np.cos(a) + 1) / 2 * size, (rad * np.sin(a) + 1) / 2 * size))
            rad -= rng.uniform(0.004, 0.018)
            a += rng.normal() * 0.03
        cv2.polylines(veins, [np.int32(np.array(points) * 8)], False, float(rng.uniform(0.2, 0.7)), 1, cv2.LINE_AA, 3)
    veins = cv2.GaussianBlur(veins, (0, 0), 0.8)
    out *= 1 - veins[..., None] * np.array([0.1, 0.42, 0.4], np.float32)
    iris_r, pupil_r = 0.47, recipe["eyes"].get("pupil", 0.17)
    t = np.clip((r - pupil_r) / (iris_r - pupil_r), 0, 1)
    fibre = np.zeros_like(r)
    for octave, amount in ((22, 0.5), (47, 0.35), (96, 0.25)):
        phase = rng.normal(size=octave * 2)
        position = (angle / (2 * np.pi) + 0.5) * len(phase)
        wobble = position + 0.35 * np.sin(9 * r + octave)
        i = np.floor(wobble).astype(int)
        f = wobble - i
        f = f * f * (3 - 2 * f)
        fibre += amount * (phase[i % len(phase)] * (1 - f) + phase[(i + 1) % len(phase)] * f)
    iris, inner = (np.array(recipe["eyes"][k], np.float32) for k in ("iris", "inner"))
    ring = np.exp(-(((t - 0.22 - 0.04 * fibre) / 0.2) ** 2))
    colour = iris * (1 - ring[..., None]) + inner * ring[..., None]
    colour *= np.clip(1 + 0.33 * fibre, 0.25, 2.2)[..., None]
    colour *= (1 - 0.75 * np.clip((t - 0.72) / 0.28, 0, 1) ** 1.5)[..., None]
    soft = np.clip((iris_r + 0.022 - r) / 0.05, 0, 1)
    soft = (soft * soft * (3 - 2 * soft))[..., None]
    out = out * (1 - soft) + colour * soft
    pupil = np.clip((pupil_r + 0.012 - r) / 0.024, 0, 1)[..., None]
    return (out * (1 - pupil) + 0.003 * pupil).astype(np.float32)
