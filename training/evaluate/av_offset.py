"""Audio/video offset of a film of one talking face, measured by a network that has nothing to do with the one that drives the face.

In: a film with sound. The lips are tracked with models/face-mesh.onnx frame by frame; the meter network (meter.pt beside this file, other seed
and other data than models/articulation.onnx, frozen) hears the sound and says how far a mouth should be open. The lag of the best
correlation is the offset: positive where the picture is late. Needs 8 s of speech or more.

    python av_offset.py film.mp4 [more.mp4 ...]
    python av_offset.py --calibrate          # on real films: tracked GRID clips, joined to 12 s
"""
import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "motion"))
from articulation import grid_clips, settled_closure  # noqa: E402
from audio_io import REPO, read_audio  # noqa: E402
from export import load  # noqa: E402
from features import log_mel  # noqa: E402
from phones import JAW  # noqa: E402
from prepare import LEVEL_RMS, active_rms  # noqa: E402

REACH_MS = 400
STEP_MS = 10


class Meter:
    """Expected opening of the mouth, 50 Hz, from 16 kHz sound."""

    LOOK_AHEAD_INDEX, LOOK_AHEAD = 3, 5

    def __init__(self, checkpoint="meter"):
        torch.set_num_threads(1)
        self.net, _ = load(checkpoint)

    def opening(self, samples):
        samples = samples / active_rms(samples) * LEVEL_RMS
        mel = log_mel(samples)
        mel = mel[: len(mel) // 2 * 2]
        mel = np.concatenate([mel, np.repeat(mel[-2:], self.LOOK_AHEAD, 0)])
        with torch.no_grad():
            logits, curves, *_ = self.net(torch.from_numpy(mel)[None], torch.tensor([self.LOOK_AHEAD_INDEX]))
        classes, curves = torch.softmax(logits, -1)[0, self.LOOK_AHEAD :].numpy(), curves[0, self.LOOK_AHEAD :].numpy()
        return curves[:, JAW] * (1 - settled_closure(classes, curves))


def film_facts(path):
    out = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "stream=width,height,r_frame_rate", "-of", "json", str(path)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    stream = json.loads(out)["streams"][0]
    numerator, denominator = stream["r_frame_rate"].split("/")
    return stream["width"], stream["height"], float(numerator) / float(denominator)


def track_aperture(path):
    """Inner-lip gap / inter-ocular distance of every frame, and the frame rate. A frame stays on the screen until the next one:
    its instant is its middle, (i + 0.5) / fps."""
    width, height, fps = film_facts(path)
    raw = subprocess.run(["ffmpeg", "-v", "error", "-i", str(path), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], capture_output=True, check=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    mesh = onnxruntime.InferenceSession(str(REPO / "models" / "face-mesh.onnx"), options, providers=["CPUExecutionProvider"])
    square = (width / 2, height / 2, 0.8 * min(width, height))
    gaps = []
    for k, frame in enumerate(frames):
        for _ in range(4 if k == 0 else 1):  # the first square is a guess: look again around what it found
            marks = landmarks(mesh, frame, square)
            low, high = marks.min(0), marks.max(0)
            square = (*((low + high) / 2), 1.5 * (high - low).max())
        eyes = np.linalg.norm(marks[33] - marks[263])
        gaps.append(np.linalg.norm(marks[13] - marks[14]) / eyes)
    return np.array(gaps), fps


def landmarks(mesh, frame, square):
    x, y, side = square
    scale = side / 192
    xs = (x - side / 2 + (np.arange(192) + 0.5) * scale).clip(0, frame.shape[1] - 1).astype(int)
    ys = (y - side / 2 + (np.arange(192) + 0.5) * scale).clip(0, frame.shape[0] - 1).astype(int)
    crop = frame[ys][:, xs].astype(np.float32)[None] / 255
    points, _ = mesh.run(["landmarks", "presence"], {mesh.get_inputs()[0].name: crop})
    return points.reshape(-1, 3)[:468, :2] * scale + [x - side / 2, y - side / 2]


def offset(aperture, fps, opening):
    """(ms by which the picture is late, peak correlation) with parabolic refinement."""
    t = np.arange(0, min(len(aperture) / fps, len(opening) / 50) - 0.02, STEP_MS / 1000)
    seen = np.interp(t, (np.arange(len(aperture)) + 0.5) / fps, aperture)
    heard = np.interp(t, (np.arange(len(opening)) + 0.5) / 50, opening)
    seen, heard = seen - seen.mean(), heard - heard.mean()
    reach = REACH_MS // STEP_MS
    r = np.array([np.corrcoef(seen[max(0, k) : len(t) + min(0, k)], heard[max(0, -k) : len(t) - max(0, k)])[0, 1] for k in range(-reach, reach + 1)])
    i = int(r.argmax())
    lag = (i - reach) * STEP_MS
    if 0 < i < 2 * reach:
        lag += STEP_MS * (r[i - 1] - r[i + 1]) / (2 * (r[i - 1] - 2 * r[i] + r[i + 1]))
    return float(lag), float(r[i])


def calibrate(meter):
    clips = list(grid_clips(400))
    offsets = []
    for k in range(0, len(clips) - 3, 4):
        apertures, openings = [], []
        for _, samples, aperture, _ in clips[k : k + 4]:
            opening = meter.opening(samples)
            n = min(len(aperture), int(len(opening) / 2))
            apertures.append(aperture[:n] - aperture[:n].mean())
            openings.append(np.interp((np.arange(2 * n) + 0.5) / 50, (np.arange(len(opening)) + 0.5) / 50, opening))
        offsets.append(offset(np.concatenate(apertures), 25, np.concatenate(openings)))
    lags = np.array([lag for lag, _ in offsets])
    spread = np.median(np.abs(lags - np.median(lags)))
    print(f"GRID s1, {len(lags)} films of 12 s: median {np.median(lags):+.0f} ms, MAD {spread:.0f} ms, peak r {np.median([r for _, r in offsets]):.2f}")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("films", nargs="*", type=Path)
    p.add_argument("--calibrate", action="store_true")
    p.add_argument("--checkpoint", default="meter")
    a = p.parse_args()
    meter = Meter(a.checkpoint)
    if a.calibrate:
        calibrate(meter)
    for film in a.films:
        aperture, fps = track_aperture(film)
        lag, peak = offset(aperture, fps, meter.opening(read_audio(film).astype(np.float32) / 32768))
        print(f"{film.name}: picture late by {lag:+.0f} ms (peak r {peak:.2f}, {len(aperture) / fps:.1f} s)", flush=True)


if __name__ == "__main__":
    main()
