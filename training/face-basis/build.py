"""Makes models/face-basis.bin: the face geometry, expressions and mouth interior that every portrait starts from.

    python training/face-basis/build.py --ict ICT.npz --face-mesh FOLDER --out models/face-basis.bin

Deterministic: the same inputs give the same bytes; the script prints their SHA-256. Needs numpy, scipy and opencv. The
pictures of teeth and tongue are kept beside it in pictures/; delete one and it is path-traced anew, which takes Blender
3.4 (Cycles on the CPU) some minutes and agrees with the kept one to about 1/10000 (Cycles' own order of sums varies).
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


def mouth_pictures(blender, ict, folder):
    """{layer: (RGBA straight alpha 0 … 1, tooth mask 0 … 1)}; pictures that the folder lacks are path-traced into it."""
    missing = [name for name in LAYERS if not (folder / f"{name}.png").exists()]
    if missing:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch:
            np.savez(Path(scratch) / "scene.npz", **mouth_meshes(ict))
            script = Path(__file__).with_name("render_mouth.py")
            options = ["--background", "--factory-startup", "--python-exit-code", "1", "--python", str(script)]
            inputs = [f"{scratch}/scene.npz", scratch, str(SAMPLES), *missing]
            subprocess.run([blender, *options, "--", *inputs], check=True)
            for traced in sorted(Path(scratch).glob("*.png")):
                picture = cv2.imread(str(traced), cv2.IMREAD_UNCHANGED)
                picture = np.rint(picture / 257).astype(np.uint8)
                if ".mask" in traced.name:
                    picture = picture[..., 0]
                cv2.imwrite(str(folder / traced.name), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])

    def read(name):
        return cv2.imread(str(folder / name), cv2.IMREAD_UNCHANGED) / 255

    pictures = {}
    for name in LAYERS:
        rgba = read(f"{name}.png")[..., [2, 1, 0, 3]]
        mask = np.zeros(rgba.shape[:2]) if name == "tongue" else read(f"{name}.mask.png")
        pictures[name] = (rgba, mask)
    return pictures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ict", type=Path, required=True, help="ICT-FaceKit as one npz (see models/face-basis.md)")
    parser.add_argument("--face-mesh", type=Path, required=True, help="the unpacked npm package @mediapipe/face_mesh")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--blender", default="blender")
    parser.add_argument("--pictures", type=Path, default=Path(__file__).with_name("pictures"))
    args = parser.parse_args()

    ict = dict(np.load(args.ict))
    canonical, canonical_triangles = load_canonical_mesh(args.face_mesh)
    subdivision, triangles, rings = cut_and_subdivide(canonical, canonical_triangles)
    basis = build_expression_basis(ict, canonical, subdivision, triangles, rings)
    mouth, references = mouth_layers(ict, mouth_pictures(args.blender, ict, args.pictures))

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
