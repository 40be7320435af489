"""Makes models/face-basis.bin: the face geometry, expressions and mouth interior that every portrait starts from.

    python training/face-basis/build.py --ict ICT.npz --face-mesh node_modules/@mediapipe/face_mesh --out models/face-basis.bin

Deterministic: the same inputs give the same bytes; the script prints their SHA-256. Needs numpy, scipy, opencv.
"""

import argparse
from pathlib import Path

import numpy as np

from canonical_mesh import HOLES, RINGS, cut_and_subdivide, load_canonical_mesh
from container import quantised, write_container
from expression_basis import ARKIT_NAMES, build_expression_basis
from mouth_interior import JAW_SHAPES, LAYERS, LIFT, LOWER_TEETH, UPPER_TEETH, arch_depth, flat_layer, jaw_affines, reference_colour
from mouth_quick import quick, X0, Y1, PX


def sparse_rows(matrix):
    rows = [np.flatnonzero(row) for row in matrix]
    return {
        "subdivisionRowStart": np.cumsum([0] + [len(r) for r in rows]).astype(np.uint32),
        "subdivisionColumn": np.concatenate(rows).astype(np.uint16),
        "subdivisionValue": np.concatenate([matrix[i, r] for i, r in enumerate(rows)]).astype(np.float32),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ict", type=Path, required=True, help="ICT-FaceKit as one npz (see models/face-basis.md)")
    parser.add_argument("--face-mesh", type=Path, required=True, help="the unpacked npm package @mediapipe/face_mesh")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()

    ict = dict(np.load(args.ict))
    canonical, canonical_triangles = load_canonical_mesh(args.face_mesh)
    subdivision, triangles, rings = cut_and_subdivide(canonical, canonical_triangles)
    basis = build_expression_basis(ict, canonical, subdivision, triangles, rings)

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
    }
    for name, ring in rings.items():
        arrays[f"ring.{name}"] = np.array(ring, np.uint16)

    neutral = ict["neutral"].astype(float)
    depth = {"upperTeeth": arch_depth(neutral[UPPER_TEETH]), "lowerTeeth": arch_depth(neutral[LOWER_TEETH]), "tongue": (9.3, -0.35, 0)}
    references = {}
    for name, (rgba, mask) in quick(ict).items():
        layer = flat_layer(name, rgba, mask, (X0, Y1), PX, lambda x, y: depth[name] @ np.stack([x * 0 + 1, x**2, x**4]).reshape(3, -1) if False else depth[name][0] + depth[name][1] * x**2 + depth[name][2] * x**4)
        for key, value in layer.items():
            arrays[f"mouth.{name}.{key}"] = value
        if name == "tongue":
            p = layer["positions"].astype(float)
            arrays["mouth.tongue.path"] = np.stack([p, p + [0, .8, .4], p * [.85, .6, 1] + [0, 1.05 - .4 * 3.6, 1.0], p * [.85, .6, 1] + [0, .9 - .4 * 3.6, 1.6]]).astype(np.float32)
        tooth = layer["toothMask"] > 127
        references[name] = {"flesh": reference_colour(layer["rgba"], ~tooth)}
        if tooth.any():
            references[name]["tooth"] = reference_colour(layer["rgba"], tooth)

    constants = {
        "shapes": ARKIT_NAMES,
        "jawShapes": JAW_SHAPES,
        "rings": list(RINGS),
        "holes": HOLES,
        "mouthLayers": LAYERS,
        "mouthReferences": references,
        "tongueWeights": [0, 0.35, 0.65, 1],
    }
    digest, size = write_container(args.out, arrays, constants)
    print(f"{args.out}: {size} bytes, sha256 {digest}")


if __name__ == "__main__":
    main()
