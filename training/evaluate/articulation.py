"""Measure models/articulation.onnx on speech it has never met, and print the table of its model card.

Natural read speech of unseen readers (LibriSpeech with corrected texts, forced alignment as the yardstick), an unseen language
(Russian, labels shipped with festvox-ru), disturbed copies of the first, and real lips (GRID speaker s1, tracked).

    python articulation.py [--model articulation] [--look-ahead whole|ahead|2|3|4|5] [--quick]
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnxruntime

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "motion"))
from audio_io import DATA, REPO, WORK, read_audio  # noqa: E402
from features import FLOOR, N_MELS, log_mel  # noqa: E402
from phones import BILABIAL, CHANNELS, CLASS_VISEME, CLOSE, JAW, VISEMES, frame_classes, target_curves  # noqa: E402
from prepare import LEVEL_RMS, active_rms, convolve  # noqa: E402
from speech_set import load_set  # noqa: E402

TOLERANCE_S = 0.06
# length, lead, mute and blend of windows in steps: a recording's, and those of a call whose sound is known two seconds ahead (without the fade between them)
WINDOWS = {"whole": (300, 30, 16, 16), "ahead": (100, 20, 20, 1)}


class Network:
    def __init__(self, name, look_ahead):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(REPO / "models" / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])
        shape = next(i.shape for i in self.session.get_inputs() if i.name == "past")
        self.windows = WINDOWS.get(look_ahead)
        self.steps = 5 if self.windows else int(look_ahead)
        self.flag = np.eye(5, dtype=np.float32)[None, 4 if self.windows else self.steps - 2]
        # a stream begins after 960 ms of silence, as in articulation-model.ts
        silence = np.full((1, 96, N_MELS), np.log(FLOOR), np.float32)
        feeds = {"mel": silence, "lookAhead": self.flag, "past": np.zeros((1, shape[1]), np.float32)}
        self.past = self.session.run(["next"], feeds)[0]

    def __call__(self, samples):
        """float samples at 16 kHz to class probabilities n x 42, and phonetic and real curves n x 9, at 50 Hz."""
        mel = log_mel(samples)
        mel = mel[: len(mel) // 2 * 2]
        tail = np.full((2 * self.steps, N_MELS), np.log(FLOOR), np.float32)
        tail[:] = mel[-4:].mean(0)  # the recording's own background goes on
        mel = np.concatenate([mel, tail])
        return self.in_windows(mel) if self.windows else [x[self.steps :] for x in self.heard(mel)]

    def heard(self, mel):
        feeds = {"mel": mel[None], "lookAhead": self.flag, "past": self.past}
        return [x[0] for x in self.session.run(["classes", "phonetic", "curves"], feeds)]

    def in_windows(self, mel):
        """As src/engine/motion/articulation-recording.ts and articulation.ts: the windows' ends say nothing, neighbours are blended."""
        n = len(mel) // 2 - self.steps
        length, lead, mute, blend = self.windows
        advance = length - 2 * mute - blend
        windows = -(-max(0, n + lead + mute - length) // advance) + 1
        silence = np.full((2, N_MELS), np.log(FLOOR), np.float32)
        mel = np.concatenate([np.tile(silence, (lead, 1)), mel, np.tile(silence, (advance * windows + length, 1))])
        place = np.minimum(np.arange(length), np.arange(length)[::-1])
        weight = np.clip((place - mute + 0.5) / blend, 0, 1)[:, None]
        sums, total = [0.0, 0.0, 0.0], np.zeros((advance * (windows - 1) + length, 1))
        for k in range(windows):
            said = self.heard(mel[2 * advance * k : 2 * advance * k + 2 * (length + self.steps)])
            total[advance * k : advance * k + length] += weight
            sums = [a + np.pad(weight * b[self.steps :], ((advance * k, advance * (windows - 1 - k)), (0, 0))) for a, b in zip(sums, said, strict=True)]
        return [(a / np.maximum(total, 1e-9))[lead : lead + n] for a in sums]


def smoothstep(low, high, x):
    u = np.clip((x - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def settled_closure(classes, curves):
    """As src/engine/motion/articulation.ts closes the lips."""
    return smoothstep(0.44, 0.66, (curves[:, CLOSE] + classes[:, BILABIAL].sum(1)) / 2)


def runs(mask):
    edges = np.diff(np.concatenate([[0], mask.astype(int), [0]]))
    return [(a / 50, b / 50) for a, b in zip(np.where(edges == 1)[0], np.where(edges == -1)[0], strict=True)]


def to_visemes(classes):
    out = np.zeros((len(classes), len(VISEMES)))
    for c, v in enumerate(CLASS_VISEME):
        if v >= 0:
            out[:, v] += classes[:, c]
    return out


class Tally:
    """Agreement with labels, summed over utterances."""

    def __init__(self):
        self.right = self.judged = self.hit = self.due = self.true = self.made = 0
        self.r, self.real = [], []
        self.lags = []

    def add(self, classes, curves, real, segments):
        n = len(classes)
        target, truth = target_curves(segments, n), CLASS_VISEME[frame_classes(segments, n)]
        speech = truth > 0  # silence and unjudged sounds are left out
        self.right += int((to_visemes(classes).argmax(1)[speech] == truth[speech]).sum())
        self.judged += int(speech.sum())
        self.real.append(np.corrcoef(real[:, JAW], target[:, JAW])[0, 1])
        self.r.append([np.corrcoef(curves[:, c], target[:, c])[0, 1] if target[:, c].std() > 1e-3 else np.nan for c in range(len(CHANNELS))])
        due = [(s, e) for s, e, c in segments if c in "pbm"]
        made = runs(settled_closure(classes, curves) > 0.5)
        self.due += len(due)
        self.made += len(made)
        self.hit += sum(any(a <= (s + e) / 2 + TOLERANCE_S and b >= (s + e) / 2 - TOLERANCE_S for a, b in made) for s, e in due)
        self.true += sum(any(a <= e + TOLERANCE_S and b >= s - TOLERANCE_S for s, e in due) for a, b in made)
        jaw, goal = curves[:, JAW] - curves[:, JAW].mean(), target[:, JAW] - target[:, JAW].mean()
        score = [np.dot(jaw[max(0, k) : n + min(0, k)], goal[max(0, -k) : n - max(0, k)]) for k in range(-10, 11)]
        self.lags.append((int(np.argmax(score)) - 10) * 20)

    def numbers(self):
        recall, precision = self.hit / max(self.due, 1), self.true / max(self.made, 1)
        r = dict(zip(CHANNELS, np.nanmean(self.r, 0).round(3).tolist(), strict=True))
        return {
            "visemeAccuracy": round(self.right / max(self.judged, 1), 3),
            "closureRecall": round(recall, 3), "closurePrecision": round(precision, 3),
            "closureF1": round(2 * recall * precision / max(recall + precision, 1e-9), 3),
            "r": r, "jawWithRealSpeakerR": round(float(np.mean(self.real)), 3), "medianLagMs": float(np.median(self.lags)), "utterances": len(self.lags),
        }  # fmt: skip


def disturb(samples, condition, rng, voices):
    """A copy of the sound in a worse place; the level is the speech's own active level."""
    n = len(samples)
    kind, _, amount = condition.partition(" ")
    if kind in ("noise", "babble", "music"):
        if kind == "noise":
            other = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) / np.maximum(np.fft.rfftfreq(n, 1 / 16000), 30) ** 0.5, n)
        elif kind == "babble":
            other = sum(np.resize(voices[rng.integers(len(voices))].astype(np.float32), n) for _ in range(5))
        else:
            from prepare import music

            other = music(n, rng)
        samples = samples + other / (other.std() + 1e-9) * active_rms(samples) * 10 ** (-float(amount) / 20)
    elif kind == "room":
        m = int(0.4 * 16000)
        response = rng.standard_normal(m) * np.exp(-6.9 * np.arange(m) / m)
        response *= 0.5 / np.sqrt((response**2).sum())
        response[0] += 1
        samples = convolve(samples, response)
    elif kind == "telephone":
        f = np.fft.rfftfreq(n, 1 / 16000)
        samples = np.fft.irfft(np.fft.rfft(samples) / (1 + (300 / np.maximum(f, 1)) ** 8) / (1 + (f / 3400) ** 20), n)
    elif kind == "quiet":
        samples = samples * 10 ** (-20 / 20)
    elif kind == "clipped":
        limit = 0.25 * np.abs(samples).max()
        samples = np.clip(samples, -limit, limit)
    return samples.astype(np.float32)


def judge(network, items, condition, voices):
    rng = np.random.default_rng(11)
    tally = Tally()
    for item in items:
        samples = item["audio"].astype(np.float32) / 32768
        samples = samples / active_rms(samples) * LEVEL_RMS
        tally.add(*network(disturb(samples, condition, rng, voices)), item["segments"])
    return tally.numbers()


def grid_clips(limit=None):
    """Real lips: (name, samples, inner-lip aperture / inter-ocular distance at 25 fps, blend shapes T x 52). Decoded sound is kept."""
    folder = DATA / "motion" / "grid-s1"
    cache = WORK / "grid-audio.npz"
    if not cache.exists():
        np.savez(cache, **{p.stem: read_audio(p.with_suffix(".opus")) for p in sorted(folder.glob("*.npz"))})
    sounds = np.load(cache)
    indices = [int(i) for i in (DATA / "motion" / "landmark-indices.txt").read_text().replace(",", " ").split()]
    upper, lower, right, left = (indices.index(i) for i in (13, 14, 33, 263))
    for path in sorted(folder.glob("*.npz"))[:limit]:
        z = np.load(path)
        marks = z["landmarks"]
        if not np.isfinite(marks).all() or len(marks) < 50:
            continue
        eyes = np.linalg.norm(marks[:, right, :2] - marks[:, left, :2], axis=1)
        aperture = np.linalg.norm(marks[:, upper, :2] - marks[:, lower, :2], axis=1) / eyes
        samples = sounds[path.stem].astype(np.float32) / 32768
        yield path.stem, samples / active_rms(samples) * LEVEL_RMS, aperture, z["blendshapes"]


def at_video_times(values, frames):
    """50 Hz values at the middles of 25 fps video frames."""
    times, own = (np.arange(frames) + 0.5) / 25, (np.arange(len(values)) + 0.5) / 50
    return np.stack([np.interp(times, own, values[:, c]) for c in range(values.shape[1])], 1)


def judge_peer(package, items):
    """HeadAudio (npm @met4citizen/headaudio) on the same clean sounds: viseme accuracy at its own best lag."""
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for i, item in enumerate(items):
            samples = item["audio"].astype(np.float32) / 32768
            files.append(Path(folder) / f"{i}.f32")
            (samples / active_rms(samples) * LEVEL_RMS).tofile(files[-1])
        command = ["node", str(Path(__file__).with_name("headaudio.mjs")), package, *map(str, files)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    right, judged = np.zeros(41), 0
    for item, line in zip(items, lines, strict=True):
        n = len(item["audio"]) // 320
        said = np.zeros(n, int)
        for t, name in json.loads(line):
            said[max(0, int(t * 50)) :] = VISEMES.index(name)
        truth = CLASS_VISEME[frame_classes(item["segments"], n)]
        judged += int((truth > 0).sum())
        right += [((np.roll(said, lag) == truth) & (truth > 0)).sum() for lag in range(-20, 21)]
    best = int(right.argmax())
    return {"visemeAccuracy": round(float(right[best] / judged), 3), "lagMs": (20 - best) * 20}


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--model", default="articulation")
    p.add_argument("--look-ahead", default="whole", choices=["whole", "ahead", "2", "3", "4", "5"], help="a recording is heard whole; a call has 2, or knows more ahead")
    p.add_argument("--quick", action="store_true", help="clean speech and 10 dB noise only, fewer clips")
    p.add_argument("--peer", help="unpacked npm package @met4citizen/headaudio, to compare with")
    a = p.parse_args()
    network = Network(a.model, a.look_ahead)
    sets = {name: load_set(WORK / "sets" / f"{name}.npz") for name in ("libri-test", "libri-other", "russian")}
    sets["russian"] = sets["russian"][: 40 if a.quick else 120]
    voices = [x["audio"] for x in load_set(WORK / "sets" / "flite.npz")[:200]]
    results = {}

    def report(key, numbers):
        results[key] = numbers
        r = numbers["r"]
        print(
            f"{key:28s} viseme {numbers['visemeAccuracy']:.3f} | closure R {numbers['closureRecall']:.2f} P {numbers['closurePrecision']:.2f} "
            f"F1 {numbers['closureF1']:.2f} | r jaw {r['jaw']:.2f} close {r['close']:.2f} round {r['round']:.2f} pucker {r['pucker']:.2f} "
            f"stretch {r['stretch']:.2f} roll {r['roll']:.2f} tongue {r['tongue']:.2f} | lag {numbers['medianLagMs']:.0f} ms",
            flush=True,
        )

    for name, items in sets.items():
        report(name, judge(network, items, "clean", voices))
    natural = sets["libri-test"] + sets["libri-other"]
    conditions = ["noise 10"] if a.quick else ["noise 20", "noise 10", "noise 5", "babble 10", "music 10", "room", "telephone", "quiet", "clipped"]
    report("natural, clean", judge(network, natural, "clean", voices))
    for condition in conditions:
        report(f"natural, {condition}", judge(network, natural, condition, voices))
    if a.peer:
        results["peer"] = judge_peer(a.peer, natural)
        print(f"HeadAudio on natural, clean: viseme {results['peer']['visemeAccuracy']:.3f}, late by {results['peer']['lagMs']} ms", flush=True)
    phonetic_r, real_r = [], []
    for i, (_, samples, aperture, _) in enumerate(grid_clips(100 if a.quick else 480)):
        if i % 4:  # three quarters fitted the real speaker's head
            continue
        classes, phonetic, real = network(samples)
        closed = settled_closure(classes, phonetic)
        for rows, curves in ((phonetic_r, phonetic), (real_r, real)):
            opening = curves[:, JAW] * (1 - closed)
            rows.append(np.corrcoef(at_video_times(opening[:, None], len(aperture))[:, 0], aperture)[0, 1])
    results["grid"] = {"apertureRPhonetic": round(float(np.mean(phonetic_r)), 3), "apertureR": round(float(np.mean(real_r)), 3), "clips": len(real_r)}
    print(f"GRID s1, held-out clips: aperture r {np.mean(real_r):.3f}; before the real speaker's head (no GRID in training) {np.mean(phonetic_r):.3f}; {len(real_r)} clips", flush=True)
    out = WORK / f"evaluation-{a.model}-{a.look_ahead}.json"
    out.write_text(json.dumps(results, indent=1))
    print(f"numbers in {out.relative_to(REPO)}")


if __name__ == "__main__":
    main()
