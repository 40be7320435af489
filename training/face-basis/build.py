"""Makes models/face-basis.bin: the face geometry, expressions and mouth interior that every portrait starts from.

    python training/face-basis/build.py --ict ICT.npz --face-mesh node_modules/@mediapipe/face_mesh --out models/face-basis.bin

Deterministic: the same inputs give the same bytes; the script prints their SHA-256. Needs numpy, scipy, opencv and
Blender 3.4 (Debian's; Cycles on the CPU, some minutes). `--pictures FOLDER` keeps the rendered pictures there
and takes those it finds.
"""

import argparse
import subprocess
import tempfile
from pathlib import Path

import cv2
import numpy as np

from canonical_mesh import HOLES, RINGS, cut_and_subdivide, load_canonical_mesh
from container import quantised, write_container
from expression_basis import ARKIT_NAMES, build_expression_basis
from mouth_interior import JAW_SHAPES, LAYERS, LIFT, jaw_affines, mouth_layers
from mouth_scene import mouth_meshes
from tongue import PATH

SAMPLES = 112


def sparse_rows(matrix):
    rows = [np.flatnonzero(row) for row in matrix]
    return {
        "subdivisionRowStart": np.cumsum([0] + [len(r) for r in rows]).astype(np.uint32),
        "subdivisionColumn": np.concatenate(rows).astype(np.uint16),
        "subdivisionValue": np.concatenate([matrix[i, r] for i, r in enumerate(rows)]).astype(np.float32),
    }


def render_pictures(blender, scene, folder):
    """{layer: (RGBA straight alpha 0 … 1, tooth mask 0 … 1)}, path-traced where the folder does not have them yet."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in LAYERS if not (folder / f"{name}.png").exists()]
    if missing:
        np.savez(folder / "scene.npz", **scene)
        script = Path(__file__).with_name("render_mouth.py")
        command = [blender, "--background", "--factory-startup", "--python-exit-code", "1", "--python", str(script)]
        subprocess.run([*command, "--", str(folder / "scene.npz"), str(folder), str(SAMPLES), *missing], check=True)

    def read(name):
        picture = cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED)
        return cv2.cvtColor(picture, cv2.COLOR_BGRA2RGBA).astype(float) / 65535

    pictures = {}
    for name in LAYERS:
        mask = np.zeros(read(f"{name}.png").shape[:2]) if name == "tongue" else read(f"{name}.mask.png")[..., 0]
        pictures[name] = (read(f"{name}.png"), mask)
    return pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ict", type=Path, required=True, help="ICT-FaceKit as one npz (see models/face-basis.md)")
    parser.add_argument("--face-mesh", type=Path, required=True, help="the unpacked npm package @mediapipe/face_mesh")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blender", default="blender")
    parser.add_argument("--pictures", type=Path, help="folder of rendered pictures to keep and to reuse")
    args = parser.parse_args()

    ict = dict(np.load(args.ict))
    canonical, canonical_triangles = load_canonical_mesh(args.face_mesh)
    subdivision, triangles, rings = cut_and_subdivide(canonical, canonical_triangles)
    basis = build_expression_basis(ict, canonical, subdivision, triangles, rings)
    with tempfile.TemporaryDirectory() as scratch:
        pictures = render_pictures(args.blender, mouth_meshes(ict), args.pictures or Path(scratch))
    mouth, references = mouth_layers(ict, pictures)

    arrays = {
        **sparse_rows(subdivision),
        "triangles": triangles.astype(np.uint16),
        "lipLabels": basis["labels"].astype(np.int8),
        "positions": basis["positions"].astype(np.float32),
        "normals": basis["normals"].astype(np.float32),
        "expression": quantised(basis["expression"], np.int16),
        "expressionNormal": quantised(basis["expressionNormal"], np.int8),
        "identity": quantised(basis["identity"], np.int16),
        "jaw": jaw_affines(ict, LIFT["lowerTeeth"]).astype(np.float32),
        **{f"ring.{name}": np.array(ring, np.uint16) for name, ring in rings.items()},
        **mouth,
    }
    constants = {
        "shapes": ARKIT_NAMES,
        "jawShapes": JAW_SHAPES,
        "rings": list(RINGS),
        "holes": HOLES,
        "mouthLayers": LAYERS,
        "mouthReferences": references,
        "tongueWeights": [weight for _, weight in PATH],
    }
    digest, size = write_container(args.out, arrays, constants)
    print(f"{args.out}: {size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
