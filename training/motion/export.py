"""Checkpoint to models/NAME.onnx: one streaming step, dynamic batch and number of steps, all state explicit, checked against PyTorch.

Inputs (float32): mel B 2T 80, lookAhead B 4 (one-hot over 2, 3, 4, 5 steps of 20 ms), past B H C. Outputs: classes B T 42
(probabilities), curves B T 9 (what the mouth does), phonetic B T 9 (the same before the real speaker's head, for evaluation), next B H C.

    python export.py articulation            # WORK/checkpoints/articulation.pt -> models/articulation.onnx
"""
import json
import sys

import numpy as np
import onnx
import onnxruntime
import torch
from audio_io import REPO, WORK
from features import FLOOR, N_MELS
from model import LOOK_AHEAD_STEPS, ArticulationNet
from phones import CHANNELS, CLASSES, N_CHANNELS
from torch import nn


def load(name):
    """The averaged network of a checkpoint of one's own, else of one kept in the repository (the meter)."""
    own, kept = WORK / "checkpoints" / f"{name}.pt", REPO / "training" / "evaluate" / f"{name}.pt"
    saved = torch.load(own if own.exists() else kept, weights_only=True)
    net = ArticulationNet(saved["width"], saved["dilations"], inner=saved.get("inner"))
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
        weights, bias = torch.zeros(N_CHANNELS, net.width), torch.zeros(N_CHANNELS)
        if lips:
            share[lips["channels"]] = REAL_SHARE
            weights[lips["channels"]] = lips["weights"].float()
            bias[lips["channels"]] = lips["bias"].float()
        self.register_buffer("share", share)
        self.register_buffer("lip_weights", weights)
        self.register_buffer("lip_bias", bias)
        self.lengths = [h for h, _ in net.history_shapes()]

    def forward(self, mel, look_ahead, past):
        net = self.net
        x = ((mel - net.mel_mean) / net.mel_scale).reshape(mel.shape[0], -1, 2 * N_MELS)
        x = net.inlet_norm(net.inlet(x) + (look_ahead @ net.look_ahead.weight)[:, None])
        following = []
        for block, before in zip(net.blocks, past.split(self.lengths, 1)):
            x, after = block(x, before)
            following.append(after)
        x = net.outlet_norm(x)
        classes = torch.softmax(net.classes(x), -1)
        phonetic = torch.sigmoid(net.curves(torch.cat([x, classes], -1)))
        real = torch.clamp(x @ self.lip_weights.T + self.lip_bias, 0, 1)
        curves = phonetic + self.share * (real - phonetic)
        return classes, curves, phonetic, torch.cat(following, 1)


def main(name):
    torch.set_num_threads(1)
    net, saved = load(name)
    lips_path = WORK / "checkpoints" / f"{name}.lips.pt"
    lips = torch.load(lips_path, weights_only=True) if lips_path.exists() else None
    if lips and lips["step"] != saved["step"]:
        raise SystemExit(f"{lips_path.name} was fitted on step {lips['step']} and the network is at {saved['step']}: run retarget.py {name} first")
    streaming = Streaming(net, lips).eval()
    total = sum(streaming.lengths)
    example = (torch.randn(2, 4, N_MELS), torch.eye(4)[:2], torch.zeros(2, total, net.width))
    out = REPO / "models" / f"{name}.onnx"
    partial = out.with_suffix(".partial")
    torch.onnx.export(
        streaming, example, str(partial), dynamo=False, opset_version=17, input_names=["mel", "lookAhead", "past"],
        output_names=["classes", "curves", "phonetic", "next"],
        dynamic_axes={"mel": {0: "batch", 1: "frames"}, "lookAhead": {0: "batch"}, "past": {0: "batch"}, "classes": {0: "batch", 1: "steps"}, "curves": {0: "batch", 1: "steps"}, "phonetic": {0: "batch", 1: "steps"}, "next": {0: "batch"}},
    )  # fmt: skip
    model = onnx.load(str(partial))
    facts = {"classes": CLASSES, "channels": CHANNELS, "lookAheadSteps": list(LOOK_AHEAD_STEPS), "trainingSteps": saved["step"]}
    for key, value in facts.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, json.dumps(value)
    onnx.save(model, str(partial))
    session = onnxruntime.InferenceSession(str(partial), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    mel = rng.normal(-3, 3, (1, 400, N_MELS)).clip(np.log(FLOOR)).astype(np.float32)
    with torch.no_grad():
        logits, curves, *_ = net(torch.from_numpy(mel), torch.tensor([1]))
    past = np.zeros((1, total, net.width), np.float32)
    worst = 0.0
    for at in range(0, 400, 8):
        feeds = {"mel": mel[:, at : at + 8], "lookAhead": np.eye(4, dtype=np.float32)[1:2], "past": past}
        classes, _, step_curves, past = session.run(None, feeds)
        worst = max(worst, np.abs(step_curves - curves[:, at // 2 : at // 2 + 4].numpy()).max())
        worst = max(worst, np.abs(classes - torch.softmax(logits, -1)[:, at // 2 : at // 2 + 4].numpy()).max())
    if worst > 1e-4:
        raise SystemExit(f"{name}: the streamed ONNX differs from PyTorch by {worst:.2g}")
    partial.rename(out)
    print(f"{out.name}: {out.stat().st_size / 1e6:.2f} MB, step {saved['step']}, stream differs from offline by {worst:.1e}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "articulation")
