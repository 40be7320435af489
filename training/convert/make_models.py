"""Makes models/{face-detector-near,face-detector-far,face-mesh,person-matte}.onnx from pinned npm packages.

    python training/convert/make_models.py [--cache DIR]

In: nothing (packages are fetched with `npm pack` into the git-ignored cache, their content checked by SHA-256). Out: the models.
The same packages always give the same bytes. Needs numpy, onnx, flatbuffers, and npm on the path.
"""
import argparse
import hashlib
import subprocess
import tarfile
from pathlib import Path

import numpy as np

import tflite_file
from tflite_to_onnx import Translator

ROOT = Path(__file__).resolve().parents[2]
FACE_MESH = '@mediapipe/face_mesh@0.4.1657299874'
FACE_DETECTION = '@mediapipe/face_detection@0.4.1657300184'
SELFIE = '@mediapipe/selfie_segmentation@0.1.1675465747'
PACKED = 'face_mesh_solution_packed_assets.data'
# model → package, file in it, byte range in that file, SHA-256 of the tflite bytes.
SOURCES = {
    'face-detector-near': (FACE_DETECTION, 'face_detection_short_range.tflite', None, '3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633'),
    'face-detector-far': (FACE_DETECTION, 'face_detection_full_range.tflite', None, '99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3'),
    'face-mesh': (FACE_MESH, PACKED, (0, 2495952), '883b7411747bac657c30c462d305d312e9dec6adbf8b85e2f5d8d722fca9455d'),
    'person-matte': (SELFIE, 'selfie_segmentation.tflite', None, '8d13b7fae74af625c641226813616a2117bd6bca19eb3b75574621fc08557f27'),
}
LIPS = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 185, 40, 39, 37, 0, 267, 269, 270, 409,
        78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 191, 80, 81, 82, 13, 312, 311, 310, 415,
        76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306, 184, 74, 73, 72, 11, 302, 303, 304, 408,
        62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292, 183, 42, 41, 38, 12, 268, 271, 272, 407]
# 'Left' in the model means left in the image. The first 16 are the lid contour.
LEFT_EYE = [33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173,
            130, 25, 110, 24, 23, 22, 26, 112, 243, 247, 30, 29, 27, 28, 56, 190,
            226, 31, 228, 229, 230, 231, 232, 233, 244, 113, 225, 224, 223, 222, 221, 189,
            35, 124, 46, 53, 52, 65, 143, 111, 117, 118, 119, 120, 121, 128, 245, 156, 70, 63, 105, 66, 107, 55, 193]
RIGHT_EYE = [263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398,
             359, 255, 339, 254, 253, 252, 256, 341, 463, 467, 260, 259, 257, 258, 286, 414,
             446, 261, 448, 449, 450, 451, 452, 453, 464, 342, 445, 444, 443, 442, 441, 413,
             265, 353, 276, 283, 282, 295, 372, 340, 346, 347, 348, 349, 350, 357, 465, 383, 300, 293, 334, 296, 336, 285, 417]
LEFT_IRIS, RIGHT_IRIS = [468, 469, 470, 471, 472], [473, 474, 475, 476, 477]


def fetch(package, cache):
    """Folder with the unpacked package; downloads it once."""
    folder = cache / package.replace('/', '_')
    if not folder.exists():
        cache.mkdir(parents=True, exist_ok=True)
        name = subprocess.run(['npm', 'pack', '--silent', package], cwd=cache, check=True, capture_output=True, text=True).stdout.split()[-1]
        with tarfile.open(cache / name) as archive:
            archive.extractall(folder, filter='data')
    return folder / 'package'


def source(model, cache):
    """The tflite bytes of a model, checked."""
    package, name, span, expected = SOURCES[model]
    data = (fetch(package, cache) / name).read_bytes()
    data = data if span is None else data[slice(*span)]
    found = hashlib.sha256(data).hexdigest()
    if found != expected:
        raise SystemExit(f'{name} of {package} has SHA-256 {found}, expected {expected}')
    return data


def by_name(graph, *words):
    """Index of the one output whose name holds all words."""
    found = [i for i in graph.outputs if all(word in graph.tensors[i].name for word in words)]
    if len(found) != 1:
        raise ValueError(f'{len(found)} outputs are named {words}')
    return found[0]


def finish_detector(t):
    """boxes [n, 16] (raw, in input px from the anchor), scores [n] (logits)."""
    boxes, scores = by_name(t.graph, 'regressor'), by_name(t.graph, 'classif')
    count = t.shape(boxes)[1]
    return {
        'boxes': (t.node('Reshape', [t.value(boxes, 'plain'), t.ints(count, 16)]), [count, 16]),
        'scores': (t.node('Reshape', [t.value(scores, 'plain'), t.ints(count)]), [count]),
    }


def finish_mesh(t):
    """landmarks [478, 3] in crop px, presence [1] in 0…1: the refined lips, eyes and irises laid over the mesh, as MediaPipe's
    LandmarksRefinementCalculator does: x and y are replaced one part after the other, z stays the mesh's, an iris takes
    the mean z of its lids."""
    def points(name, count, dims):
        return t.node('Reshape', [t.value(by_name(t.graph, *name), 'plain'), t.ints(count, dims)])

    mesh = points(['mesh'], 468, 3)
    xy = t.node('Slice', [mesh, t.ints(0), t.ints(2), t.ints(1)])
    xy = t.node('Concat', [xy, t.const(np.zeros((10, 2)))], axis=0)
    parts = [(['lips'], LIPS), (['left', 'eye'], LEFT_EYE), (['right', 'eye'], RIGHT_EYE),
             (['left', 'iris'], LEFT_IRIS), (['right', 'iris'], RIGHT_IRIS)]
    for name, indices in parts:
        rows = t.const(np.array(indices)[:, None], np.int64)
        xy = t.node('ScatterND', [xy, rows, points(name, len(indices), 2)])
    z = t.node('Slice', [mesh, t.ints(2), t.ints(3), t.ints(1)])
    depths = [z]
    for contour in (LEFT_EYE[:16], RIGHT_EYE[:16]):
        mean = t.node('ReduceMean', [t.node('Gather', [z, t.ints(*contour)], axis=0)], axes=[0])
        depths += [mean] * 5
    landmarks = t.node('Concat', [xy, t.node('Concat', depths, axis=0)], axis=1)
    flag = t.node('Reshape', [t.value(by_name(t.graph, 'faceflag'), 'plain'), t.ints(1)])
    return {'landmarks': (landmarks, [478, 3]), 'presence': (t.node('Sigmoid', [flag]), [1])}


def finish_matte(t):
    """matte [256, 256], 1 = person."""
    name = t.node('Reshape', [t.value(t.graph.outputs[0], 'plain'), t.ints(256, 256)])
    return {'matte': (name, [256, 256])}


FINISH = {'face-detector-near': finish_detector, 'face-detector-far': finish_detector, 'face-mesh': finish_mesh, 'person-matte': finish_matte}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--cache', type=Path, default=ROOT / '.cache' / 'convert')
    arguments = parser.parse_args()
    for name, finish in FINISH.items():
        data = source(name, arguments.cache)
        translator = Translator(tflite_file.read(data))
        translator.run()
        notes = {'name': name, 'source': f'{SOURCES[name][0]} {SOURCES[name][1]}', 'licence': 'Apache-2.0'}
        model = translator.model(finish(translator), notes)
        path = ROOT / 'models' / f'{name}.onnx'
        path.write_bytes(model.SerializeToString(deterministic=True))
        print(f'{path.relative_to(ROOT)}: {path.stat().st_size} bytes')


if __name__ == '__main__':
    main()
