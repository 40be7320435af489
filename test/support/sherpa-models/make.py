"""Writes the two tiny models beside this file, which sherpa-onnx loads like real ones. Needs numpy and onnx.

en_US-tones: a VITS voice whose every character is a tone. nemo-tones: a streaming CTC recogniser for which a tone near 500 Hz is the word
"good", one near 3 kHz "morning", and quiet is nothing.
"""
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
CHARS = " abcdefghijklmnopqrstuvwxyz.,?!'-"
SPECIAL = "①②③④"


def value(name, kind, shape):
    return helper.make_tensor_value_info(name, kind, shape)


def constant(name, array, kind):
    return numpy_helper.from_array(np.array(array, kind), name)


def save(name, nodes, inputs, outputs, constants, metadata, tokens):
    graph = helper.make_graph(nodes, name, inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, text in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, str(text)
    onnx.checker.check_model(model)
    folder = os.path.join(HERE, name)
    os.makedirs(folder, exist_ok=True)
    onnx.save(model, os.path.join(folder, "model.onnx"))
    with open(os.path.join(folder, "tokens.txt"), "w", encoding="utf8") as file:
        file.writelines(f"{token} {i}\n" for i, token in enumerate(tokens))


def voice():
    period = 60
    table = np.zeros((len(SPECIAL) + len(CHARS), period), np.float32)
    for i, char in enumerate(CHARS):
        loudness = 0.0 if char == " " else 0.4
        table[len(SPECIAL) + i] = loudness * np.sin(2 * np.pi * (1 + i % 8) * np.arange(period) / period)
    node = helper.make_node
    nodes = [
        node("Gather", ["table", "x"], ["rows"], axis=0),
        node("Unsqueeze", ["rows", "axis"], ["periods"]),
        node("Mul", ["length_scale", "periods_per_char"], ["count"]),
        node("Round", ["count"], ["whole"]),
        node("Cast", ["whole"], ["repeats"], to=TensorProto.INT64),
        node("Concat", ["one", "one", "repeats", "one"], ["shape"], axis=0),
        node("Expand", ["periods", "shape"], ["sound"]),
        node("Reshape", ["sound", "flat"], ["y"]),
    ]
    floats, ints = TensorProto.FLOAT, TensorProto.INT64
    inputs = [value("x", ints, [1, "N"]), value("x_length", ints, [1])]
    inputs += [value(name, floats, [1]) for name in ("noise_scale", "length_scale", "noise_scale_w")]
    constants = [
        numpy_helper.from_array(table, "table"),
        constant("axis", [2], np.int64),
        constant("periods_per_char", [16], np.float32),
        constant("one", [1], np.int64),
        constant("flat", [1, 1, -1], np.int64),
    ]
    metadata = dict(
        model_type="vits", comment="tones for tests", language="English", voice="en", sample_rate=16000, n_speakers=1,
        frontend="characters", punctuation=". , ? !", add_blank=0, blank_id=0, bos_id=1, eos_id=2, use_eos_bos=0,
        pad_id=0, has_espeak=0,
    )
    save("en_US-tones", nodes, inputs, [value("y", floats, [1, 1, "S"])], constants, metadata, SPECIAL + CHARS)


def recogniser():
    weights = np.zeros((3, 80), np.float32)
    weights[0, 14:18] = 0.25
    weights[1, 52:57] = 0.2
    node = helper.make_node
    states = ("cache_last_channel", "cache_last_time")
    nodes = [
        node("Reshape", ["audio_signal", "split"], ["windows"]),
        node("ReduceMean", ["windows"], ["bands"], axes=[3], keepdims=0),
        node("MatMul", ["weights", "bands"], ["scores"]),
        node("Add", ["scores", "bias"], ["biased"]),
        node("Transpose", ["biased"], ["logits"], perm=[0, 2, 1]),
        node("LogSoftmax", ["logits"], ["logprobs"], axis=-1),
        node("Div", ["length", "eight"], ["encoded_lengths"]),
        *[node("Identity", [name], [f"{name}_next"]) for name in states],
        node("Identity", ["cache_last_channel_len"], ["cache_last_channel_next_len"]),
    ]
    floats, ints = TensorProto.FLOAT, TensorProto.INT64
    cache = ["B", 1, 1, 1]
    inputs = [value("audio_signal", floats, ["B", 80, 32]), value("length", ints, ["B"])]
    inputs += [value(name, floats, cache) for name in states] + [value("cache_last_channel_len", ints, ["B"])]
    outputs = [value("logprobs", floats, ["B", 4, 3]), value("encoded_lengths", ints, ["B"])]
    outputs += [value(f"{name}_next", floats, cache) for name in states]
    outputs += [value("cache_last_channel_next_len", ints, ["B"])]
    constants = [
        numpy_helper.from_array(weights, "weights"),
        constant("bias", [[0], [0], [-3]], np.float32),
        constant("split", [0, 80, 4, 8], np.int64),
        constant("eight", [8], np.int64),
    ]
    metadata = dict(
        model_type="EncDecCTCModelBPE", vocab_size=2, window_size=32, chunk_shift=32, subsampling_factor=8,
        normalize_type="", **{f"{name}_dim{i}": 1 for name in states for i in (1, 2, 3)},
    )
    save("nemo-tones", nodes, inputs, outputs, constants, metadata, ["▁good", "▁morning", "<blk>"])


voice()
recogniser()
