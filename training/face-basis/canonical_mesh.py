"""MediaPipe's canonical face: 468 vertices in cm and their triangles, from the npm package @mediapipe/face_mesh.

In: the unpacked package. Out: positions (468, 3) and triangles (898, 3) as in the package, plus the index lists that the
product uses (kept equal to src/engine/portrait/landmark-indices.ts by the loader's test).
The mesh sits in a protobuf (GeometryPipelineMetadata) inside the package's concatenated asset file.
"""

import json
import re
import struct
from pathlib import Path

import numpy as np

METADATA_NAME = "geometry_pipeline_metadata_landmarks.binarypb"

# Each ring: from one corner along the upper edge to the other corner, then back along the lower edge.
# Right and left are the person's own; the person's right is the image's left.
INNER_LIPS = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
OUTER_LIPS = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
RIGHT_EYE = [33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7]
LEFT_EYE = [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249]
OVAL = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
]  # fmt: skip
RINGS = {"innerLips": INNER_LIPS, "outerLips": OUTER_LIPS, "rightEye": RIGHT_EYE, "leftEye": LEFT_EYE, "oval": OVAL}
HOLES = ["innerLips", "rightEye", "leftEye"]
CORNERS = {78, 308, 33, 133, 362, 263, 61, 291}


def _varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _fields(data):
    """(field number, value) of one protobuf message; sub-messages stay bytes."""
    at, fields = 0, []
    while at < len(data):
        key, at = _varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 2:
            length, at = _varint(data, at)
            value = data[at : at + length]
            at += length
        elif wire == 5:
            value = data[at : at + 4]
            at += 4
        else:
            raise ValueError(f"unexpected protobuf wire type {wire} in {METADATA_NAME}")
        fields.append((number, value))
    return fields


def load_canonical_mesh(package_dir):
    package_dir = Path(package_dir)
    loader = (package_dir / "face_mesh_solution_packed_assets_loader.js").read_text()
    entry = re.search(r'\{"filename": "[^"]*' + re.escape(METADATA_NAME) + r'"[^}]*\}', loader)
    if not entry:
        raise ValueError(f"{package_dir}: the asset loader does not list {METADATA_NAME}")
    span = json.loads(entry.group(0))
    packed = (package_dir / "face_mesh_solution_packed_assets.data").read_bytes()
    metadata = packed[span["start"] : span["end"]]
    mesh = _fields(next(value for number, value in _fields(metadata) if number == 1))
    # Vertices are x y z u v; the texture coordinates are not needed.
    positions = np.array([struct.unpack("<f", v)[0] for n, v in mesh if n == 3]).reshape(-1, 5)[:, :3]
    triangles = np.array([v for n, v in mesh if n == 4]).reshape(-1, 3)
    if positions.shape != (468, 3) or triangles.shape != (898, 3):
        raise ValueError(f"{package_dir}: canonical mesh is {positions.shape}/{triangles.shape}, expected 468/898")
    return positions, triangles


def mirror_of(positions):
    """Index of each vertex's mirror image across x = 0; the mesh is symmetric, so this is an involution."""
    distance = np.linalg.norm(positions[:, None] * [-1, 1, 1] - positions[None], axis=2)
    mirror = distance.argmin(1)
    if not (mirror[mirror] == np.arange(len(positions))).all() or distance.min(1).max() > 0.05:
        raise ValueError(f"mesh is not symmetric (worst {distance.min(1).max():.3f})")
    return mirror


def cut_and_subdivide(positions, triangles):
    """Cuts mouth and eyes out, then splits every edge once.

    Returns (subdivision (n, 468), triangles (m, 3), {ring name: vertex list}). Edge mid-points are linear except along
    the rings, where the 4-point rule keeps them curved; corners stay sharp.
    """
    holes = [set(RINGS[name]) for name in HOLES]
    triangles = np.array([t for t in triangles if not any(all(int(v) in hole for v in t) for hole in holes)])
    # Area positive in image axes (x right, y down): the face looks along +z, so image y = -y.
    a, b, c = (positions[triangles[:, k], :2] for k in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    if (area > 0).sum() > (area < 0).sum():
        triangles = triangles[:, ::-1]

    count = len(positions)
    middle = {}

    def mid(i, j):
        key = (min(i, j), max(i, j))
        return middle.setdefault(key, count + len(middle))

    split = []
    for i, j, k in triangles:
        ij, jk, ki = mid(i, j), mid(j, k), mid(k, i)
        split += [(i, ij, ki), (j, jk, ij), (k, ki, jk), (ij, jk, ki)]
    matrix = np.zeros((count + len(middle), count))
    matrix[:count] = np.eye(count)
    for (i, j), row in middle.items():
        matrix[row, [i, j]] = 0.5
    rings = {}
    for name, ring in RINGS.items():
        fine = []
        for at, i in enumerate(ring):
            before, j, after = ring[at - 1], ring[(at + 1) % len(ring)], ring[(at + 2) % len(ring)]
            row = middle[(min(i, j), max(i, j))]
            fine += [i, row]
            if i not in CORNERS and j not in CORNERS:
                matrix[row, [i, j]] = 9 / 16
                matrix[row, [before, after]] = -1 / 16
        rings[name] = fine
    return matrix, np.array(split), rings
