"""Checkpoint to models/NAME.onnx: one streaming step, dynamic batch and number of steps, all state explicit, checked against PyTorch.

Matrices are kept in 8 bits, with a scale for each 32 weights, and computed so row by row: a third of the size, half the time of a hop, and no
stream depends on who else is in its batch.

Inputs (float32): mel B 2T 80, lookAhead B 5 (one-hot over 2, 3, 4, 5 steps of 20 ms and
the whole: 5 steps, and the steps of one call may look at each other), past B S. Outputs: classes B T 42
(probabilities), curves B T 9 (what the mouth does), phonetic B T 9 (the same before the real speaker's head, for evaluation), next B S.

    python export.py articulation            # WORK/checkpoints/articulation.pt -> models/articulation.onnx
"""
import json
import logging
import math
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from audio_io import REPO, WORK
from features import N_MELS, log_mel
from model import LOOK_AHEAD_STEPS, ArticulationNet
from onnxruntime.quantization.matmul_nbits_quantizer import DefaultWeightOnlyQuantConfig, MatMulNBitsQuantizer
from phones import CHANNELS, CLASSES, N_CHANNELS
from speech_set import load_set
from torch import nn


def load(name):
    """The averaged network of a checkpoint of one's own, else of one kept in the repository (the meter)."""
    own, kept = WORK / "checkpoints" / f"{name}.pt", REPO / "training" / "evaluate" / f"{name}.pt"
    saved = torch.load(own if own.exists() else kept, weights_only=True)
    net = ArticulationNet(saved["width"], saved["dilations"], listens=saved.get("listens", False))
    net.load_state_dict(saved["average"])
    return net.eval(), saved


# share of the tracked speaker's own movement in the channels that retarget.py fits; the rest stays what the phones ask for
REAL_SHARE = 0.5


class Streaming(nn.Module):
    """The network with all blocks' pasts in one tensor, and retarget.py's head on its last layer."""

    def __init__(self, net, lips):
        super().__init__()
        self.net = net
        share = torch.zeros(N_CHANNELS)
        weights, bias = torch.zeros(N_CHANNELS, net.hidden_width), torch.zeros(N_CHANNELS)
        if lips:
            share[lips["channels"]] = REAL_SHARE
            weights[lips["channels"]] = lips["weights"].float()
            bias[lips["channels"]] = lips["bias"].float()
        self.register_buffer("share", share)
        self.register_buffer("lip_weights", weights)
        self.register_buffer("lip_bias", bias)
        self.sizes = [math.prod(shape) for shape in net.state_shapes()]

    def forward(self, mel, look_ahead, past):
        net = self.net
        before = [part.reshape(-1, *shape) for part, shape in zip(past.split(self.sizes, 1), net.state_shapes(), strict=True)]
        x, following = net.hidden(mel, look_ahead, past=before)
        logits, phonetic = net.answers(x)
        real = torch.clamp(x @ self.lip_weights.T + self.lip_bias, 0, 1)
        curves = phonetic + self.share * (real - phonetic)
        return torch.softmax(logits, -1), curves, phonetic, torch.cat([part.flatten(1) for part in following], 1)


def main(name):
    torch.set_num_threads(1)
    net, saved = load(name)
    lips_path = WORK / "checkpoints" / f"{name}.lips.pt"
    lips = torch.load(lips_path, weights_only=True) if lips_path.exists() else None
    if lips and lips["step"] != saved["step"]:
        raise SystemExit(f"{lips_path.name} was fitted on step {lips['step']} and the network is at {saved['step']}: run retarget.py {name} first")
    streaming = Streaming(net, lips).eval()
    total = sum(streaming.sizes)
    example = (torch.randn(2, 4, N_MELS), torch.eye(net.look_ahead.num_embeddings)[:2], torch.zeros(2, total))
    out = REPO / "models" / f"{name}.onnx"
    partial = out.with_suffix(".partial")
    torch.onnx.export(
        streaming, example, str(partial), dynamo=False, opset_version=17, input_names=["mel", "lookAhead", "past"],
        output_names=["classes", "curves", "phonetic", "next"],
        dynamic_axes={"mel": {0: "batch", 1: "frames"}, "lookAhead": {0: "batch"}, "past": {0: "batch"}, "classes": {0: "batch", 1: "steps"}, "curves": {0: "batch", 1: "steps"}, "phonetic": {0: "batch", 1: "steps"}, "next": {0: "batch"}},
    )  # fmt: skip
    mel = log_mel(load_set(WORK / "sets" / "libri-test.npz")[0]["audio"][: 4 * 16000].astype(np.float32) / 32768)[None]
    with torch.no_grad():
        at_once = [x.numpy() for x in streaming(torch.from_numpy(mel), torch.eye(net.look_ahead.num_embeddings)[1:2], torch.zeros(1, total))[:2]]
    exact = difference(partial, mel, at_once)
    if exact > 1e-4:
        raise SystemExit(f"{name}: the streamed ONNX differs from PyTorch by {exact:.2g}")
    config = DefaultWeightOnlyQuantConfig(bits=8, block_size=32, is_symmetric=True, accuracy_level=4)
    logging.disable(logging.INFO)
    quantiser = MatMulNBitsQuantizer(onnx.load(str(partial)), algo_config=config)
    quantiser.process()
    model = quantiser.model.model
    facts = {"classes": CLASSES, "channels": CHANNELS, "lookAheadSteps": list(LOOK_AHEAD_STEPS)[: net.look_ahead.num_embeddings], "trainingSteps": saved["step"]}
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    onnx.save(model, str(partial))
    rounded = difference(partial, mel, at_once)
    if rounded > 0.1:  # at the edge of a sound; on the mean it is a hundredth of that
        raise SystemExit(f"{name}: in 8 bits it differs by {rounded:.2g}")
    partial.rename(out)
    print(f"{out.name}: {out.stat().st_size / 1e6:.2f} MB, step {saved['step']}, stream differs from the whole at once by {exact:.1e}, in 8 bits by {rounded:.1e}")


def difference(path, mel, at_once):
    """Largest difference of classes and curves between the streamed file and the network that hears everything at once."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    _, choice, state = (i.shape[1] for i in session.get_inputs())
    past = np.zeros((1, state), np.float32)
    worst = 0.0
    for at in range(0, mel.shape[1], 8):
        feeds = {"mel": mel[:, at : at + 8], "lookAhead": np.eye(choice, dtype=np.float32)[1:2], "past": past}
        classes, curves, _, past = session.run(None, feeds)
        for step, whole in zip((classes, curves), at_once, strict=True):
            worst = max(worst, float(np.abs(step - whole[:, at // 2 : at // 2 + 4]).max()))
    return worst


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "articulation")
