"""Checks that the ONNX models give the numbers of the tflite files they were made from, and writes the reference outputs that
test/golden/models.test.ts compares against.

    python training/convert/check_models.py [--cache DIR] [--write]

In: models/*.onnx, the npm packages (fetched like make_models.py does), the 8-bit PNG inputs test/golden/models/*.png.
Out: a table of the largest differences; exit 1 if one is above its limit; with --write, test/golden/models/reference.json.gz.
Needs tensorflow (its tflite interpreter runs the originals) and onnxruntime on top of what make_models.py needs.

TensorFlow knows nothing of the mesh's three MediaPipe operators. So that file is cut at them: the interpreter computes
everything else, and the operators themselves are computed here in plain loops after MediaPipe's C++ kernels.
"""
import argparse
import gzip
import json
import math
import os
import sys
from pathlib import Path

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import flatbuffers
import numpy as np
import onnxruntime
import tensorflow as tf
from PIL import Image
from tensorflow.lite.python import schema_py_generated as schema

import make_models
import tflite_file

CASES = make_models.ROOT / 'test' / 'golden' / 'models'
# model → how 0…255 becomes the input, largest accepted difference per output.
MODELS = {
    'face-detector-near': ((-1, 1), {'boxes': 2e-3, 'scores': 1e-3}),
    'face-detector-far': ((-1, 1), {'boxes': 2e-3, 'scores': 1e-3}),
    'face-mesh': ((0, 1), {'landmarks': 2e-3, 'presence': 1e-4}),
    'person-matte': ((0, 1), {'matte': 1e-4}),
}


def run_tflite(data, inputs):
    """Feeds in the order of the file's inputs → outputs by tensor name."""
    interpreter = tf.lite.Interpreter(model_content=bytes(data))
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs):
        interpreter.set_tensor(detail['index'], value)
    interpreter.invoke()
    return {d['name']: interpreter.get_tensor(d['index']) for d in interpreter.get_output_details()}


def cut(data, inputs, outputs):
    """The part of a tflite file that leads from some tensors to others, as a file of its own."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    needed, kept = set(outputs), []
    for operator in reversed(graph.operators):
        if needed & set(operator.outputs.tolist()):
            kept.append(operator)
            needed |= set(operator.inputs.tolist()) - set(inputs)
    graph.operators = kept[::-1]
    graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    model.signatureDefs = []
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(model.Pack(builder), b'TFL3')
    return builder.Output()


def transform_matrix(landmarks, options):
    """Landmarks2TransformMatrix, version 2."""
    (lx, ly), (rx, ry) = (landmarks[options[k]][:2] for k in ('left_rotation_idx', 'right_rotation_idx'))
    r = options['target_rotation_radians'] - math.atan2(ry - ly, rx - lx)
    level = [(x * math.cos(r) - y * math.sin(r), x * math.sin(r) + y * math.cos(r)) for x, y, _ in landmarks[options['subset_idxs']]]
    (x0, y0), (x1, y1) = np.min(level, 0), np.max(level, 0)
    rotate = lambda a: np.array([[math.cos(a), -math.sin(a), 0, 0], [math.sin(a), math.cos(a), 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    shift = lambda x, y: np.array([[1, 0, 0, x], [0, 1, 0, y], [0, 0, 1, 0], [0, 0, 0, 1.0]])
    centre = rotate(-r) @ [(x0 + x1) / 2, (y0 + y1) / 2, 0, 1]
    width, height = options['output_width'], options['output_height']
    scale = np.diag([options['scale_x'] * (x1 - x0) / width, options['scale_y'] * (y1 - y0) / height, 1, 1])
    return shift(centre[0], centre[1]) @ rotate(-r) @ scale @ shift(-width / 2, -height / 2)


def transform_tensor(features, matrix, options):
    """TransformTensorBilinear, version 2."""
    height, width, channels = features.shape
    out = np.zeros((options['output_height'], options['output_width'], channels), np.float32)
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            x, y = (matrix @ [column + 0.5, row + 0.5, 0, 1])[:2] - 0.5
            if 0 <= x <= width - 1 and 0 <= y <= height - 1:
                i, j = int(x), int(y)
                i1, j1 = min(i + 1, width - 1), min(j + 1, height - 1)
                upper = features[j, i] * (1 - (x - i)) + features[j, i1] * (x - i)
                lower = features[j1, i] * (1 - (x - i)) + features[j1, i1] * (x - i)
                out[row, column] = upper * (1 - (y - j)) + lower * (y - j)
    return out


def run_mesh(data, image):
    """The mesh file's seven outputs by name, cut at its custom operators."""
    graph = tflite_file.read(data)
    values = {graph.inputs[0]: image}
    constants = {}
    by_output = {o.outputs[0]: o for o in graph.operators}

    def constant(index):
        op = by_output.get(index)
        return constant(op.inputs[0]) if op else graph.tensors[index].value.astype(np.float32)

    def compute(index):
        if index in values:
            return values[index]
        op = by_output[index]
        if op.kind == 'Landmarks2TransformMatrix':
            matrix = transform_matrix(compute(op.inputs[0])[0], tflite_file.flex(op.custom))
            values[index] = matrix[None].astype(np.float32)
        elif op.kind == 'TransformTensorBilinear':
            values[index] = transform_tensor(compute(op.inputs[0])[0], compute(op.inputs[1])[0], tflite_file.flex(op.custom))[None]
        elif op.kind == 'TransformLandmarks':
            points, matrix = compute(op.inputs[0])[0], compute(op.inputs[1])[0]
            values[index] = np.array([[(matrix @ [x, y, 0, 1])[:2] for x, y in points]], np.float32)
        elif op.kind == 'MUL' and op.inputs[0] in by_output and by_output[op.inputs[0]].kind == 'Landmarks2TransformMatrix':
            values[index] = compute(op.inputs[0]) * constant(op.inputs[1])
        else:  # as far back as the interpreter can go: to the image or a custom operator's result
            ends, stack, seen = [], [index], set()
            while stack:
                at = stack.pop()
                if at in seen:
                    continue
                seen.add(at)
                producer = by_output.get(at)
                if at == graph.inputs[0] or (producer and not producer.kind.isupper()):
                    ends.append(at)
                elif producer:
                    stack += producer.inputs
            feeds = [compute(i) for i in ends]
            values[index], = run_tflite(cut(data, ends, [index]), feeds).values()
        return values[index]

    return {graph.tensors[i].name: compute(i) for i in graph.outputs}


def merge_mesh(outputs):
    """MediaPipe's LandmarksRefinementCalculator: seven tensors → 478 × 3."""
    mesh = outputs['output_mesh_identity'].reshape(468, 3)
    points = np.concatenate([mesh, np.zeros((10, 3), np.float32)])
    for name, indices in (('lips', make_models.LIPS), ('left_eye', make_models.LEFT_EYE), ('right_eye', make_models.RIGHT_EYE),
                          ('left_iris', make_models.LEFT_IRIS), ('right_iris', make_models.RIGHT_IRIS)):
        points[indices, :2] = outputs[f'output_{name}'].reshape(-1, 2)
    points[make_models.LEFT_IRIS, 2] = mesh[make_models.LEFT_EYE[:16], 2].mean()
    points[make_models.RIGHT_IRIS, 2] = mesh[make_models.RIGHT_EYE[:16], 2].mean()
    return points


def original(name, data, image):
    if name == 'face-mesh':
        outputs = run_mesh(data, image)
        presence = 1 / (1 + np.exp(-outputs['conv_faceflag'].reshape(1).astype(np.float64)))
        return {'landmarks': merge_mesh(outputs), 'presence': presence.astype(np.float32)}
    outputs = list(run_tflite(data, [image]).values())
    if name == 'person-matte':
        return {'matte': outputs[0].reshape(256, 256)}
    boxes, = (o for o in outputs if o.shape[-1] == 16)
    scores, = (o for o in outputs if o.shape[-1] == 1)
    return {'boxes': boxes[0], 'scores': scores.reshape(-1)}


def summary(outputs):
    """Small but telling: landmarks whole, detector rows that could be faces, the matte at 32 × 32."""
    if 'landmarks' in outputs:
        return {k: np.round(v.ravel(), 3).tolist() for k, v in outputs.items()}
    if 'matte' in outputs:
        return {'matte32': np.round(outputs['matte'].reshape(32, 8, 32, 8).mean((1, 3)).ravel(), 4).tolist()}
    rows = np.argsort(-outputs['scores'])[:8]
    return {'rows': rows.tolist(), 'scores': np.round(outputs['scores'][rows], 3).tolist(), 'boxes': np.round(outputs['boxes'][rows].ravel(), 3).tolist()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--cache', type=Path, default=make_models.ROOT / '.cache' / 'convert')
    parser.add_argument('--write', action='store_true', help='store the originals\' outputs as the reference of the tests')
    arguments = parser.parse_args()
    reference, failed = {}, False
    for name, ((low, high), limits) in MODELS.items():
        data = make_models.source(name, arguments.cache)
        session = onnxruntime.InferenceSession(make_models.ROOT / 'models' / f'{name}.onnx')
        side = session.get_inputs()[0].shape[1]
        images = {p.stem: np.asarray(Image.open(p).convert('RGB'), np.float32) / 255 * (high - low) + low for p in sorted(CASES.glob(f'*-{side}.png'))}
        random = np.random.default_rng(0).random((side, side, 3), np.float32) * (high - low) + low
        for case, image in {**images, 'noise': random}.items():
            want = original(name, data, image[None].astype(np.float32))
            got = dict(zip([o.name for o in session.get_outputs()], session.run(None, {session.get_inputs()[0].name: image[None].astype(np.float32)})))
            for key, limit in limits.items():
                difference, size = float(np.abs(got[key] - want[key]).max()), float(np.abs(want[key]).max())
                failed |= not difference <= limit
                print(f'{name:20} {case:18} {key:10} largest difference {difference:.2e} (limit {limit:.0e}, largest value {size:.3g})')
            if case in images:
                reference.setdefault(name, {})[case] = summary(want)
    if arguments.write:
        (CASES / 'reference.json.gz').write_bytes(gzip.compress(json.dumps(reference).encode(), mtime=0))
    sys.exit(1 if failed else 0)


if __name__ == '__main__':
    main()
