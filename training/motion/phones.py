"""Speech sounds as mouth shapes: 42 articulatory classes, how every label set maps to them, and the target curves.

In: models/phonemes.json, (start s, end s, class) segments. Out: class ids and nine articulatory curves at 50 Hz. Curves blend the classes' targets with
Cohen-Massaro dominance functions; what lips cannot leave undone (p b m closed, f v on the teeth) is a hard constraint on top,
so that a fast neighbour never keeps a closure from closing.
"""
import json
import unicodedata
from pathlib import Path

import numpy as np

FRAME_RATE_HZ = 50
# one table for the product's reference driver and for training: what a class asks of the mouth
_TABLE = json.loads((Path(__file__).resolve().parents[2] / "models" / "phonemes.json").read_text())
VISEMES, CHANNELS = _TABLE["visemes"], _TABLE["channels"]
CLASSES = list(_TABLE["classes"])
CLASS_ID = {name: i for i, name in enumerate(CLASSES)}
N_CLASSES, N_CHANNELS = len(CLASSES), len(CHANNELS)
CHANNEL_ID = {name: i for i, name in enumerate(CHANNELS)}
JAW, CLOSE = CHANNEL_ID["jaw"], CHANNEL_ID["close"]
CLASS_VISEME = np.array([-1 if c["viseme"] is None else VISEMES.index(c["viseme"]) for c in _TABLE["classes"].values()])
BILABIAL = [CLASS_ID[k] for k in "pbm"]
FIRST_VOWEL = CLASS_ID["i"]
ARPABET = _TABLE["arpabet"]


def _column(key):
    return np.array([c[key] for c in _TABLE["classes"].values()], np.float32)


TARGET, DOMINANCE, HARD, DECAY = _column("target"), _column("alpha"), _column("hard"), _column("thetaPerS")


def ipa_classes(ipa):
    """Classes of one phoneme written in IPA: usually one, two for a diphthong, none for a bare modifier."""
    ipa = unicodedata.normalize("NFC", ipa).replace("\u0361", "")
    out, i = [], 0
    while i < len(ipa):
        length = next((n for n in (3, 2) if ipa[i : i + n] in _TABLE["pairs"]), 1)
        cls = _TABLE["pairs"][ipa[i : i + length]] if length > 1 else _TABLE["ipa"].get(ipa[i])
        palatalisation = ipa[i] == "j" and out and CLASS_ID[out[-1]] < FIRST_VOWEL
        if cls is not None and not palatalisation:
            out.append(cls)
        i += length
    return out[:2]


def split_and_merge(labelled):
    """[(start, end, [classes])] to [(start, end, class)]: diphthongs 55/45, stop closures joined with their bursts."""
    flat = []
    for start, end, classes in labelled:
        if not classes:
            if flat:
                flat[-1] = (flat[-1][0], end, flat[-1][2])
        elif len(classes) == 1:
            flat.append((start, end, classes[0]))
        else:
            middle = start + 0.55 * (end - start)
            flat += [(start, middle, classes[0]), (middle, end, classes[1])]
    out = []
    for start, end, cls in flat:
        if end <= start:
            continue
        touching = out and abs(out[-1][1] - start) < 1e-3
        if touching and out[-1][2] == cls and cls in ("b", "p", "d", "t", "g", "k", "sil"):
            out[-1] = (out[-1][0], end, cls)
        else:
            out.append((start, end, cls))
    return out


def frame_classes(segments, n):
    """Class id of each of n frames; the frame's instant is its centre."""
    ids = np.zeros(n, np.int64)
    for start, end, cls in segments:
        first = max(0, int(np.ceil(start * FRAME_RATE_HZ - 0.5)))
        last = min(n, int(np.ceil(end * FRAME_RATE_HZ - 0.5)))
        ids[first:last] = CLASS_ID[cls]
    return ids


def target_curves(segments, n):
    """Articulatory targets n x 9 at 50 Hz."""
    t = (np.arange(n, dtype=np.float32) + 0.5) / FRAME_RATE_HZ
    numerator = np.zeros((n, N_CHANNELS), np.float32)
    denominator = np.full((n, N_CHANNELS), 1e-4, np.float32)
    constraint = np.zeros((n, N_CHANNELS), np.float32)
    for start, end, cls in segments:
        i = CLASS_ID[cls]
        first, last = max(0, int((start - 0.35) * FRAME_RATE_HZ)), min(n, int((end + 0.35) * FRAME_RATE_HZ) + 2)
        if last <= first:
            continue
        distance = np.abs(t[first:last] - 0.5 * (start + end))
        half = 0.5 * (end - start)
        weight = np.exp(-DECAY[i] * np.maximum(distance - half * 0.5, 0))[:, None] * DOMINANCE[i]
        numerator[first:last] += weight * TARGET[i]
        denominator[first:last] += weight
        if HARD[i].any():
            ramp = np.clip(1 - np.maximum(distance - half * 0.6, 0) / 0.05, 0, 1)
            ramp = ramp * ramp * (3 - 2 * ramp)
            constraint[first:last] = np.maximum(constraint[first:last], ramp[:, None] * HARD[i])
    y = np.maximum(numerator / denominator, constraint)
    closing = constraint[:, CLOSE]
    for channel in ("lower", "upper", "roll"):
        y[:, CHANNEL_ID[channel]] *= 1 - closing
    y[:, CLOSE] = np.maximum(closing, np.minimum(y[:, CLOSE], 0.35))
    padded = np.pad(y, ((1, 1), (0, 0)), "edge")
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]
