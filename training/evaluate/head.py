"""How close the product's head motion is to real heads it was not fitted on; prints the table of models/head-prior.md.

Two-second windows of yaw, pitch and roll at 25 Hz are described by 30 kinematic features (spread, speed, acceleration, bursts,
spectrum, coupling of the axes, stillness). Frechet distance to held-out clips, and how often a random forest tells generated from
real windows of clips it did not see (0.5: never, 1: always). The published VASA-1 demo clips go through the same yardstick.

    python head.py
"""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.linalg import sqrtm
from scipy.signal import butter, filtfilt
from sklearn.ensemble import RandomForestClassifier

REPO = Path(__file__).resolve().parents[2]
DATA = REPO.parent / "shared" / "data"
sys.path.insert(0, str(REPO / "training" / "motion"))
from fit_head_prior import CONTRACT_SIGNS, FPS, load_tracks, split  # noqa: E402

WINDOW, HOP = 50, 12
SECONDS = 12


def windows(sequences):
    cut = [s[i : i + WINDOW] for s in sequences for i in range(0, len(s) - WINDOW + 1, HOP)]
    owner = [k for k, s in enumerate(sequences) for _ in range(0, len(s) - WINDOW + 1, HOP)]
    return np.array(cut), np.array(owner)


def features(x):
    v = np.diff(x, axis=1)
    a = np.diff(v, axis=1)
    centred = x - x.mean(1, keepdims=True)
    rows = [np.log(x.std(1) + 0.05), np.log(v.std(1) + 0.02), np.log(a.std(1) + 0.01)]
    rows.append(np.log(np.abs(v).max(1) + 0.02) - np.log(v.std(1) + 0.02))
    power = np.abs(np.fft.rfft(centred * np.hanning(WINDOW)[None, :, None], axis=1)) ** 2
    total = power.sum(1) + 1e-6
    hz = np.fft.rfftfreq(WINDOW, 1 / FPS)
    for low, high in ((0.4, 1.1), (1.1, 2.1), (2.1, 4.1), (4.1, 8)):
        rows.append(np.log(power[:, (hz >= low) & (hz < high)].sum(1) / total + 1e-4))
    w = v - v.mean(1, keepdims=True)
    for p, q in ((0, 1), (0, 2), (1, 2)):
        norm = np.sqrt((w[:, :, p] ** 2).sum(1) * (w[:, :, q] ** 2).sum(1) + 1e-9)
        rows.append(((w[:, :, p] * w[:, :, q]).sum(1) / norm)[:, None])
    rows.append(np.log((np.linalg.norm(v, axis=2) < 0.15).mean(1, keepdims=True) + 0.02))
    return np.concatenate(rows, 1)


def frechet(a, b):
    ca = np.cov(a.T) + 1e-4 * np.eye(a.shape[1])
    cb = np.cov(b.T) + 1e-4 * np.eye(b.shape[1])
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(ca + cb - 2 * sqrtm(ca @ cb).real))


def two_sample_accuracy(a, b, owner_a, owner_b):
    accuracies = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        half = []
        for owner in (owner_a, owner_b):
            clips = np.unique(owner)
            rng.shuffle(clips)
            half.append(np.isin(owner, clips[: len(clips) // 2]))
        forest = RandomForestClassifier(200, min_samples_leaf=3, random_state=seed, class_weight="balanced", n_jobs=1)
        forest.fit(np.concatenate([a[half[0]], b[half[1]]]), np.r_[np.zeros(half[0].sum()), np.ones(half[1].sum())])
        accuracies.append(0.5 * ((forest.predict(a[~half[0]]) == 0).mean() + (forest.predict(b[~half[1]]) == 1).mean()))
    return float(np.mean(accuracies))


def head_speed_correlation(sequences, levels):
    b, a = butter(3, 6 / (FPS / 2))
    found = []
    for angles, level in zip(sequences, levels):
        if level is None or len(angles) < 16:
            continue
        pace = np.linalg.norm(np.gradient(filtfilt(b, a, angles, axis=0), axis=0), axis=1)
        n = min(len(pace), len(level))
        if np.std(level[:n]) > 0:
            found.append(np.corrcoef(pace[:n], level[:n])[0, 1])
    return float(np.mean(found))


def lowpass(angles):
    b, a = butter(3, 8 / (FPS / 2))
    return filtfilt(b, a, angles - angles.mean(0), axis=0)


def main():
    tracks = load_tracks(DATA / "motion" / "real-head-tracks.npz")
    training, held = split(tracks)
    archive = np.load(DATA / "motion" / "vasa1-demo-tracks.npz")
    demos = [(lowpass(archive[f"angles_{i:02d}"].astype(float) * CONTRACT_SIGNS), np.nan_to_num(archive[f"audio_{i:02d}"][:, 0].astype(float))) for i in range(16)]

    # Generated heads are driven by the loudness of the held-out and the demo clips, repeated to 12 s.
    drives = [np.resize(level, SECONDS * FPS) for _, level in held + demos if level is not None]
    loudness = [np.clip(0.55 + 0.35 * np.repeat(drive, 2), 0, 1.2).tolist() for drive in drives]
    with tempfile.TemporaryDirectory() as scratch:
        levels_path, angles_path = Path(scratch) / "levels.json", Path(scratch) / "angles.json"
        levels_path.write_text(json.dumps({"levels": loudness}))
        script = REPO / "training" / "evaluate" / "head-angles.ts"
        subprocess.run([REPO / "node_modules" / ".bin" / "tsx", script, levels_path, angles_path], check=True, cwd=REPO)
        generated = json.loads(angles_path.read_text())

    reference = [angles for angles, _ in held]
    cut, owner = windows(reference)
    unit = features(windows([angles for angles, _ in training])[0]).std(0) + 1e-6
    real = features(cut)
    real_pace = np.concatenate([np.linalg.norm(np.diff(a, axis=0), axis=1) for a in reference]).mean()
    print(f"{'heads':22s} {'Frechet':>8s} {'C2ST':>6s} {'dP/real':>8s} {'speed~level':>11s}  acceleration, jerk rms (deg/s2, deg/s3)")
    rows = {
        "real, fitted on": ([a for a, _ in training], [l for _, l in training]),
        "VASA-1 demo clips": ([a for a, _ in demos], [l for _, l in demos]),
        "learned": ([lowpass(np.array(a)) for a in generated["learned"]], drives),
        "fitted": ([lowpass(np.array(a)) for a in generated["fitted"]], drives),
        "noise": ([lowpass(np.array(a)) for a in generated["noise"]], drives),
    }
    for name, (sequences, levels) in rows.items():
        cut, owner_b = windows(sequences)
        described = features(cut)
        pace = np.concatenate([np.linalg.norm(np.diff(a, axis=0), axis=1) for a in sequences]).mean()
        second = np.sqrt(np.mean(np.concatenate([np.diff(a, 2, axis=0) for a in sequences]) ** 2, 0)) * FPS**2
        third = np.sqrt(np.mean(np.concatenate([np.diff(a, 3, axis=0) for a in sequences]) ** 2, 0)) * FPS**3
        print(
            f"{name:22s} {frechet(real / unit, described / unit):8.2f} {two_sample_accuracy(real, described, owner, owner_b):6.3f} "
            f"{pace / real_pace:8.2f} {head_speed_correlation(sequences, levels):11.3f}  {second.round(0)} {third.round(0)}"
        )


if __name__ == "__main__":
    main()
