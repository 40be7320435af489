"""Reads a TensorFlow Lite file (a flatbuffer) into plain Python: tensors, operators, constants.

In: the bytes of a .tflite file. Out: a `Graph`. Only the schema fields that the translator needs are read; field numbers are
those of tensorflow/lite/schema/schema.fbs. Constants keep their stored type (most weights are float16).
"""
from dataclasses import dataclass

import numpy as np
from flatbuffers import flexbuffers, number_types as N
from flatbuffers.table import Table

DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 3: np.uint8, 4: np.int64, 6: np.bool_, 9: np.int8}
BUILTINS = {
    0: 'ADD', 1: 'AVERAGE_POOL_2D', 2: 'CONCATENATION', 3: 'CONV_2D', 4: 'DEPTHWISE_CONV_2D', 6: 'DEQUANTIZE', 14: 'LOGISTIC',
    17: 'MAX_POOL_2D', 18: 'MUL', 19: 'RELU', 22: 'RESHAPE', 23: 'RESIZE_BILINEAR', 34: 'PAD', 39: 'TRANSPOSE', 40: 'MEAN',
    41: 'SUB', 42: 'DIV', 45: 'STRIDED_SLICE', 54: 'PRELU', 59: 'NEG', 74: 'SUM', 75: 'SQRT', 76: 'RSQRT', 99: 'SQUARED_DIFFERENCE',
    117: 'HARD_SWISH',
}
# Per operator: name → (field number of its options table, flatbuffer type, default).
_CONV = dict(padding=(0, N.Int8Flags, 0), stride_w=(1, N.Int32Flags, 0), stride_h=(2, N.Int32Flags, 0))
OPTIONS = {
    'CONV_2D': {**_CONV, 'activation': (3, N.Int8Flags, 0), 'dilation_w': (4, N.Int32Flags, 1), 'dilation_h': (5, N.Int32Flags, 1)},
    'DEPTHWISE_CONV_2D': {**_CONV, 'activation': (4, N.Int8Flags, 0), 'dilation_w': (5, N.Int32Flags, 1), 'dilation_h': (6, N.Int32Flags, 1)},
    'MAX_POOL_2D': {**_CONV, 'filter_w': (3, N.Int32Flags, 0), 'filter_h': (4, N.Int32Flags, 0), 'activation': (5, N.Int8Flags, 0)},
    'ADD': dict(activation=(0, N.Int8Flags, 0)),
    'CONCATENATION': dict(axis=(0, N.Int32Flags, 0), activation=(1, N.Int8Flags, 0)),
    'RESIZE_BILINEAR': dict(align_corners=(2, N.BoolFlags, False), half_pixel_centers=(3, N.BoolFlags, False)),
    'STRIDED_SLICE': dict(begin_mask=(0, N.Int32Flags, 0), end_mask=(1, N.Int32Flags, 0), ellipsis_mask=(2, N.Int32Flags, 0),
                          new_axis_mask=(3, N.Int32Flags, 0), shrink_axis_mask=(4, N.Int32Flags, 0)),
    'MEAN': dict(keep_dims=(0, N.BoolFlags, False)),
}
OPTIONS['AVERAGE_POOL_2D'] = OPTIONS['MAX_POOL_2D']
OPTIONS['SUM'] = OPTIONS['MEAN']
for _name in ('SUB', 'MUL', 'DIV'):
    OPTIONS[_name] = OPTIONS['ADD']


@dataclass
class Tensor:
    name: str
    shape: tuple
    dtype: type
    value: np.ndarray | None  # None for activations


@dataclass
class Operator:
    kind: str  # a builtin's name or a custom operator's code
    inputs: list
    outputs: list
    options: dict
    custom: bytes


@dataclass
class Graph:
    tensors: list
    operators: list
    inputs: list
    outputs: list


def _field(table, number):
    return table.Offset(4 + 2 * number)


def _scalar(table, number, flags, default):
    offset = _field(table, number)
    return table.Get(flags, table.Pos + offset) if offset else default


def _string(table, number):
    offset = _field(table, number)
    return table.String(table.Pos + offset).decode() if offset else ''


def _array(table, number, dtype):
    offset = _field(table, number)
    if not offset:
        return np.zeros(0, dtype)
    count = table.VectorLen(offset)
    return np.frombuffer(table.Bytes, dtype, count, table.Vector(offset))


def _tables(table, number):
    offset = _field(table, number)
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]


def _options(table, kind):
    offset = _field(table, 4)
    fields = OPTIONS.get(kind, {})
    if not offset:
        return {name: default for name, (_, _, default) in fields.items()}
    options = Table(table.Bytes, table.Indirect(table.Pos + offset))
    return {name: _scalar(options, number, flags, default) for name, (number, flags, default) in fields.items()}


def flex(custom):
    """A custom operator's options map (FlexBuffer)."""
    return flexbuffers.Loads(bytearray(custom))


def read(data):
    """Bytes of a .tflite file → its first subgraph."""
    model = Table(bytearray(data), int.from_bytes(data[:4], 'little'))
    codes = []
    for code in _tables(model, 1):
        builtin = max(_scalar(code, 0, N.Int8Flags, 0), _scalar(code, 3, N.Int32Flags, 0))
        custom = _string(code, 1)
        codes.append(custom or BUILTINS.get(builtin, f'BUILTIN_{builtin}'))
    buffers = [_array(buffer, 0, np.uint8) for buffer in _tables(model, 4)]
    subgraph = _tables(model, 2)[0]
    tensors = []
    for table in _tables(subgraph, 0):
        shape = tuple(int(d) for d in _array(table, 0, np.int32))
        dtype = DTYPES[_scalar(table, 1, N.Int8Flags, 0)]
        raw = buffers[_scalar(table, 2, N.Uint32Flags, 0)]
        value = np.frombuffer(raw.tobytes(), dtype).reshape(shape) if raw.size else None
        tensors.append(Tensor(_string(table, 3), shape, dtype, value))
    operators = []
    for table in _tables(subgraph, 3):
        kind = codes[_scalar(table, 0, N.Uint32Flags, 0)]
        operators.append(Operator(kind, _array(table, 1, np.int32).tolist(), _array(table, 2, np.int32).tolist(),
                                  _options(table, kind), _array(table, 5, np.uint8).tobytes()))
    return Graph(tensors, operators, _array(subgraph, 1, np.int32).tolist(), _array(subgraph, 2, np.int32).tolist())
