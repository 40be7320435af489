"""Draws every expression of a face-basis file on the neutral face, to be looked at.

    python training/face-basis/contact_sheet.py models/face-basis.bin OUT.png [--mouth]

In: the file. Out: one picture; labels name the shape, red marks what moves. Seen from the front, so the person's left
is on the image's right. With --mouth: the mouth layers on grey, four times their size at a 512-px face.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from container import read_container

LIGHT = np.array([0.35, 0.5, 0.8]) / np.linalg.norm([0.35, 0.5, 0.8])


def draw(positions, triangles, moved, size=300, half_width=11.5):
    """Painter's algorithm, flat shading, 2x2 supersampled."""
    centre = np.array([0, -2.0])
    pixels = (positions[:, :2] - centre) * [1, -1] / half_width * size + size
    corner = positions[triangles]
    normal = np.cross(corner[:, 2] - corner[:, 0], corner[:, 1] - corner[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    light = 60 + 170 * np.clip(normal @ LIGHT, 0, 1)
    amount = np.clip(moved[triangles].mean(1) / 0.8, 0, 1)
    picture = np.full((2 * size, 2 * size, 3), 40, np.uint8)
    for i in np.argsort(corner[:, :, 2].mean(1)):
        if normal[i, 2] <= 0:
            continue
        value = light[i]
        colour = (value * (1 - 0.6 * amount[i]), value * (1 - 0.6 * amount[i]), value)
        cv2.fillConvexPoly(picture, np.rint(pixels[triangles[i]] * 16).astype(np.int32), colour, cv2.LINE_AA, 4)
    return cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)


def expressions_sheet(arrays, header, columns=9):
    positions, triangles = arrays["positions"].astype(float), arrays["triangles"].astype(int)
    cells = []
    poses = [("neutral", positions * 0)] + list(zip(header["shapes"], arrays["expression"]))
    shapes = dict(poses)
    poses += [("jawOpen .4 + mouthClose .4", 0.4 * (shapes["jawOpen"] + shapes["mouthClose"]))]
    for name, delta in poses:
        cell = draw(positions + delta, triangles, np.linalg.norm(delta, axis=1))
        cells.append(cv2.putText(cell, name, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1, cv2.LINE_AA))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])


def mouth_sheet(arrays, header):
    rows = []
    for name in header["mouthLayers"]:
        rgba = arrays[f"mouth.{name}.rgba"].astype(float)
        mask = np.repeat(arrays[f"mouth.{name}.toothMask"][..., None], 3, 2)
        alpha = rgba[..., 3:] / 255
        over = [rgba[..., 2::-1] * alpha + back * (1 - alpha) for back in (12, 110)]
        row = np.hstack([*over, rgba[..., 2::-1], mask]).astype(np.uint8)
        rows.append(cv2.copyMakeBorder(row, 4, 4, 4, 2000 - row.shape[1], cv2.BORDER_CONSTANT))
    return np.vstack(rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("basis", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mouth", action="store_true")
    args = parser.parse_args()
    arrays, header = read_container(args.basis)
    sheet = mouth_sheet if args.mouth else expressions_sheet
    cv2.imwrite(str(args.out), sheet(arrays, header))


if __name__ == "__main__":
    main()
