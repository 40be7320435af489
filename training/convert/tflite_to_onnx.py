"""Translates a tflite graph (tflite_file.Graph) into an ONNX model with plain operators only.

Images stay NHWC at the model's door and are NCHW inside: `layout` remembers which values are which, and a transposition is
put in only where an operator needs the other order. Weights keep the precision of the file (float16) and are widened by
a Cast that ONNX Runtime folds away at load time. MediaPipe's custom operators become ordinary arithmetic, see `_mediapipe`.
"""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tflite_file import flex

OPSET = 17
SAME = 0
ACTIVATIONS = {1: 'Relu', 3: 'Relu6'}
UNARY = {'RELU': 'Relu', 'LOGISTIC': 'Sigmoid', 'HARD_SWISH': 'HardSwish', 'NEG': 'Neg', 'SQRT': 'Sqrt'}
BINARY = {'ADD': 'Add', 'MUL': 'Mul', 'SUB': 'Sub', 'DIV': 'Div'}


class Translator:
    def __init__(self, graph):
        self.graph = graph
        self.nodes, self.initializers = [], []
        self.layout = {}  # tensor index → 'nchw' | 'plain'
        self.names = {}  # (tensor index, layout) → ONNX value
        self.constants = {}  # tensor index → numpy value

    # -- small builders, also used by the scripts that add an ending to a model ------------------------------------------
    def node(self, kind, inputs, outputs=None, **attributes):
        output = outputs or f'{kind}_{len(self.nodes)}'
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def const(self, value, dtype=np.float32):
        array = np.asarray(value)
        half = array.dtype == np.float16 and dtype is np.float32
        array = np.ascontiguousarray(array if half else array.astype(dtype))
        name = f'c{len(self.initializers)}'
        self.initializers.append(numpy_helper.from_array(array, name))
        return self.node('Cast', [name], to=TensorProto.FLOAT) if half else name

    def ints(self, *values):
        return self.const(values, np.int64)

    # -- values ----------------------------------------------------------------------------------------------------------
    def constant(self, index):
        value = self.graph.tensors[index].value
        return self.constants.get(index) if value is None else value

    def value(self, index, layout):
        """ONNX name of a tensor in the wanted layout ('nchw' only for 4-D ones)."""
        if (index, layout) in self.names:
            return self.names[index, layout]
        constant = self.constant(index)
        if constant is not None:
            if layout == 'nchw':  # broadcast against a channels-first value
                full = constant.reshape((1,) * (4 - constant.ndim) + constant.shape)
                constant = full.transpose(0, 3, 1, 2)
            name = self.const(constant)
        else:
            perm = [0, 3, 1, 2] if layout == 'nchw' else [0, 2, 3, 1]
            name = self.node('Transpose', [self.names[index, self.layout[index]]], perm=perm)
        self.names[index, layout] = name
        return name

    def define(self, index, name, layout):
        self.layout[index] = layout
        self.names[index, layout] = name

    def shape(self, index):
        return self.graph.tensors[index].shape

    def _activate(self, name, activation):
        if activation == 0:
            return name
        if ACTIVATIONS[activation] == 'Relu6':
            return self.node('Clip', [name, self.const(0.0), self.const(6.0)])
        return self.node('Relu', [name])

    def _common_layout(self, indices):
        return 'nchw' if any(self.layout.get(i) == 'nchw' for i in indices) else 'plain'

    # -- operators -------------------------------------------------------------------------------------------------------
    def run(self):
        for index in self.graph.inputs:
            self.define(index, self.graph.tensors[index].name, 'plain')
        for operator in self.graph.operators:
            method = getattr(self, operator.kind.lower(), None)
            if operator.kind in UNARY:
                self._unary(operator)
            elif operator.kind in BINARY:
                self._binary(operator)
            elif method:
                method(operator)
            else:
                raise ValueError(f'no translation for the operator {operator.kind}')

    def dequantize(self, op):
        self.constants[op.outputs[0]] = self.constant(op.inputs[0])

    def _unary(self, op):
        layout = self.layout[op.inputs[0]]
        self.define(op.outputs[0], self.node(UNARY[op.kind], [self.value(op.inputs[0], layout)]), layout)

    def _binary(self, op):
        layout = self._common_layout(op.inputs)
        name = self.node(BINARY[op.kind], [self.value(i, layout) for i in op.inputs])
        self.define(op.outputs[0], self._activate(name, op.options['activation']), layout)

    def squared_difference(self, op):
        layout = self._common_layout(op.inputs)
        difference = self.node('Sub', [self.value(i, layout) for i in op.inputs])
        self.define(op.outputs[0], self.node('Mul', [difference, difference]), layout)

    def rsqrt(self, op):
        layout = self.layout[op.inputs[0]]
        self.define(op.outputs[0], self.node('Reciprocal', [self.node('Sqrt', [self.value(op.inputs[0], layout)])]), layout)

    def _pads(self, op, kernel):
        """Explicit [top, left, bottom, right]: tflite's SAME puts the odd pixel at the end."""
        if op.options['padding'] != SAME:
            return [0, 0, 0, 0]
        sizes, strides = self.shape(op.inputs[0])[1:3], (op.options['stride_h'], op.options['stride_w'])
        totals = [max((-(-n // s) - 1) * s + k - n, 0) for n, s, k in zip(sizes, strides, kernel)]
        return [t // 2 for t in totals] + [t - t // 2 for t in totals]

    def _convolution(self, op, weights, group):
        options = op.options
        if options['dilation_h'] != 1 or options['dilation_w'] != 1:
            raise ValueError('dilated convolutions are not translated')
        kernel = list(weights.shape[2:])
        inputs = [self.value(op.inputs[0], 'nchw'), self.const(weights)]
        if len(op.inputs) > 2 and op.inputs[2] >= 0:
            inputs.append(self.value(op.inputs[2], 'plain'))
        name = self.node('Conv', inputs, kernel_shape=kernel, group=group, pads=self._pads(op, kernel),
                         strides=[options['stride_h'], options['stride_w']])
        self.define(op.outputs[0], self._activate(name, options['activation']), 'nchw')

    def conv_2d(self, op):
        self._convolution(op, self.constant(op.inputs[1]).transpose(0, 3, 1, 2), 1)

    def depthwise_conv_2d(self, op):
        weights = self.constant(op.inputs[1]).transpose(3, 0, 1, 2)
        self._convolution(op, weights, self.shape(op.inputs[0])[3])

    def convolution2dtransposebias(self, op):
        padding, stride_w, stride_h = np.frombuffer(op.custom[:12], np.int32)
        weights = self.constant(op.inputs[1])  # out, height, width, in
        if weights.shape[1:3] != (stride_h, stride_w):
            raise ValueError('only transposed convolutions whose kernel is as large as the stride are translated')
        name = self.node('ConvTranspose', [self.value(op.inputs[0], 'nchw'), self.const(weights.transpose(3, 0, 1, 2)),
                                           self.value(op.inputs[2], 'plain')], strides=[int(stride_h), int(stride_w)])
        self.define(op.outputs[0], name, 'nchw')

    def prelu(self, op):
        layout = self.layout[op.inputs[0]]
        self.define(op.outputs[0], self.node('PRelu', [self.value(i, layout) for i in op.inputs]), layout)

    def _pool(self, op, kind):
        kernel = [op.options['filter_h'], op.options['filter_w']]
        name = self.node(kind, [self.value(op.inputs[0], 'nchw')], kernel_shape=kernel, pads=self._pads(op, kernel),
                         strides=[op.options['stride_h'], op.options['stride_w']])
        self.define(op.outputs[0], self._activate(name, op.options['activation']), 'nchw')

    def max_pool_2d(self, op):
        self._pool(op, 'MaxPool')

    def average_pool_2d(self, op):
        self._pool(op, 'AveragePool')

    def pad(self, op):
        pads = self.constant(op.inputs[1])[[0, 3, 1, 2]]  # one row per axis: before, after
        name = self.node('Pad', [self.value(op.inputs[0], 'nchw'), self.ints(*pads.T.ravel())])
        self.define(op.outputs[0], name, 'nchw')

    def resize_bilinear(self, op):
        height, width = self.constant(op.inputs[1])
        channels = self.shape(op.inputs[0])[3]
        mode = 'align_corners' if op.options['align_corners'] else 'half_pixel' if op.options['half_pixel_centers'] else 'asymmetric'
        name = self.node('Resize', [self.value(op.inputs[0], 'nchw'), '', '', self.ints(1, channels, height, width)],
                         mode='linear', coordinate_transformation_mode=mode)
        self.define(op.outputs[0], name, 'nchw')

    def concatenation(self, op):
        axis, layout = op.options['axis'], self._common_layout(op.inputs)
        if layout == 'nchw':
            axis = [0, 2, 3, 1][axis]
        self.define(op.outputs[0], self.node('Concat', [self.value(i, layout) for i in op.inputs], axis=axis), layout)

    def reshape(self, op):
        name = self.node('Reshape', [self.value(op.inputs[0], 'plain'), self.ints(*self.shape(op.outputs[0]))])
        self.define(op.outputs[0], name, 'plain')

    def transpose(self, op):
        perm = [int(p) for p in self.constant(op.inputs[1])]
        self.define(op.outputs[0], self.node('Transpose', [self.value(op.inputs[0], 'plain')], perm=perm), 'plain')

    def _reduce(self, op, kind):
        axes = [int(a) for a in np.atleast_1d(self.constant(op.inputs[1]))]
        source, keep = self.value(op.inputs[0], 'plain'), int(op.options['keep_dims'])
        if kind == 'ReduceSum':
            name = self.node(kind, [source, self.ints(*axes)], keepdims=keep)
        else:
            name = self.node(kind, [source], axes=axes, keepdims=keep)
        self.define(op.outputs[0], name, 'plain')

    def mean(self, op):
        self._reduce(op, 'ReduceMean')

    def sum(self, op):
        self._reduce(op, 'ReduceSum')

    def strided_slice(self, op):
        begin, end, strides = (np.array(self.constant(i), np.int64) for i in op.inputs[1:4])
        options, shape = op.options, self.shape(op.inputs[0])
        if options['ellipsis_mask'] or options['new_axis_mask'] or (strides != 1).any():
            raise ValueError('only plain slices are translated')
        for axis, size in enumerate(shape):
            begin[axis] = 0 if options['begin_mask'] >> axis & 1 else begin[axis]
            end[axis] = begin[axis] + 1 if options['shrink_axis_mask'] >> axis & 1 else size if options['end_mask'] >> axis & 1 else end[axis]
        name = self.node('Slice', [self.value(op.inputs[0], 'plain'), self.ints(*begin), self.ints(*end), self.ints(*range(len(shape)))])
        if options['shrink_axis_mask']:
            name = self.node('Reshape', [name, self.ints(*self.shape(op.outputs[0]))])
        self.define(op.outputs[0], name, 'plain')

    # -- MediaPipe's attention operators (mediapipe/util/tflite/operations, version 2) -------------------------------------
    def landmarks2transformmatrix(self, op):
        """Landmarks [1, n, 3] → [1, 4, 4]: output px of a crop → input px. The crop surrounds `subset_idxs`, rotated so that
        the line between the two rotation landmarks is level, and scaled by `scale_x`, `scale_y`."""
        o = flex(op.custom)
        if o['target_rotation_radians'] != 0:
            raise ValueError('only level crops are translated')
        points = self.node('Slice', [self.value(op.inputs[0], 'plain'), self.ints(0), self.ints(2), self.ints(2)])  # [1, n, 2]
        ends = [self.node('Gather', [points, self.ints(o[key])], axis=1) for key in ('left_rotation_idx', 'right_rotation_idx')]
        line = self.node('Sub', [ends[1], ends[0]])  # [1, 1, 2]
        length = self.node('Sqrt', [self.node('ReduceSum', [self.node('Mul', [line, line]), self.ints(2)])])
        along = self.node('Div', [line, self.node('Max', [length, self.const(1e-9)])])  # (cos, sin) of the line's angle
        across = self.node('MatMul', [along, self.const([[0, 1], [-1, 0]])])  # (-sin, cos)
        axes = self.node('Concat', [along, across], axis=1)  # [1, 2, 2]: the crop's axes as rows
        subset = self.node('Gather', [points, self.ints(*o['subset_idxs'])], axis=1)
        level = self.node('MatMul', [subset, self.node('Transpose', [axes], perm=[0, 2, 1])])
        low, high = (self.node(kind, [level], axes=[1]) for kind in ('ReduceMin', 'ReduceMax'))  # [1, 1, 2]
        centre = self.node('MatMul', [self.node('Mul', [self.node('Add', [low, high]), self.const(0.5)]), axes])
        per_px = np.array([o['scale_x'] / o['output_width'], o['scale_y'] / o['output_height']])
        step = self.node('Mul', [self.node('Sub', [high, low]), self.const(per_px.reshape(1, 1, 2))])  # input px per output px
        steps = self.node('Mul', [self.node('Transpose', [axes], perm=[0, 2, 1]), step])  # [1, 2, 2], columns scaled
        half = self.const(np.array([o['output_width'] / 2, o['output_height'] / 2]).reshape(1, 2, 1))
        shift = self.node('Sub', [self.node('Transpose', [centre], perm=[0, 2, 1]), self.node('MatMul', [steps, half])])
        top = self.node('Concat', [steps, self.const(np.zeros((1, 2, 1))), shift], axis=2)  # [1, 2, 4]
        bottom = self.const([[[0, 0, 1, 0], [0, 0, 0, 1]]])
        self.define(op.outputs[0], self.node('Concat', [top, bottom], axis=1), 'plain')

    def _affine(self, matrix):
        """[1, 4, 4] → the 2×2 part, transposed for row vectors, and the shift [1, 1, 2]."""
        rows = self.node('Slice', [matrix, self.ints(0), self.ints(2), self.ints(1)])
        linear = self.node('Slice', [rows, self.ints(0), self.ints(2), self.ints(2)])
        shift = self.node('Slice', [rows, self.ints(3), self.ints(4), self.ints(2)])
        return self.node('Transpose', [linear], perm=[0, 2, 1]), self.node('Transpose', [shift], perm=[0, 2, 1])

    def transformlandmarks(self, op):
        linear, shift = self._affine(self.value(op.inputs[1], 'plain'))
        if self.shape(op.inputs[0])[2] != 2:
            raise ValueError('only flat landmarks are transformed')
        moved = self.node('MatMul', [self.value(op.inputs[0], 'plain'), linear])
        self.define(op.outputs[0], self.node('Add', [moved, shift]), 'plain')

    def transformtensorbilinear(self, op):
        """Bilinear crop of a feature map; a sample outside the map is 0 as a whole (GridSample alone would fade)."""
        o = flex(op.custom)
        height, width = o['output_height'], o['output_width']
        _, in_height, in_width, _ = self.shape(op.inputs[0])
        linear, shift = self._affine(self.value(op.inputs[1], 'plain'))
        y, x = np.mgrid[:height, :width]
        centres = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], 1)[None]
        at = self.node('Add', [self.node('MatMul', [self.const(centres), linear]), shift])  # input px, centres at .5
        half_extent = self.const(np.array([in_width - 1, in_height - 1]).reshape(1, 1, 2) / 2)
        grid = self.node('Sub', [self.node('Div', [self.node('Sub', [at, self.const(0.5)]), half_extent]), self.const(1.0)])
        furthest = self.node('ReduceMax', [self.node('Abs', [grid])], axes=[2])
        outside = self.node('Greater', [furthest, self.const(1.0)])
        grid = self.node('Where', [outside, self.const(9.0), grid])
        grid = self.node('Reshape', [grid, self.ints(1, height, width, 2)])
        name = self.node('GridSample', [self.value(op.inputs[0], 'nchw'), grid], mode='bilinear', padding_mode='zeros', align_corners=1)
        self.define(op.outputs[0], name, 'nchw')

    # -- result ----------------------------------------------------------------------------------------------------------
    def model(self, outputs, notes):
        """`outputs`: name → (ONNX value, shape). `notes`: metadata of the file."""
        for name, (value, _) in outputs.items():
            self.node('Identity', [value], outputs=name)
        inputs = [helper.make_tensor_value_info(self.graph.tensors[i].name, TensorProto.FLOAT, self.shape(i)) for i in self.graph.inputs]
        infos = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, (_, shape) in outputs.items()]
        graph = helper.make_graph(self.nodes, notes['name'], inputs, infos, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', OPSET)], producer_name='visavis', ir_version=8)
        helper.set_model_props(model, notes)
        onnx.checker.check_model(model, full_check=True)
        return model
