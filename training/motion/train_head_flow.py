"""Train the head's flow network: from the fitted prior's plan to a plan as real speakers make them.

A transformer over 0.8 s of past and 1 s of plan (25 Hz, yaw, pitch, roll). Flow matching (Lipman et al. 2023; rectified, Liu et al. 2023)
whose starting point is not white noise but a roll-out of the fitted autoregression (`fit_head_prior.py`) from the same past: that is already nearly right,
joins the past without a seam, and leaves the network what the autoregression cannot know: the voice and what bursts look like.
Condition: loudness, its rise and voicing, seen up to the present or further, at times not at all; the person's pace.
Clips of the held-out list take no part.

    python train_head_flow.py --minutes 40 [--resume]     -> WORK/checkpoints/head-flow.pt
    python train_head_flow.py --export                    -> models/head-flow.onnx
"""
import argparse
import json
import time

import numpy as np
import torch
import torch.nn.functional as F
from audio_io import DATA, REPO, WORK
from fit_head_prior import FPS, ORDER, fit, load_tracks, speed, split
from torch import nn

PAST, PLAN = 20, 25
N_AUDIO = 4  # loudness, rise, voicing, whether it is known
UNIT_DEG = 3.0
GAIN = 0.78  # as src/engine/motion/head-prior.ts
MEAN_RUN = 15


class Layer(nn.Module):
    """Pre-norm attention and feed-forward, both modulated by the flow's time and the person's pace."""

    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)

    def forward(self, x, condition):
        width, part = self.width, self.width // self.heads
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition)[:, None].chunk(6, -1)
        h = F.layer_norm(x, (width,)) * (1 + scale1) + shift1
        qkv = self.qkv(h).reshape(-1, PAST + PLAN, 3, self.heads, part).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        attention = torch.softmax(q @ k.transpose(-1, -2) / part**0.5, -1)
        x = x + (1 + gate1) * self.out((attention @ v).transpose(1, 2).reshape(-1, PAST + PLAN, width))
        h = F.layer_norm(x, (width,)) * (1 + scale2) + shift2
        return x + (1 + gate2) * self.down(F.silu(self.up(h)))


class HeadFlow(nn.Module):
    """In: plan B x PLAN x 3 and past B x PAST x 3 relative to the present (in UNIT_DEG), audio B x (PAST+PLAN) x 4, pace B x 1 (log), time B x 1. Out: velocity."""

    def __init__(self, width=128, layers=4, heads=4):
        super().__init__()
        self.width = width
        self.inlet = nn.Linear(3 + 3 + 1 + N_AUDIO, width)
        self.places = nn.Parameter(torch.randn(PAST + PLAN, width) * 0.1)
        self.condition = nn.Sequential(nn.Linear(17, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.layers = nn.ModuleList([Layer(width, heads) for _ in range(layers)])
        self.outlet = nn.Linear(width, 3)
        nn.init.zeros_(self.outlet.weight)
        nn.init.zeros_(self.outlet.bias)

    def forward(self, plan, past, audio, pace, time):
        both = torch.cat([past, plan], 1)
        step = both[:, 1:] - both[:, :-1]
        step = torch.cat([step[:, :1], step], 1) * 3
        is_plan = torch.cat([torch.zeros_like(past[..., :1]), torch.ones_like(plan[..., :1])], 1)
        x = self.inlet(torch.cat([both, step, is_plan, audio], -1)) + self.places
        waves = time * torch.tensor([0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0])
        c = self.condition(torch.cat([torch.sin(waves), torch.cos(waves), pace], -1))
        for layer in self.layers:
            x = layer(x, c)
        return self.outlet(F.layer_norm(x[:, PAST:], (self.width,)))


class Prior:
    """Roll-outs of the fitted autoregression, many at once."""

    def __init__(self, training):
        matrix, clips, _ = fit(training)
        self.matrix = torch.tensor(matrix.T, dtype=torch.float32)
        self.runs = [torch.tensor(innovations, dtype=torch.float32) for innovations, _ in clips]
        self.sizes = np.array([len(r) for r in self.runs], float)

    def innovations(self, n, rng):
        """n x PLAN x 3: runs of real ones, mirrored at random."""
        out = torch.empty(n, PLAN, 3)
        for i in range(n):
            at = 0
            while at < PLAN:
                run = self.runs[rng.choice(len(self.runs), p=self.sizes / self.sizes.sum())]
                first = rng.integers(len(run))
                length = min(int(rng.geometric(1 / MEAN_RUN)), len(run) - first, PLAN - at)
                mirror = 1.0 if rng.random() < 0.5 else -1.0
                out[i, at : at + length] = run[first : first + length] * torch.tensor([mirror, 1.0, mirror])
                at += length
        return out

    def roll(self, past, pace, innovations):
        """past n x >=ORDER x 3 in degrees about the clip's own mean; pace n in degrees a frame. Returns n x PLAN x 3."""
        state = past[:, -ORDER:].reshape(len(past), -1)
        made = []
        for k in range(innovations.shape[1]):
            new = state @ self.matrix + GAIN * pace[:, None] * innovations[:, k]
            made.append(new)
            state = torch.cat([state[:, 3:], new], 1)
        return torch.stack(made, 1)


def audio_features(level):
    """Loudness, rise, voicing of every frame from the track's level (in 10 dB about the clip's own), and whether it is known. Rise and voicing are
    what the level says of them (regressions over the tracks), so that the product needs no more than its loudness (learned-head.ts)."""
    level = np.clip(level, -3, 2)
    rise = 1.29 * np.maximum(np.diff(level, prepend=level[:1]), 0) + 0.066
    return np.stack([level, np.minimum(rise, 3), 0.294 * level, np.ones(len(level))], 1).astype(np.float32)


def clips_with_audio():
    """(training, held out): (angles, audio features, pace) of each clip."""
    path = DATA / "motion" / "real-head-tracks.npz"
    whole = []
    for angles, level in load_tracks(path):
        heard = np.zeros((len(angles), N_AUDIO), np.float32) if level is None else audio_features(level)
        whole.append((angles.astype(np.float32), heard, float(speed(angles))))
    return split(whole)


def batch(clips, prior, size, rng):
    lengths = np.array([max(0, len(a) - PAST - PLAN - 1) for a, _, _ in clips], float)
    past, plan, audio, pace = [], [], [], []
    for k in rng.choice(len(clips), size, p=lengths / lengths.sum()):
        angles, sound, own_pace = clips[k]
        at = rng.integers(len(angles) - PAST - PLAN)
        piece = angles[at : at + PAST + PLAN].copy() * rng.uniform(0.85, 1.15)
        if rng.random() < 0.5:
            piece[:, [0, 2]] *= -1
        heard = sound[at : at + PAST + PLAN].copy()
        known = PAST + (rng.integers(0, 6) if rng.random() < 0.7 else PLAN)
        if rng.random() < 0.15:
            known = 0
        heard[known:] = 0
        past.append(piece[:PAST] + rng.normal(0, 0.05, (PAST, 3)))
        plan.append(piece[PAST:])
        audio.append(heard)
        pace.append(own_pace)
    past, plan = torch.tensor(np.array(past), dtype=torch.float32), torch.tensor(np.array(plan))
    pace = torch.tensor(pace, dtype=torch.float32)
    start = prior.roll(past, pace, prior.innovations(size, rng))
    now = past[:, -1:]
    return (start - now) / UNIT_DEG, (plan - now) / UNIT_DEG, (past - now) / UNIT_DEG, torch.tensor(np.array(audio)), torch.log(pace)[:, None]


def train(minutes, resume, seed):
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    training, _ = clips_with_audio()
    prior = Prior([(a, None) for a, _, _ in training])
    out = WORK / "checkpoints" / "head-flow.pt"
    net, average = HeadFlow(), HeadFlow()
    average.load_state_dict(net.state_dict())
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05)
    step, trained_s = 0, 0.0
    if resume and out.exists():
        saved = torch.load(out, weights_only=True)
        net.load_state_dict(saved["net"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, trained_s = saved["step"], saved["trained_s"]
    rng = np.random.default_rng([seed, step])
    began, sums = time.time() - trained_s, []
    while time.time() - began < minutes * 60:
        progress = (time.time() - began) / (minutes * 60)
        for group in optimiser.param_groups:
            group["lr"] = float(1e-3 * min(1, (step + 1) / 200) * (0.02 + 0.49 * (1 + np.cos(np.pi * progress))))
        start, goal, past, audio, pace = batch(training, prior, 64, rng)
        t = torch.rand(len(start), 1)
        at = start + t[..., None] * (goal - start)
        error = net(at, past, audio, pace, t) - (goal - start)
        change = torch.diff(torch.cat([torch.zeros_like(error[:, :1]), error], 1), dim=1)
        bend = torch.diff(change, dim=1)
        loss = (error**2).mean() + 10 * (change**2).mean() + 20 * (bend**2).mean()
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), net.parameters()):
                mean.lerp_(now, 1 - keep)
        sums.append([loss.item(), (error**2).mean().item(), (change**2).mean().item(), (bend**2).mean().item()])
        if step % 200 == 0:
            print(f"step {step}  {(time.time() - began) / 60:.1f} of {minutes:g} min  loss {np.round(np.mean(sums[-200:], 0), 4)}", flush=True)
            partial = out.with_suffix(".partial")
            torch.save({"net": net.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(), "step": step, "trained_s": time.time() - began}, partial)
            partial.rename(out)


def load():
    net = HeadFlow()
    saved = torch.load(WORK / "checkpoints" / "head-flow.pt", weights_only=True)
    net.load_state_dict(saved["average"])
    return net.eval(), saved["step"]


def export():
    import onnx
    import onnxruntime

    net, step = load()
    example = (torch.randn(2, PLAN, 3), torch.randn(2, PAST, 3), torch.randn(2, PAST + PLAN, N_AUDIO), torch.randn(2, 1), torch.rand(2, 1))
    out = REPO / "models" / "head-flow.onnx"
    names = ["plan", "past", "audio", "pace", "time"]
    torch.onnx.export(net, example, str(out), dynamo=False, opset_version=17, input_names=names, output_names=["velocity"],
                      dynamic_axes={k: {0: "batch"} for k in [*names, "velocity"]})  # fmt: skip
    model = onnx.load(str(out))
    entry = model.metadata_props.add()
    entry.key, entry.value = "trainingSteps", json.dumps(step)
    onnx.save(model, str(out))
    session = onnxruntime.InferenceSession(str(out), providers=["CPUExecutionProvider"])
    got = session.run(None, {k: v.numpy() for k, v in zip(names, example, strict=True)})[0]
    with torch.no_grad():
        worst = np.abs(got - net(*example).numpy()).max()
    assert worst < 1e-4, worst
    print(f"{out.name}: {out.stat().st_size / 1e6:.2f} MB, step {step}, differs from PyTorch by {worst:.1e}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--minutes", type=float, default=40)
    p.add_argument("--resume", action="store_true")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--export", action="store_true")
    a = p.parse_args()
    export() if a.export else train(a.minutes, a.resume, a.seed)
