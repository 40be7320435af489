"""Fit the stochastic model of head rotation and write models/head-prior.json.

Tracked angles of many speaking people (../shared/data/motion/real-head-tracks.npz) -> a vector autoregression of order 6 on
yaw, pitch and roll at 25 Hz, its innovations clip by clip (they are heavy-tailed and come in bursts, so runs of them are drawn,
not single ones), and how much each person moves. Clips of the held-out list take no part.

    python fit_head_prior.py [--data DIR] [--out ../../models/head-prior.json]
"""
import argparse
import base64
import json
from pathlib import Path

import numpy as np
from scipy.signal import butter, filtfilt

ORDER = 6
RIDGE = 1e-2
FPS = 25
HELD_OUT = 20
# The tracker's yaw has the contract's sign; its pitch is positive downwards and its roll counter-clockwise.
CONTRACT_SIGNS = np.array([1.0, -1.0, -1.0])


def load_tracks(path):
    """List of (angles T x 3 in degrees, low-passed at 8 Hz, mean removed, contract signs; level T or None)."""
    archive = np.load(path)
    b, a = butter(3, 8 / (FPS / 2))
    tracks = []
    for index in range(sum(key.startswith("angles_") for key in archive)):
        angles = archive[f"angles_{index:03d}"].astype(float) * CONTRACT_SIGNS
        audio = archive[f"audio_{index:03d}"][:, 0].astype(float)
        angles = filtfilt(b, a, angles, axis=0)
        heard = np.isfinite(audio).mean() > 0.8
        tracks.append((angles - angles.mean(0), np.nan_to_num(audio) if heard else None))
    return tracks


def split(tracks):
    """(training, held out), by a fixed shuffle of the clips."""
    order = np.random.default_rng(0).permutation(len(tracks))
    held = set(order[:HELD_OUT].tolist())
    return [t for i, t in enumerate(tracks) if i not in held], [t for i, t in enumerate(tracks) if i in held]


def speed(angles):
    return np.sqrt((np.diff(angles, axis=0) ** 2).sum(1).mean())


def fit(training):
    """Coefficients 3 x (ORDER*3), newest frame last, and one (innovations, speed) per clip; innovations are in units of the clip's speed."""
    past, now = [], []
    for angles, _ in training:
        scaled = angles / speed(angles)
        for t in range(ORDER, len(scaled)):
            past.append(scaled[t - ORDER : t].ravel())
            now.append(scaled[t])
    past, now = np.array(past), np.array(now)
    matrix = np.linalg.solve(past.T @ past + RIDGE * np.eye(past.shape[1]), past.T @ now)
    companion = np.zeros((3 * ORDER, 3 * ORDER))
    companion[:-3, 3:] = np.eye(3 * (ORDER - 1))
    companion[-3:] = matrix.T
    radius = np.abs(np.linalg.eigvals(companion)).max()
    assert radius < 0.995, f"the fitted process is not stable (radius {radius:.4f})"
    clips = []
    for angles, _ in training:
        scaled = angles / speed(angles)
        rows = np.array([scaled[t - ORDER : t].ravel() for t in range(ORDER, len(scaled))])
        clips.append((scaled[ORDER:] - rows @ matrix, speed(angles)))
    return matrix.T, clips, radius


def main():
    here = Path(__file__).resolve()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=here.parents[3] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=here.parents[2] / "models" / "head-prior.json")
    arguments = parser.parse_args()
    training, _ = split(load_tracks(arguments.data / "motion" / "real-head-tracks.npz"))
    matrix, clips, radius = fit(training)
    innovations = np.concatenate([clip for clip, _ in clips])
    scale = np.abs(innovations).max() / 32767
    quantised = np.round(innovations / scale).astype("<i2")
    prior = {
        "fps": FPS,
        "order": ORDER,
        "coefficients": np.round(matrix, 6).tolist(),
        "innovationScale": scale,
        "innovations": base64.b64encode(quantised.tobytes()).decode(),
        "clips": [{"length": len(clip), "degPerFrame": round(float(pace), 5)} for clip, pace in clips],
    }
    arguments.out.write_text(json.dumps(prior) + "\n")
    kurtosis = ((innovations / innovations.std(0)) ** 4).mean(0)
    print(f"{len(clips)} clips, {len(innovations) / FPS / 60:.1f} min, spectral radius {radius:.4f}, kurtosis {np.round(kurtosis, 1)}")
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
