"""A real speaker's lips on top of the phone targets: a ridge head from the network's last layer to tracked blend shapes.

In: a checkpoint, GRID speaker s1 (sound and tracked ARKit weights). Out: WORK/checkpoints/NAME.lips.pt, five outputs in channel
units: jaw, lower, upper, round, pucker. Fitted on every clip but each fourth; those judge it (see training/evaluate).
Each output is scaled to the mean and spread of the network's own channel over the same speech: the tracker's units are not ours, and
one speaker's reach should not become everybody's. What a real mouth adds is *when* and *how much relative to its own range*.
"""
import sys

import numpy as np
import torch
from audio_io import WORK
from export import load
from features import log_mel
from model import LOOK_AHEAD_STEPS, WHOLE
from phones import CHANNEL_ID

LIPS = {"jaw": ["jawOpen"], "lower": ["mouthLowerDownLeft", "mouthLowerDownRight"], "upper": ["mouthUpperUpLeft", "mouthUpperUpRight"], "round": ["mouthFunnel"], "pucker": ["mouthPucker"]}  # fmt: skip
TRACKED = (
    "_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight eyeBlinkLeft "
    "eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight "
    "eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen jawRight mouthClose mouthDimpleLeft mouthDimpleRight "
    "mouthFrownLeft mouthFrownRight mouthFunnel mouthLeft mouthLowerDownLeft mouthLowerDownRight mouthPressLeft mouthPressRight mouthPucker mouthRight "
    "mouthRollLower mouthRollUpper mouthShrugLower mouthShrugUpper mouthSmileLeft mouthSmileRight mouthStretchLeft mouthStretchRight mouthUpperUpLeft "
    "mouthUpperUpRight noseSneerLeft noseSneerRight"
).split()  # fmt: skip
RIDGE = 300.0
CLIPS = 480  # of about 990; every fourth is held out
LOOK_AHEADS = (0, WHOLE)  # as in a call, and as for a recording


def is_held_out(index):
    return index % 4 == 0


def hidden_and_curves(net, samples, look_ahead):
    """The last layer (after its norm) and the curves of every 20 ms."""
    steps = LOOK_AHEAD_STEPS[look_ahead]
    mel = log_mel(samples)
    mel = mel[: len(mel) // 2 * 2]
    mel = np.concatenate([mel, np.repeat(mel[-4:].mean(0, keepdims=True), 2 * steps, 0)]).astype(np.float32)
    with torch.no_grad():
        hidden, _ = net.hidden(torch.from_numpy(mel)[None], torch.eye(len(LOOK_AHEAD_STEPS))[[look_ahead]])
        _, curves = net.answers(hidden)
    return hidden[0, steps:].numpy(), curves[0, steps:].numpy()


def main(name):
    sys.path.insert(0, str(WORK.parents[1] / "training" / "evaluate"))
    from articulation import at_video_times, grid_clips

    torch.set_num_threads(1)
    net, saved = load(name)
    columns = {lip: [TRACKED.index(n) for n in names] for lip, names in LIPS.items()}
    xs, ys, own, held = [], [], [], []
    for i, (_, samples, _, shapes) in enumerate(grid_clips(CLIPS)):
        tracked = np.stack([shapes[:, c].mean(1) for c in columns.values()], 1)
        for look_ahead in LOOK_AHEADS:
            hidden, curves = hidden_and_curves(net, samples, look_ahead)
            xs.append(at_video_times(hidden, len(shapes)))
            own.append(at_video_times(curves, len(shapes)))
            ys.append(tracked - np.percentile(tracked, 10, 0))  # the resting face is each clip's own
            held.append(np.full(len(shapes), is_held_out(i)))
    x, y, curves, held = np.concatenate(xs), np.concatenate(ys), np.concatenate(own), np.concatenate(held)
    fit = ~held
    mean, spread = x[fit].mean(0), x[fit].std(0) + 1e-6
    a = (x[fit] - mean) / spread
    weights = np.linalg.solve(a.T @ a + RIDGE * np.eye(a.shape[1]), a.T @ (y[fit] - y[fit].mean(0))) / spread[:, None]
    bias = y[fit].mean(0) - mean @ weights
    predicted = x @ weights + bias
    for k, lip in enumerate(LIPS):
        channel = curves[:, CHANNEL_ID[lip]]
        r_own, r_head = (np.corrcoef(v[held], y[held, k])[0, 1] for v in (channel, predicted[:, k]))
        gain = channel[fit].std() / (predicted[fit, k].std() + 1e-9)
        weights[:, k] *= gain
        bias[k] = bias[k] * gain + channel[fit].mean() - gain * predicted[fit, k].mean()
        print(f"{lip:8s} r with the tracked speaker, held-out clips: channel {r_own:.3f}, head {r_head:.3f}", flush=True)
    lips = {"channels": [CHANNEL_ID[lip] for lip in LIPS], "weights": torch.tensor(weights.T), "bias": torch.tensor(bias), "step": saved["step"]}
    torch.save(lips, WORK / "checkpoints" / f"{name}.lips.pt")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "articulation")
