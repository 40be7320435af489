"""Fit how eyes, lids and brows live while people speak and write models/eye-prior.json.

Tracked ARKit weights of 25 speaking people (../shared/data/motion/real-blendshape-tracks.npz), head angles and voice of those that are
also in real-head-tracks.npz -> (1) gaze, a semi-Markov process: how long the eyes rest, where they rest next given where they rest now;
(2) blinks, a hazard that depends on the time since the last one, on gaze shifts, the head's speed and the ends of phrases, and their measured
shape; (3) brows and lower lids, an autoregression whose innovations are kept clip by clip. Clips of the held-out list take no part.

    python fit_eyes.py [--data DIR] [--out ../../models/eye-prior.json]
"""
import argparse
import base64
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.optimize import minimize
from scipy.signal import butter, filtfilt, medfilt

from fit_head_prior import CONTRACT_SIGNS, FPS, HELD_OUT

NAMES = "_neutral browDownLeft browDownRight browInnerUp browOuterUpLeft browOuterUpRight cheekPuff cheekSquintLeft cheekSquintRight eyeBlinkLeft eyeBlinkRight eyeLookDownLeft eyeLookDownRight eyeLookInLeft eyeLookInRight eyeLookOutLeft eyeLookOutRight eyeLookUpLeft eyeLookUpRight eyeSquintLeft eyeSquintRight eyeWideLeft eyeWideRight jawForward jawLeft jawOpen".split()  # fmt: skip
HELD_OUT_FACES = 8
ORDER = 6
RIDGE = 1e-2
FACE_HZ = 5
"""Above this the tracker's brows are noise."""


@dataclass
class Clip:
    index: int
    lid: np.ndarray
    """0 open ... about 0.6 shut, above the clip's own rest."""
    gaze: np.ndarray
    """T x 2, eye in head, degrees, signs of the motion contract, across blinks as the median of what lies around."""
    face: np.ndarray
    """T x 3: outer brow, inner brow (raised > 0, lowered < 0), lower lid; about the clip's mean, blinks taken out."""
    head: np.ndarray | None
    """T x 3 degrees."""
    level: np.ndarray | None
    """In 10 dB."""


def weights_by_name(track):
    return dict(zip(NAMES, track[:, : len(NAMES)].astype(float).T))


def shut_frames(lid):
    """Where a lid on its way drags the tracked gaze and squint with it."""
    return np.convolve(lid > 0.12, np.ones(5), "same") > 0


def across(values, hidden):
    seen = np.flatnonzero(~hidden)
    return values if len(seen) < len(values) // 3 else np.interp(np.arange(len(values)), seen, values[seen])


def load_clips(folder, degrees_per_weight=None):
    """All clips; the gaze in degrees once it is known how many a weight stands for."""
    shapes, tracks = np.load(folder / "real-blendshape-tracks.npz"), np.load(folder / "real-head-tracks.npz")
    low = butter(3, FACE_HZ / (FPS / 2))
    clips = []
    for index in range(len(shapes.files)):
        w = weights_by_name(shapes[f"blendshapes_{index:02d}"])
        mean = lambda name: (w[f"{name}Left"] + w[f"{name}Right"]) / 2  # noqa: E731
        blink = mean("eyeBlink")
        lid = blink - np.median(blink)
        hidden = shut_frames(lid)
        # Looking in with the left eye is looking to the person's right.
        yaw = (w["eyeLookOutLeft"] - w["eyeLookInLeft"] - w["eyeLookOutRight"] + w["eyeLookInRight"]) / 2
        pitch = mean("eyeLookUp") - mean("eyeLookDown")
        gaze = np.stack([medfilt(across(axis, hidden), 5) for axis in (yaw, pitch)], 1)
        face = [mean("browOuterUp") - mean("browDown"), w["browInnerUp"] - mean("browDown"), mean("eyeSquint")]
        face = np.stack([filtfilt(*low, across(axis, hidden)) for axis in face], 1)
        head = level = None
        match = matching_track(tracks, blink, w["jawOpen"])
        if match is not None:
            n = len(gaze)
            head = filtfilt(*butter(3, 4 / (FPS / 2)), tracks[f"angles_{match:03d}"].astype(float) * CONTRACT_SIGNS, axis=0)
            head = np.pad(head, ((0, max(0, n - len(head))), (0, 0)), "edge")[:n]
            heard = tracks[f"audio_{match:03d}"][:, 0].astype(float)
            if np.isfinite(heard).mean() > 0.8:
                level = np.pad(np.nan_to_num(heard), (0, max(0, n - len(heard))), "edge")[:n]
        if degrees_per_weight is not None:
            gaze = gaze * degrees_per_weight
        clips.append((match, Clip(index, lid, gaze, face - face.mean(0), head, level)))
    return clips


def matching_track(tracks, blink, jaw):
    """The head track of the same clip: its eyes shut and its mouth opens at the same times."""
    for key in tracks.files:
        if not key.startswith("eyes_") or abs(len(tracks[key]) - len(blink)) > 2:
            continue
        n = min(len(tracks[key]), len(blink))
        eyes = tracks[key][:n].astype(float)
        if np.corrcoef(jaw[:n], eyes[:, 1])[0, 1] - np.corrcoef(blink[:n], eyes[:, 0])[0, 1] > 1.1:
            return int(key[5:])
    return None


def split(clips):
    """(training, held out): held out with the clips of the head's list, and by a fixed shuffle of the others."""
    heads = set(np.random.default_rng(0).permutation(83)[:HELD_OUT].tolist())
    held = {clip.index for match, clip in clips if match in heads}
    for index in np.random.default_rng(1).permutation(len(clips)):
        if len(held) < HELD_OUT_FACES:
            held.add(int(index))
    return [clip for _, clip in clips if clip.index not in held], [clip for _, clip in clips if clip.index in held]


def degrees_per_weight(clips):
    """A gaze that stays on the camera turns in the head as far as the head turns: that gives the tracked weights their degrees."""
    slopes = [[-np.polyfit(c.head[:, axis], c.gaze[:, axis], 1)[0] for axis in (0, 1)] for c in clips if c.head is not None]
    slopes = np.array(slopes)
    agree = np.array([[-np.corrcoef(c.head[:, axis], c.gaze[:, axis])[0, 1] for axis in (0, 1)] for c in clips if c.head is not None])
    print("eyes against head, r", np.round(np.median(agree, 0), 2), "of", len(agree), "clips")
    return np.array([1 / np.median(slopes[agree[:, axis] > 0.7, axis]) for axis in (0, 1)])


REACH = 4
SHIFT_DEG = 3.0
ELSEWHERE_DEG = 15
"""Further from where they mostly look, people look at somebody else."""


def shifts(clip):
    """Saccades: frames and steps (degrees) of the gaze that are more than the drift before and after, and than the clip's own noise."""
    gaze = clip.gaze if clip.head is None else clip.gaze + clip.head[:, :2]
    noise = 1.4826 * np.median(np.abs(np.diff(gaze, axis=0) - np.median(np.diff(gaze, axis=0), 0)), 0)
    limit = np.maximum(SHIFT_DEG, 4 * np.hypot(*noise))
    steps = np.zeros_like(gaze)
    for t in range(REACH + 1, len(gaze) - REACH - 1):
        before, after = gaze[t - REACH : t], gaze[t + 1 : t + 1 + REACH]
        drift = ((before[-1] - before[0]) + (after[-1] - after[0])) / (2 * (REACH - 1)) if clip.head is None else 0
        steps[t] = np.median(after, 0) - np.median(before, 0) - (REACH + 1) * drift
    size = np.hypot(*steps.T)
    found = []
    for t in range(len(size)):
        near = size[max(0, t - REACH) : t + REACH + 1]
        if size[t] > limit and size[t] == near.max() and (not found or t - found[-1] > REACH):
            found.append(t)
    return np.array(found, int), steps[found]


def fit_gaze(training):
    dwells, styles, pairs, halves, sizes = [], [], [], [], []
    for clip in training:
        at, _ = shifts(clip)
        if len(at) > 2:
            gaps = np.diff(at) / FPS
            dwells += gaps.tolist()
            styles.append(np.log(gaps).mean())
        if clip.head is None:
            continue
        gaze = clip.gaze + clip.head[:, :2]
        home = np.median(gaze, 0)
        edges = [0, *at.tolist(), len(gaze)]
        spans = [(a, b) for a, b in zip(edges, edges[1:]) if b - a > 3]
        rests = [np.median(gaze[a + 1 : b], 0) - home for a, b in spans]
        halves += [np.median(gaze[a + 1 : (a + b) // 2 + 1], 0) - np.median(gaze[(a + b) // 2 + 1 : b], 0) for a, b in spans if b - a > 6]
        near = [(a, b) for a, b in zip(rests, rests[1:]) if max(np.hypot(*a), np.hypot(*b)) < ELSEWHERE_DEG]
        sizes += [np.log(np.sqrt(np.mean([((b - a) ** 2).sum() for a, b in near])))] if len(near) > 3 else []
        pairs += near
    now, then = np.array(pairs).transpose(1, 0, 2)
    # How much of the way aside is kept at the next place, per axis.
    keep = np.clip((now * then).sum(0) / (now**2).sum(0), 0, 0.9)
    jumps = then - keep * now
    jumps -= jumps.mean(0)
    # Two halves of one rest differ by the tracker's noise and drift alone; half a difference's variance is in each place, and places come in twos.
    noise = np.var(halves, 0) / 4 * (1 + keep**2)
    real = np.sqrt(np.clip(1 - noise / jumps.var(0), 0.1, 1))
    jumps *= real
    logs = np.log(dwells)
    off = np.hypot(*now.T)
    print(f"gaze: {len(dwells)} rests, median {np.exp(np.median(logs)):.2f} s, spread of ln {logs.std():.2f}, of the clips' means {np.std(styles):.2f}; {len(jumps)} places, kept {keep.round(2)}, jumps' spread of ln between clips {np.std(sizes):.2f}, rms {np.sqrt((jumps**2).mean(0)).round(1)}, kurtosis {((jumps / jumps.std(0)) ** 4).mean(0).round(1)}, share of them not noise {real.round(2)}, aside > 3 deg {np.mean(off > 3):.2f}")
    return {
        "logDwell": {"mean": round(float(logs.mean()), 4), "sd": round(float(np.sqrt(max(logs.var() - np.var(styles), 0.05))), 4), "sdBetween": round(float(np.std(styles)), 4)},
        "keep": np.round(keep, 4).tolist(),
        "logJumpSdBetween": round(float(np.std(sizes)), 4),
        "jumpsDeg": np.round(jumps, 2).tolist(),
    }


BLINK = 0.2
"""Above the clip's rest: deep enough to be no flutter of the tracker."""
LONGEST_BLINK_S = 0.32
"""Lids that stay down for longer look down or rest."""
SINCE_S = [0.24, 0.5, 1, 2, 4]


def blink_peaks(lid):
    peaks = []
    for t in range(2, len(lid) - 2):
        near = lid[max(0, t - 4) : t + 5]
        if lid[t] > BLINK and lid[t] == near.max() and (not peaks or t - peaks[-1] > 4):
            peaks.append(t)
    return np.array(peaks, int)


def phrase_ends(level):
    """Frames at which a voice falls silent for at least 0.2 s."""
    quiet = level < np.percentile(level, 90) - 2.0
    return [t for t in range(5, len(quiet) - 5) if quiet[t : t + 5].all() and not quiet[t - 5 : t].any()]


def fit_blinks(training):
    rows, hits, clip_of = [], [], []
    usual = np.mean(np.concatenate([np.linalg.norm(np.diff(c.head, axis=0), axis=1) for c in training if c.head is not None]))
    for k, clip in enumerate(training):
        peaks = blink_peaks(clip.lid)
        begins = set((peaks - 2).tolist())
        moved = np.zeros(len(clip.lid))
        at, steps = shifts(clip)
        for t, size in zip(at, np.hypot(*steps.T)):
            moved[max(0, t - 4) : t + 2] = max(moved[t], min(size, 20) / 10)
        # Where head or voice is not known, what is usual stands for it.
        pace = np.full(len(clip.lid), usual) if clip.head is None else np.r_[0, np.linalg.norm(np.diff(clip.head, axis=0), axis=1)]
        ended = np.full(len(clip.lid), 0.1)
        if clip.level is not None:
            ended[:] = 0
            for t in phrase_ends(clip.level):
                ended[t : t + 10] = 1
        since = 1.0
        for t in range(len(clip.lid)):
            since += 1 / FPS
            if t in begins:
                hits.append(1)
            elif since < SINCE_S[0]:
                continue
            else:
                hits.append(0)
            bins = [float(low <= since < high) for low, high in zip(SINCE_S, [*SINCE_S[1:], 1e9])]
            rows.append([*bins, moved[t], min(pace[t], 3), ended[t]])
            clip_of.append(k)
            if t in begins:
                since = 0.0
    x, y, clip_of = np.array(rows), np.array(hits), np.array(clip_of)
    count = len(SINCE_S)

    # Poisson regression with a rate of its own for every clip, drawn towards the common one.
    def loss(p):
        shared, own = p[: x.shape[1]], p[x.shape[1] :]
        log_rate = x @ shared + own[clip_of]
        rate = np.exp(np.clip(log_rate, -12, 2)) / FPS
        penalty = 0.5 * (own**2).sum() / 0.7**2 + 0.5 * (shared[count:] ** 2).sum() / 0.7**2 + 0.5 * (np.diff(shared[:count]) ** 2).sum()
        grad = rate - y
        gradient = np.r_[x.T @ grad, np.bincount(clip_of, grad, len(training))]
        gradient[x.shape[1] :] += own / 0.7**2
        gradient[count : x.shape[1]] += shared[count:] / 0.7**2
        smooth = np.diff(shared[:count])
        gradient[:count] += np.r_[-smooth, 0] + np.r_[0, smooth]
        return (rate - y * (log_rate - np.log(FPS))).sum() + penalty, gradient

    best = minimize(loss, np.zeros(x.shape[1] + len(training)), jac=True, method="L-BFGS-B").x
    shared, own = best[: x.shape[1]], best[x.shape[1] :]
    # The product draws people within one spread of the middle: on average they shall blink as often as the clips' people do.
    usual_people = np.exp(np.random.default_rng(3).normal(0, own.std(), 10000).clip(-own.std(), own.std())).mean()
    shared[:count] += np.log(np.exp(own).mean() / usual_people)
    print(f"blinks: {int(y.sum())} in {len(y) / FPS / 60:.1f} min; rate per s by time since {np.exp(shared[:count]).round(2)}; x {np.exp(shared[count]):.2f} at a shift of 10 deg, x {np.exp(shared[count + 1]):.2f} a degree a frame of the head, x {np.exp(shared[count + 2]):.2f} after a phrase; spread of ln rate {own.std():.2f}")
    return {
        "sinceS": SINCE_S,
        "logRate": np.round(shared[:count], 4).tolist(),
        "logFactor": {"shiftOf10Deg": round(float(shared[count]), 4), "headDegPerFrame": round(float(shared[count + 1]), 4), "phraseEnd": round(float(shared[count + 2]), 4)},
        "sdBetween": round(float(own.std()), 4),
        **fit_blink_shape(training),
    }


def fit_blink_shape(training):
    """The mean course about the deepest instant, how much single blinks are longer or shorter, and how deep they go."""
    offsets, values, lengths, depths = [], [], [], []
    for clip in training:
        peaks = blink_peaks(clip.lid)
        if len(peaks) < 3:
            continue
        full = np.percentile(clip.lid[peaks], 75)
        depths += np.minimum(clip.lid[peaks] / full, 1).tolist()
        for n, t in enumerate(peaks):
            if t < 6 or t + 11 > len(clip.lid) or (n + 1 < len(peaks) and peaks[n + 1] - t < 12) or clip.lid[t] < 0.7 * full:
                continue
            a, b, c = clip.lid[t - 1 : t + 2]
            middle = 0.5 * (a - c) / (a - 2 * b + c - 1e-9)
            course = clip.lid[t - 6 : t + 11] / b
            above = np.flatnonzero(course > 0.5)
            length = (above.max() - above.min() + 1) / FPS
            if length > LONGEST_BLINK_S:
                continue
            lengths.append(length)
            offsets.append((np.arange(-6, 11) - middle) / FPS)
            values.append(course)
    offsets, values = np.concatenate(offsets), np.concatenate(values)
    grid = np.arange(-0.16, 0.34, 0.02)
    shape = np.array([np.average(values, weights=np.exp(-0.5 * ((offsets - t) / 0.014) ** 2)) for t in grid])
    peak = int(shape.argmax())
    floor = np.where(np.arange(len(shape)) < peak, shape[0], shape[-1])
    shape = (shape - floor) / (shape[peak] - floor)
    shape = np.r_[np.maximum.accumulate(shape[: peak + 1]), np.minimum.accumulate(shape[peak:])[1:]].clip(0, 1)
    quantiles = np.linspace(0.05, 0.95, 10)
    lengths = np.array(lengths)
    print(f"blink: half-shut for {np.median(lengths):.2f} s (quartiles {np.percentile(lengths, [25, 75]).round(2)}), depth below 0.7 of the full {np.mean(np.array(depths) < 0.7):.2f}")
    return {
        "shape": {"startS": round(float(grid[0] - grid[peak]), 3), "stepS": 0.02, "closure": np.round(shape, 3).tolist()},
        "lengthFactors": np.round(np.quantile(lengths / lengths.mean(), quantiles), 3).tolist(),
        "depths": np.round(np.quantile(depths, quantiles), 3).tolist(),
    }


def fit_face(training):
    """Brows and lower lids: what goes with the head's pitch and the voice, and an autoregression of the rest."""
    drive, answer = [], []
    for clip in training:
        if clip.level is None:
            continue
        level = filtfilt(*butter(2, 2 / (FPS / 2)), clip.level)
        drive.append(np.stack([clip.head[:, 1] - clip.head[:, 1].mean(), level - level.mean()], 1))
        answer.append(clip.face)
    x = np.concatenate(drive)
    per_clip = np.array([np.linalg.lstsq(d, a, rcond=None)[0] for d, a in zip(drive, answer)])
    coupling = np.median(per_clip, 0)
    print("brows, lower lid per degree of pitch", coupling[0].round(4), "per 10 dB", coupling[1].round(3), "clips", len(x) // FPS, "s; agree in sign", (np.sign(per_clip) == np.sign(coupling)).mean(0).round(2).tolist())
    rests = []
    n = 0
    for clip in training:
        rest = clip.face
        if clip.level is not None:
            rest = rest - drive[n] @ coupling
            n += 1
        rests.append(rest)
    speed = [np.sqrt((np.diff(r, axis=0) ** 2).sum(1).mean()) for r in rests]
    past, now = [], []
    for rest, pace in zip(rests, speed):
        scaled = rest / pace
        past += [scaled[t - ORDER : t].ravel() for t in range(ORDER, len(scaled))]
        now += [scaled[t] for t in range(ORDER, len(scaled))]
    past, now = np.array(past), np.array(now)
    matrix = np.linalg.solve(past.T @ past + RIDGE * len(past) / 100 * np.eye(past.shape[1]), past.T @ now)
    companion = np.zeros((3 * ORDER, 3 * ORDER))
    companion[:-3, 3:] = np.eye(3 * (ORDER - 1))
    companion[-3:] = matrix.T
    radius = np.abs(np.linalg.eigvals(companion)).max()
    assert radius < 0.999, f"the fitted process is not stable (radius {radius:.4f})"
    innovations = [np.array([r[t] / p - (r[t - ORDER : t] / p).ravel() @ matrix for t in range(ORDER, len(r))]) for r, p in zip(rests, speed)]
    stacked = np.concatenate(innovations)
    scale = float(np.abs(stacked).max() / 32767)
    gain = calibrate(matrix, innovations, np.median([(r / p).std(0) for r, p in zip(rests, speed)], 0))
    print(f"brows: {len(innovations)} clips, spectral radius {radius:.4f}, kurtosis {((stacked / stacked.std(0)) ** 4).mean(0).round(1)}, weights sd {np.median([r.std(0) for r in rests], 0).round(3)}, pace quartiles {np.percentile(speed, [25, 50, 75]).round(4)}, gain {gain}")
    return {
        "perDegPitch": np.round(coupling[0], 5).tolist(),
        "per10Db": np.round(coupling[1], 5).tolist(),
        "gain": gain,
        "process": {
            "fps": FPS,
            "order": ORDER,
            "coefficients": np.round(matrix.T, 6).tolist(),
            "innovationScale": scale,
            "innovations": base64.b64encode(np.round(stacked / scale).astype("<i2").tobytes()).decode(),
            "clips": [{"length": len(i), "pacePerFrame": round(float(p), 5)} for i, p in zip(innovations, speed)],
        },
    }


MEAN_RUN = 15
"""As src/engine/motion/autoregression.ts draws them."""


def calibrate(matrix, innovations, wanted):
    """What brings the spread of a simulated course of ten minutes to that of the clips."""
    rng = np.random.default_rng(2)
    past, course = np.zeros(3 * ORDER), []
    while len(course) < 600 * FPS:
        clip = innovations[rng.choice(len(innovations), p=[len(i) / sum(map(len, innovations)) for i in innovations])]
        at = rng.integers(len(clip))
        for innovation in clip[at : at + rng.geometric(1 / MEAN_RUN)]:
            now = past @ matrix + innovation
            past = np.r_[past[3:], now]
            course.append(now)
    simulated = np.std(course, 0)
    print("brows simulated, spread against the clips'", (simulated / wanted).round(2))
    return round(float(1 / np.exp(np.log(simulated / wanted).mean())), 3)


def main():
    here = Path(__file__).resolve()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=here.parents[3] / "shared" / "data")
    parser.add_argument("--out", type=Path, default=here.parents[2] / "models" / "eye-prior.json")
    arguments = parser.parse_args()
    folder = arguments.data / "motion"
    unit = degrees_per_weight(split(load_clips(folder))[0])
    training, held = split(load_clips(folder, unit))
    print(f"{len(training)} clips, {sum(len(c.lid) for c in training) / FPS / 60:.1f} min ({sum(c.head is not None for c in training)} with head); held out {[c.index for c in held]}; a weight is {unit.round(1)} deg")
    prior = {"degreesPerWeight": np.round(unit, 2).tolist(), "gaze": fit_gaze(training), "blinks": fit_blinks(training), "face": fit_face(training)}
    arguments.out.write_text(json.dumps(prior) + "\n")
    print(f"{arguments.out}: {arguments.out.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main()
