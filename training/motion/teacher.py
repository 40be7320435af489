"""What a network that hears the whole sentence says about natural English: soft labels for the causal one to learn from.

The encoder of Moonshine tiny (MIT, taught on 200 000 hours; models/moonshine-tiny-en.md) hears each clean utterance; a small two-way head on its layers is
fitted to our labels. It knows accents and rooms that our labelled hours lack. In: WORK/sets/NAME.npz, for `label` WORK/shards/NAME.* too. Out:
WORK/checkpoints/teacher.pt; WORK/shards/NAME.taught.npy, class probabilities and curves for every frame of the shard, and NAME.weight.npy, near 0
where the label is clearly not what is said. Accuracy on held-out readers is printed on the way.

    python teacher.py fit kathleen libri-train flite       # trained on these, judged on libri-test and libri-other
    python teacher.py label kathleen libri-train
"""
import sys
import time

import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F
from audio_io import REPO, WORK
from features import log_mel
from phones import CLASS_ID, CLASS_VISEME, N_CHANNELS, N_CLASSES, VISEMES, frame_classes, target_curves
from prepare import LEVEL_RMS, SHARDS, active_rms
from speech_set import load_set
from torch import nn

ENCODER_STEP_S = 384 / 16000
ENCODER_OFFSET_S = 0.5 * 895 / 16000  # middle of the stretch of sound under an encoder frame's convolutions
TAPS = ["/layers.1/Add_1", "/layers.3/Add_1", "/layers.5/Add_1"]


def encoder():
    """The shipped encoder with three of its layers as outputs."""
    model = onnx.load(str(REPO / "models" / "moonshine-tiny-en-encoder.onnx"))
    for tap in TAPS:
        model.graph.output.append(onnx.helper.make_tensor_value_info(f"{tap}_output_0", onnx.TensorProto.FLOAT, None))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return lambda sound: session.run([f"{tap}_output_0" for tap in TAPS], {"input_values": sound[None]})


def heard(encode, item):
    """float32 n x (3 x 288 + 160): the encoder's layers at the middles of our 20 ms steps, and the two mel frames themselves."""
    sound = item["audio"].astype(np.float32) / 32768
    sound = sound / active_rms(sound) * LEVEL_RMS
    mel = log_mel(sound)
    n = len(sound) // 320
    mel = mel[: 2 * n].reshape(n, -1)
    layers = np.concatenate([x[0] for x in encode(np.pad(sound, (447, 480)))], 1)  # frames centred on 0, 24, 48 ms ...
    layers = np.sign(layers) * np.log1p(np.abs(layers))  # a few units are a hundred times as loud as the others
    at = (np.arange(n) + 0.5) * 0.02 / ENCODER_STEP_S
    low = np.minimum(at.astype(int), len(layers) - 2)
    share = np.minimum(at - low, 1)[:, None]
    return np.concatenate([layers[low] * (1 - share) + layers[low + 1] * share, mel / 4 + 1], 1).astype(np.float16)


class Head(nn.Module):
    def __init__(self, width=160):
        super().__init__()
        inputs = 3 * 288 + 160
        self.inlet = nn.Sequential(nn.LayerNorm(inputs), nn.Dropout(0.15), nn.Linear(inputs, width), nn.SiLU(), nn.Dropout(0.15))
        self.both_ways = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.outlet = nn.Sequential(nn.Dropout(0.2), nn.Linear(2 * width, N_CLASSES + N_CHANNELS))

    def forward(self, x):
        y = self.outlet(self.both_ways(self.inlet(x))[0])
        return y[..., :N_CLASSES], torch.sigmoid(y[..., N_CLASSES:])


def features_of(name, encode):
    """The features of a set's utterances, computed once."""
    path = WORK / "teacher" / f"{name}.features.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.concatenate([heard(encode, item) for item in load_set(WORK / "sets" / f"{name}.npz")]))
    return np.load(path, mmap_mode="r")


def to_visemes(probability):
    out = np.zeros((len(probability), len(VISEMES)))
    for c, v in enumerate(CLASS_VISEME):
        if v >= 0:
            out[:, v] += probability[:, c]
    return out


def judged(head, name, encode):
    features, items = features_of(name, encode), load_set(WORK / "sets" / f"{name}.npz")
    right = total = start = 0
    for item in items:
        n = len(item["audio"]) // 320
        with torch.no_grad():
            logits, _ = head(torch.from_numpy(features[start : start + n].astype(np.float32))[None])
        start += n
        truth = CLASS_VISEME[frame_classes(item["segments"], n)]
        right += int((to_visemes(torch.softmax(logits[0], -1).numpy()).argmax(1) == truth)[truth > 0].sum())
        total += int((truth > 0).sum())
    return right / total


def fit(names):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    encode, head = encoder(), Head()
    sets = []
    for name in names:
        features, items = features_of(name, encode), load_set(WORK / "sets" / f"{name}.npz")
        lengths = [len(item["audio"]) // 320 for item in items]
        classes = np.concatenate([frame_classes(item["segments"], n) for item, n in zip(items, lengths, strict=True)])
        curves = np.concatenate([target_curves(item["segments"], n) for item, n in zip(items, lengths, strict=True)])
        sets.append((features, classes, curves))
        print(f"{name}: {len(classes) / 3000:.0f} min heard", flush=True)
    held = ("libri-test", "libri-other")
    for name in held:
        features_of(name, encode)
    optimiser = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=0.05)
    steps, crop, size = 600, 200, 24
    began = time.time()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, (step + 1) / 50) * min(1, 1.02 - step / steps)
        batch = []
        for _ in range(size):
            features, classes, curves = sets[rng.integers(len(sets))]
            at = rng.integers(0, len(classes) - crop)
            batch.append((features[at : at + crop].astype(np.float32), classes[at : at + crop], curves[at : at + crop]))
        x, c, y = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        logits, curves = head(x + 0.1 * torch.randn_like(x))
        loss = F.cross_entropy(logits.reshape(-1, N_CLASSES), c.reshape(-1), label_smoothing=0.05) + 20 * ((curves - y) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 100 == 99:
            head.eval()
            scores = ", ".join(f"{name} {judged(head, name, encode):.3f}" for name in held)
            head.train()
            print(f"step {step + 1}  {time.time() - began:.0f} s  loss {loss.item():.3f}  viseme {scores}", flush=True)
    torch.save(head.state_dict(), WORK / "checkpoints" / "teacher.pt")


def label(name):
    """What the teacher says of every frame of a set's shard, and how far the labels deserve trust by its judgement."""
    encode, head = encoder(), Head()
    head.load_state_dict(torch.load(WORK / "checkpoints" / "teacher.pt", weights_only=True))
    head.eval()
    features, items = features_of(name, encode), load_set(WORK / "sets" / f"{name}.npz")
    said, trust, starts, start = [], [], [], 0
    for item in items:
        n = len(item["audio"]) // 320
        with torch.no_grad():
            logits, curves = head(torch.from_numpy(features[start : start + n].astype(np.float32))[None])
        probability = torch.softmax(logits[0], -1).numpy()
        said.append(np.concatenate([probability, curves[0].numpy()], 1))
        trust.append(agreement(to_visemes(probability), CLASS_VISEME[frame_classes(item["segments"], n)]))
        starts.append(start)
        start += n
    said, trust, ends = np.concatenate(said), np.concatenate(trust), np.array([*starts[1:], start])
    utterance, at = np.load(SHARDS / f"{name}.utterance.npy"), np.load(SHARDS / f"{name}.at.npy")
    first, last = np.array(starts)[utterance], ends[utterance] - 1
    frame = np.clip(first + np.round(at).astype(int), first, last)
    taught = said[frame].astype(np.float16)
    silence = np.zeros(taught.shape[1], np.float16)
    silence[CLASS_ID["sil"]] = 1
    taught[at < -0.5] = silence
    np.save(SHARDS / f"{name}.taught.npy", taught)
    np.save(SHARDS / f"{name}.weight.npy", np.where(at < -0.5, 1, trust[frame]).astype(np.float32))
    print(f"{name}: {np.mean(trust > 0.5):.0%} of the labels trusted, {np.mean(trust < 0.1):.0%} dropped", flush=True)


def agreement(visemes, truth):
    """0 ... 1 a frame: is the labelled viseme being said; best of the neighbouring frames, smoothed over about two sounds."""
    padded = np.pad(visemes, ((2, 2), (0, 0)))
    best = np.max([padded[k : k + len(visemes)] for k in range(5)], 0)
    said = np.where(truth >= 0, best[np.arange(len(truth)), truth], 0.5)
    return np.clip((np.convolve(said, np.ones(9) / 9, "same") - 0.2) / 0.25, 0.02, 1)


def main(verb, *names):
    torch.set_num_threads(1)
    if verb == "fit":
        fit(names)
    elif verb == "label":
        for name in names:
            label(name)
    else:
        raise SystemExit(f'"{verb}" is neither fit nor label')


if __name__ == "__main__":
    main(*sys.argv[1:])
