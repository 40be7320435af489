"""How close the product's eyes, lids and brows are to real ones they were not fitted on; prints the table of models/eye-prior.md.

Windows of four seconds at 25 Hz of gaze (eye in head), lids, brows and lower lids are described by 31 numbers (spread, speed, bursts, spectrum, how
the parts go together, blinks). Frechet distance to the held-out clips, and how often a random forest tells generated from real windows of
clips it did not see (0.5: never, 1: always). Everything is low-passed or median-filtered alike, for the tracker's noise. The published VASA-1 demo clips
go through the same yardstick.

    python eyes.py [--keep FILE] [--also NAME=FILE ...]      (--keep writes the product's performances, --also judges kept ones of another version)
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.signal import butter, filtfilt, medfilt

REPO = Path(__file__).resolve().parents[2]
DATA = REPO.parent / "shared" / "data"
sys.path.insert(0, str(REPO / "training" / "motion"))
from fit_eyes import FACE_HZ, NAMES, across, blink_peaks, degrees_per_weight, load_clips, shut_frames, split, weights_by_name  # noqa: E402
from fit_head_prior import FPS, load_tracks  # noqa: E402
from fit_head_prior import split as split_heads  # noqa: E402

from head import SECONDS, frechet, two_sample_accuracy  # noqa: E402

WINDOW, HOP = 100, 25
LOW = butter(3, FACE_HZ / (FPS / 2))


def comparable(gaze, lid, face):
    """What the tracker would leave of it: gaze T x 2 degrees, lid, face T x 3."""
    lid = lid - np.median(lid)
    hidden = shut_frames(lid)
    gaze = np.stack([medfilt(across(axis, hidden), 5) for axis in gaze.T], 1)
    face = np.stack([filtfilt(*LOW, across(axis, hidden)) for axis in face.T], 1)
    return np.column_stack([gaze, lid, face - face.mean(0)])


def windows(sequences):
    cut = [s[i : i + WINDOW] for s in sequences for i in range(0, len(s) - WINDOW + 1, HOP)]
    owner = [k for k, s in enumerate(sequences) for _ in range(0, len(s) - WINDOW + 1, HOP)]
    return np.array(cut), np.array(owner)


def lopsided(course, peaks):
    """How much slower lids open than they close."""
    inner = peaks[(peaks > 1) & (peaks < WINDOW - 2)]
    return (course[inner + 2].mean() - course[inner - 2].mean()) / course[inner].mean() if len(inner) else 0


def features(cut):
    rows = []
    gaze, lid, face = cut[:, :, :2], cut[:, :, 2], cut[:, :, 3:]
    for x, tiny in ((gaze, 0.3), (face, 0.004)):
        v = np.diff(x, axis=1)
        power = np.abs(np.fft.rfft((x - x.mean(1, keepdims=True)) * np.hanning(WINDOW)[None, :, None], axis=1)) ** 2
        hz = np.fft.rfftfreq(WINDOW, 1 / FPS)
        slow = power[:, hz < 0.8].sum(1) / (power.sum(1) + tiny**2)
        rows += [np.log(x.std(1) + tiny), np.log(v.std(1) + tiny / 5), np.log(np.abs(v).max(1) / (v.std(1) + tiny / 5) + 0.2), slow]
    v = np.linalg.norm(np.diff(gaze, axis=1), axis=2)
    rows.append(np.column_stack([(v > limit).mean(1) for limit in (0.6, 1.5, 4)]))
    together = lambda a, b: ((a - a.mean(1, keepdims=True)) * (b - b.mean(1, keepdims=True))).mean(1) / (a.std(1) * b.std(1) + 1e-3)  # noqa: E731
    rows.append(np.column_stack([together(face[:, :, 0], face[:, :, 1]), together(face[:, :, 0], face[:, :, 2]), together(gaze[:, :, 0], gaze[:, :, 1])]))
    peaks = [blink_peaks(course) for course in lid]
    rows.append(
        np.column_stack(
            [
                [len(p) for p in peaks],
                [np.diff(p).min() / WINDOW if len(p) > 1 else 1 for p in peaks],
                (lid > 0.5 * np.maximum(lid.max(1, keepdims=True), 0.3)).mean(1),
                [lopsided(course, p) for course, p in zip(lid, peaks)],
            ]
        )
    )
    return np.concatenate([np.asarray(r, float) for r in rows], 1)


def grouped(described):
    """Columns of the features by what they describe."""
    gaze = [*range(0, 8), *range(20, 23), 25]
    return {"all": [*range(described.shape[1])], "gaze": gaze, "brows": [*range(8, 20), 23, 24], "blinks": [*range(26, 30)]}


def pose_of(frames):
    frames = np.array(frames)
    return comparable(frames[:, :2], frames[:, 2], frames[:, 3:6])


def demos(unit):
    archive = np.load(DATA / "motion" / "vasa1-demo-tracks.npz")
    sequences = []
    for i in range(16):
        w = weights_by_name(archive[f"blendshapes_{i:02d}"])
        mean = lambda name: (w[f"{name}Left"] + w[f"{name}Right"]) / 2  # noqa: E731
        yaw = (w["eyeLookOutLeft"] - w["eyeLookInLeft"] - w["eyeLookOutRight"] + w["eyeLookInRight"]) / 2
        gaze = np.stack([yaw, mean("eyeLookUp") - mean("eyeLookDown")], 1) * unit
        face = np.stack([mean("browOuterUp") - mean("browDown"), w["browInnerUp"] - mean("browDown"), mean("eyeSquint")], 1)
        sequences.append(comparable(gaze, mean("eyeBlink"), face))
    return sequences


def drives():
    """Loudness of the held-out heads and of the demo clips, repeated to 12 s, as head.py has it."""
    _, held = split_heads(load_tracks(DATA / "motion" / "real-head-tracks.npz"))
    archive = np.load(DATA / "motion" / "vasa1-demo-tracks.npz")
    levels = [level for _, level in held if level is not None] + [np.nan_to_num(archive[f"audio_{i:02d}"][:, 0].astype(float)) for i in range(16)]
    return [np.clip(0.55 + 0.35 * np.repeat(np.resize(level, SECONDS * FPS), 2), 0, 1.2).tolist() for level in levels]


def perform():
    with tempfile.TemporaryDirectory() as scratch:
        levels, eyes = Path(scratch) / "levels.json", Path(scratch) / "eyes.json"
        levels.write_text(json.dumps({"levels": drives()}))
        subprocess.run([REPO / "node_modules" / ".bin" / "tsx", REPO / "training" / "evaluate" / "eye-motion.ts", levels, eyes], check=True, cwd=REPO)
        return eyes.read_text()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--kept", type=Path, help="the product's performances, already made")
    parser.add_argument("--also", action="append", default=[])
    arguments = parser.parse_args()
    product = arguments.kept.read_text() if arguments.kept else perform()
    if arguments.keep:
        arguments.keep.write_text(product)
    unit = degrees_per_weight(split(load_clips(DATA / "motion"))[0])
    training, held = split(load_clips(DATA / "motion", unit))
    own = lambda clips: [np.column_stack([c.gaze, c.lid, c.face]) for c in clips]  # noqa: E731
    rows = {"real, fitted on": own(training), "VASA-1 demo clips": demos(unit), "product": [pose_of(p) for p in json.loads(product)]}
    for also in arguments.also:
        name, path = also.split("=", 1)
        rows[name] = [pose_of(p) for p in json.loads(Path(path).read_text())]
    cut, owner = windows(own(held))
    scale = features(windows(own(training))[0]).std(0) + 1e-6
    real = features(cut) / scale
    parts = grouped(real)
    print(f"{len(cut)} held-out windows of {len(held)} clips")
    print(f"{'eyes':22s}{'C2ST':>7s}  Frechet:" + "".join(f"{p:>9s}" for p in parts) + "   sd gaze yaw, pitch; brows outer, inner, lower lid; blinks/min")
    for name, sequences in rows.items():
        cut_b, owner_b = windows(sequences)
        described = features(cut_b) / scale
        cells = [f"{two_sample_accuracy(real, described, owner, owner_b):7.3f}", *(f"{frechet(real[:, c], described[:, c]):9.2f}" for c in parts.values())]
        spread = np.median([s.std(0) for s in sequences], 0)
        per_minute = sum(len(blink_peaks(s[:, 2])) for s in sequences) / sum(len(s) for s in sequences) * FPS * 60
        print(f"{name:22s}{cells[0]}          " + "".join(cells[1:]) + f"   {spread[[0, 1]].round(1)} {spread[3:].round(3)} {per_minute:.0f}", flush=True)


if __name__ == "__main__":
    main()
