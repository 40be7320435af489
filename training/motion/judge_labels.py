"""Which frames of a recognised (not read) text are labelled right: ask a network that has not been trained on them alone.

In: WORK/sets/NAME.npz, WORK/shards/NAME.*, a checkpoint. Out: WORK/shards/NAME.weight.npy, a weight per frame: near 0 where the
network hears something clearly different from what the recogniser's text says, 1 where they agree. Frames are judged on the clean
first variant and carried to the others through the labels' own time scale.

    python judge_labels.py articulation libri-train
"""
import sys

import numpy as np
import torch
from audio_io import WORK
from export import load
from features import log_mel
from phones import CLASS_VISEME, VISEMES, frame_classes
from prepare import LEVEL_RMS, SHARDS, active_rms
from speech_set import load_set

LOOK_AHEAD_INDEX, LOOK_AHEAD = 3, 5
CONTEXT = np.ones(9) / 9  # 180 ms: about two sounds


def agreement(net, item):
    """Probability, a frame, that the labelled viseme is being said; best of the neighbouring frames, smoothed over two sounds."""
    samples = item["audio"].astype(np.float32) / 32768
    mel = log_mel(samples / active_rms(samples) * LEVEL_RMS)
    mel = mel[: len(mel) // 2 * 2]
    mel = np.concatenate([mel, np.repeat(mel[-2:], LOOK_AHEAD, 0)])
    with torch.no_grad():
        logits = net(torch.from_numpy(mel)[None], torch.tensor([LOOK_AHEAD_INDEX]))[0][0, LOOK_AHEAD:]
    probability = torch.softmax(logits, -1).numpy()
    visemes = np.zeros((len(probability), len(VISEMES)))
    for c, v in enumerate(CLASS_VISEME):
        if v >= 0:
            visemes[:, v] += probability[:, c]
    truth = CLASS_VISEME[frame_classes(item["segments"], len(visemes))]
    padded = np.pad(visemes, ((2, 2), (0, 0)))
    best = np.max([padded[k : k + len(visemes)] for k in range(5)], 0)
    said = np.where(truth >= 0, best[np.arange(len(truth)), truth], 0.5)
    return np.convolve(said, CONTEXT, "same")


def main(checkpoint, name):
    torch.set_num_threads(1)
    net, _ = load(checkpoint)
    items = load_set(WORK / "sets" / f"{name}.npz")
    utterance = np.load(SHARDS / f"{name}.utterance.npy")
    classes = np.load(SHARDS / f"{name}.class.npy")
    weights = np.ones(len(utterance), np.float32)
    judged = [np.clip((agreement(net, item) - 0.2) / 0.25, 0.02, 1) for item in items]
    edges = np.flatnonzero(np.diff(utterance)) + 1
    for start, end in zip([0, *edges], [*edges, len(utterance)], strict=True):
        own = judged[utterance[start]]
        # a variant is the utterance stretched, after some leading silence: match first and last sound
        truth = frame_classes(items[utterance[start]]["segments"], len(own))
        lead = max(0, int(np.argmax(classes[start:end] != 0)) if classes[start] == 0 else 0)
        own_lead = int(np.argmax(truth != 0)) if truth[0] == 0 else 0
        spoken = np.flatnonzero(classes[start:end])
        own_spoken = np.flatnonzero(truth)
        if len(spoken) < 2 or len(own_spoken) < 2:
            continue
        scale = (own_spoken[-1] - own_lead) / max(1, spoken[-1] - lead)
        at = np.clip((np.arange(end - start) - lead) * scale + own_lead, 0, len(own) - 1)
        weights[start:end] = np.interp(at, np.arange(len(own)), own)
    np.save(SHARDS / f"{name}.weight.npy", weights)
    kept = np.concatenate(judged)
    print(f"{name}: mean weight {weights.mean():.2f}; {np.mean(kept > 0.5):.0%} of frames trusted, {np.mean(kept < 0.1):.0%} dropped")


if __name__ == "__main__":
    main(*sys.argv[1:3])
