"""What real faces do while they speak, as quartiles over clips: blinks, gaze shifts, brows (clips that fit_eyes.py holds out), head (all). Writes models/real-performance.json,
which `visavis evaluate` compares with. The same definitions are computed by src/cli/evaluation/performance.ts on motion frames at 25 Hz.

Head: tracked angles, smoothed over three frames (1/4, 1/2, 1/4), which takes most of the tracker's jitter. Eyes: tracked ARKit weights, the gaze as the median of five frames, for the same reason.
The tracked gaze knows no degrees; a weight of 1 is taken for 35 degrees.

    python real_performance.py
"""
import json
import sys
from pathlib import Path

import numpy as np
from scipy.signal import medfilt

REPO = Path(__file__).resolve().parents[2]
DATA = REPO.parent / "shared" / "data" / "motion"
sys.path.insert(0, str(REPO / "training" / "motion"))
from fit_eyes import across, load_clips, shut_frames, split, weights_by_name  # noqa: E402

FPS = 25
GAZE_DEG = 35
SHIFT_DEG, SHIFT_FRAMES = 5, 3


def smoothed(x):
    padded = np.pad(x, ((1, 1), *[(0, 0)] * (x.ndim - 1)), "edge")
    return 0.25 * padded[:-2] + 0.5 * padded[1:-1] + 0.25 * padded[2:]


def head(angles):
    x = smoothed(angles)
    change = [np.diff(x, k, axis=0) * FPS**k for k in (1, 2, 3)]
    rms = [np.sqrt((c**2).mean()) for c in change]
    return {
        "headStepDeg": float(np.linalg.norm(np.diff(x, axis=0), axis=1).mean()),
        "headSpreadDeg": float(np.sqrt(x.var(0).mean())),
        "headAccelerationDegS2": float(rms[1]),
        "headJerkDegS3": float(rms[2]),
    }


def blink_spans(lid):
    """Frames [start, end) from the lid's passing 0.5 downwards until it is open beyond 0.3."""
    spans, start = [], None
    for i, value in enumerate(lid):
        if start is None and value > 0.5:
            start = i
        elif start is not None and value < 0.3:
            spans.append((start, i))
            start = None
    return spans


def gaze_shifts(yaw, pitch):
    """Changes of more than 5 degrees within three frames, counted once."""
    count, wait = 0, 0
    for i in range(SHIFT_FRAMES, len(yaw)):
        wait -= 1
        if wait < 0 and np.hypot(yaw[i] - yaw[i - SHIFT_FRAMES], pitch[i] - pitch[i - SHIFT_FRAMES]) > SHIFT_DEG:
            count, wait = count + 1, SHIFT_FRAMES
    return count


def eyes(weights):
    w = weights_by_name(weights)
    minutes = len(weights) / FPS / 60
    lid = (w["eyeBlinkLeft"] + w["eyeBlinkRight"]) / 2
    spans = blink_spans(lid)
    yaw = (w["eyeLookInLeft"] - w["eyeLookOutLeft"] - w["eyeLookInRight"] + w["eyeLookOutRight"]) / 2 * GAZE_DEG
    pitch = (w["eyeLookUpLeft"] + w["eyeLookUpRight"] - w["eyeLookDownLeft"] - w["eyeLookDownRight"]) / 2 * GAZE_DEG
    open_now = np.convolve(lid >= 0.35, np.ones(5), "same") == 0  # a closing lid drags the tracked gaze with it
    if open_now.mean() < 0.3:  # lids that the tracker never sees open say nothing of the gaze
        open_now = np.ones(len(lid), bool)
    yaw, pitch = (medfilt(np.interp(np.arange(len(x)), np.flatnonzero(open_now), x[open_now]), 5) for x in (yaw, pitch))
    down = (w["browDownLeft"] + w["browDownRight"]) / 2
    hidden = shut_frames(lid - np.median(lid))
    brows = [across(brow, hidden) for brow in ((w["browOuterUpLeft"] + w["browOuterUpRight"]) / 2 - down, w["browInnerUp"] - down)]
    brows = smoothed(np.stack(brows, 1))
    out = {
        "browSpread": float(np.sqrt(brows.var(0).mean())),
        "browStep": float(np.linalg.norm(np.diff(brows, axis=0), axis=1).mean()),
        "blinksPerMinute": len(spans) / minutes,
        "gazeShiftsPerMinute": gaze_shifts(yaw, pitch) / minutes,
        "gazeSpreadDeg": float(np.sqrt((yaw.var() + pitch.var()) / 2)),
    }
    if spans:
        out["blinkS"] = float(np.median([(e - s) / FPS for s, e in spans]))
    starts = np.array([s for s, _ in spans]) / FPS
    if len(starts) > 4:
        out["blinkIntervalCv"] = float(np.diff(starts).std() / np.diff(starts).mean())
    return out


def main():
    tracks, shapes = np.load(DATA / "real-head-tracks.npz"), np.load(DATA / "real-blendshape-tracks.npz")
    rows = [head(tracks[k].astype(float)) for k in tracks if k.startswith("angles_")] + [eyes(shapes[f"blendshapes_{clip.index:02d}"]) for clip in split(load_clips(DATA))[1]]
    names = sorted({k for row in rows for k in row})
    quartiles = {}
    for name in names:
        values = [row[name] for row in rows if name in row]
        quartiles[name] = {"clips": len(values), "quartiles": [round(float(q), 3) for q in np.percentile(values, [25, 50, 75])]}
        print(f"{name:24s} {quartiles[name]}")
    (REPO / "models" / "real-performance.json").write_text(json.dumps(quartiles, indent=1) + "\n")


if __name__ == "__main__":
    main()
