"""Labelled sets to training shards: features and targets of several acoustic variants of every utterance, and a noise bank.

In: WORK/sets/*.npz. Out: WORK/shards/<set>.{mel,class,curves,utterance,at}.npy and WORK/shards/noise-*.npy (log-mel); `at` is where in the
untouched utterance a frame comes from, in frames.
What must happen to the sound itself is done here (speed and formants, rooms, codecs, clipping); level, colour, band limits
and noise are drawn afresh in every training batch, on the mel powers (train.py).
"""
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

import numpy as np
import soundfile
import soxr
from audio_io import WORK
from features import HOP, SAMPLE_RATE_HZ, log_mel
from phones import FRAME_RATE_HZ, N_CHANNELS, frame_classes, target_curves
from speech_set import load_set

SHARDS = WORK / "shards"
LEVEL_RMS = 10 ** (-23 / 20)
VARIANTS = {"kathleen": 3, "kerstin": 3, "libri-train": 5, "espeak": 2, "flite": 2, "festival": 2, "espeak-meter": 2, "flite-meter": 2}


def room(rng):
    """Impulse response of a made-up room: direct sound, a few early echoes, a decaying noise tail (T60 0.1 to 0.7 s)."""
    t60 = rng.uniform(0.1, 0.7)
    n = int(t60 * SAMPLE_RATE_HZ)
    t = np.arange(n) / SAMPLE_RATE_HZ
    tail = rng.standard_normal(n) * np.exp(-6.9 * t / t60)
    tail[: int(rng.uniform(0.002, 0.02) * SAMPLE_RATE_HZ)] = 0
    tail *= rng.uniform(0.1, 0.8) / np.sqrt((tail**2).sum() + 1e-9)
    response = tail
    response[0] = 1
    for _ in range(rng.integers(0, 5)):
        response[int(rng.uniform(0.001, 0.03) * SAMPLE_RATE_HZ) % n] += rng.uniform(-0.4, 0.4)
    return response


def convolve(x, response):
    n = 1 << int(np.ceil(np.log2(len(x) + len(response))))
    return np.fft.irfft(np.fft.rfft(x, n) * np.fft.rfft(response, n), n)[: len(x)].astype(np.float32)


def opus_round_trip(waves, rng):
    """Many waves through one Opus encode and decode at a low, random bit rate; ffmpeg takes the codec's delay out."""
    if not waves:
        return []
    bits = ["10k", "14k", "20k", "32k"][rng.integers(4)]
    with tempfile.TemporaryDirectory() as folder:
        source, coded = Path(folder) / "a.wav", Path(folder) / "a.opus"
        soundfile.write(source, np.clip(np.concatenate(waves), -1, 1), SAMPLE_RATE_HZ)
        subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", str(source), "-c:a", "libopus", "-b:a", bits, "-application", "voip", str(coded)], check=True)
        out = subprocess.run(["ffmpeg", "-v", "error", "-i", str(coded), "-ar", "16000", "-ac", "1", "-f", "f32le", "-"], capture_output=True, check=True).stdout
    decoded = np.frombuffer(out, np.float32)
    total = sum(len(w) for w in waves)
    decoded = np.pad(decoded, (0, max(0, total - len(decoded))))[:total]
    return np.split(decoded, np.cumsum([len(w) for w in waves])[:-1])


def active_rms(x):
    power = np.convolve(x.astype(np.float64) ** 2, np.ones(400) / 400, "same")
    return float(np.sqrt(power[power > power.max() * 1e-3].mean() + 1e-12))


def variant(audio, segments, rng, first):
    """Sound, its segments, how much faster it goes than the original and how long it waits before it begins."""
    x = audio.astype(np.float32) / 32768
    ratio = 1.0
    if not first:
        ratio = float(np.exp(rng.uniform(np.log(0.82), np.log(1.22))))
        x = soxr.resample(x, SAMPLE_RATE_HZ * ratio, SAMPLE_RATE_HZ, quality="QQ")
        segments = [(s / ratio, e / ratio, c) for s, e, c in segments]
    lead = int(rng.uniform(0, 0.35) * SAMPLE_RATE_HZ) if rng.random() < 0.4 else 0
    if lead:
        x = np.concatenate([np.zeros(lead, np.float32), x])
        shift = lead / SAMPLE_RATE_HZ
        segments = [(0.0, shift, "sil")] + [(s + shift, e + shift, c) for s, e, c in segments]
    x = x / active_rms(x) * LEVEL_RMS
    if not first and rng.random() < 0.45:
        x = convolve(x, room(rng))
    if not first and rng.random() < 0.08:
        limit = rng.uniform(0.15, 0.5) * np.abs(x).max()
        x = np.clip(x, -limit, limit)
    if not first and rng.random() < 0.06:
        peak = np.abs(x).max() + 1e-6
        y = np.sign(x) * np.log1p(255 * np.abs(x) / peak) / np.log(256)
        y = np.round(y * 127) / 127
        x = (np.sign(y) * (256 ** np.abs(y) - 1) / 255 * peak).astype(np.float32)
    if not first and rng.random() < 0.05:
        x = x + rng.uniform(-0.1, 0.1)
    return x, segments, ratio, lead / SAMPLE_RATE_HZ


def make_shard(name, labels_only=False):
    """labels_only: the sounds are those of the last time and only their labels have changed; the same random draws are made."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    items = load_set(WORK / "sets" / f"{name}.npz")
    mels, classes, curves, origin, at = [], [], [], [], []
    for v in range(VARIANTS.get(name, 2)):
        made = [(i, *variant(items[i]["audio"], items[i]["segments"], rng, v == 0)) for i in rng.permutation(len(items))]
        coded = [k for k in range(len(made)) if v > 0 and rng.random() < 0.2]
        if labels_only:
            rng.integers(4) if coded else None
            decoded = {}
        else:
            decoded = dict(zip(coded, opus_round_trip([made[k][1] for k in coded], rng), strict=True))
        for k, (i, x, segments, ratio, lead_s) in enumerate(made):
            x = decoded.get(k, x)
            n = len(x) // (2 * HOP)
            if not labels_only:
                mels.append(log_mel(x)[: 2 * n].astype(np.float16))
            classes.append(frame_classes(segments, n).astype(np.int8))
            curves.append(target_curves(segments, n).astype(np.float16))
            origin.append(np.full(n, i, np.int32))
            at.append((((np.arange(n) + 0.5) / FRAME_RATE_HZ - lead_s) * ratio * FRAME_RATE_HZ - 0.5).astype(np.float32))
        print(f"{name}: variant {v + 1} done", file=sys.stderr, flush=True)
    SHARDS.mkdir(parents=True, exist_ok=True)
    frames = sum(len(c) for c in classes)
    if labels_only and len(np.load(SHARDS / f"{name}.mel.npy", mmap_mode="r")) != 2 * frames:
        raise SystemExit(f"{name}: its sounds have changed too; prepare it without --labels-only")
    parts = [("class", classes), ("curves", curves), ("utterance", origin), ("at", at)]
    for part, arrays in parts if labels_only else [("mel", mels), *parts]:
        np.save(SHARDS / f"{name}.{part}.npy", np.concatenate(arrays))
    assert curves[0].shape[1] == N_CHANNELS
    print(f"{name}: {frames / 50 / 3600:.2f} h in {VARIANTS.get(name, 2)} variants", flush=True)


def coloured(n, rng):
    slope = rng.uniform(0, 1.3)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ)
    x = np.fft.irfft(spectrum / np.maximum(f, 30) ** slope, n)
    if rng.random() < 0.3:  # slowly swelling
        x *= 1 + 0.8 * np.sin(2 * np.pi * rng.uniform(0.1, 2) * np.arange(n) / SAMPLE_RATE_HZ + rng.uniform(0, 6))
    if rng.random() < 0.2:  # mains hum and fans
        f0 = rng.uniform(45, 130)
        t = np.arange(n) / SAMPLE_RATE_HZ
        x = x / x.std() + sum(rng.uniform(0, 1) * np.sin(2 * np.pi * f0 * k * t + rng.uniform(0, 6)) for k in range(1, 8))
    return x


def music(n, rng):
    """A few bars of chords, bass and drums."""
    x = np.zeros(n)
    beat = int(SAMPLE_RATE_HZ * 60 / rng.uniform(70, 150))
    root = rng.uniform(80, 160)
    scale = [0, 2, 4, 5, 7, 9, 11] if rng.random() < 0.5 else [0, 2, 3, 5, 7, 8, 10]
    timbre = rng.uniform(0.5, 2)
    for b, at in enumerate(range(0, n, beat)):
        m = min(beat * 2, n - at)
        t = np.arange(m) / SAMPLE_RATE_HZ
        degree = rng.integers(7)
        notes = [scale[(degree + k) % 7] + 12 * ((degree + k) // 7) for k in (0, 2, 4)] + [scale[rng.integers(7)] + 12]
        for note in notes:
            f = root * 2 * 2 ** (note / 12)
            for h in range(1, 7):
                if f * h < 7500:
                    x[at : at + m] += np.sin(2 * np.pi * f * h * t) / h**timbre * np.exp(-t * rng.uniform(0.5, 4)) * 0.25
        x[at : at + m] += np.sin(2 * np.pi * root * 2 ** (scale[degree] / 12) / 1.0 * t) * np.exp(-2 * t)
        d = min(int(0.15 * SAMPLE_RATE_HZ), n - at)
        td = np.arange(d) / SAMPLE_RATE_HZ
        if b % 2 == 0:
            x[at : at + d] += 2 * np.sin(2 * np.pi * (50 + 80 * np.exp(-td * 40)) * td) * np.exp(-td * 18)
        else:
            x[at : at + d] += rng.standard_normal(d) * np.exp(-td * 25)
        half = at + beat // 2
        if half + d < n:
            x[half : half + d] += 0.4 * np.diff(rng.standard_normal(d + 1)) * np.exp(-td * 60)
    return x


def make_noise(minutes=36):
    """Three kinds in equal parts, in 12 s pieces of equal loudness: coloured noise, babble (3 to 8 voices), music."""
    rng = np.random.default_rng(7)
    voices = [x["audio"] for name in ("kathleen", "kerstin", "flite", "festival") if (WORK / "sets" / f"{name}.npz").exists() for x in load_set(WORK / "sets" / f"{name}.npz")[::5]]
    n = 12 * SAMPLE_RATE_HZ
    pieces = {"coloured": [], "babble": [], "music": []}
    for _ in range(int(minutes * 60 / 36)):
        mix = np.zeros(n)
        for _ in range(rng.integers(3, 9)):
            line = np.concatenate([voices[rng.integers(len(voices))] for _ in range(6)]).astype(np.float32)
            speed = rng.uniform(0.85, 1.18)
            line = np.resize(soxr.resample(line, SAMPLE_RATE_HZ * speed, SAMPLE_RATE_HZ, quality="QQ"), n)
            mix += line / (line.std() + 1e-6) * rng.uniform(0.4, 1)
        pieces["babble"].append(mix)
        pieces["coloured"].append(coloured(n, rng))
        pieces["music"].append(music(n, rng))
    for kind, waves in pieces.items():
        mel = np.stack([log_mel((w / (w.std() + 1e-9) * LEVEL_RMS).astype(np.float32)) for w in waves]).astype(np.float16)
        np.save(SHARDS / f"noise-{kind}.npy", mel)
    print(f"noise: 3 x {minutes / 3:.0f} min")


def main(wanted):
    SHARDS.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        if name == "noise":
            make_noise()
        elif name != "--labels-only":
            make_shard(name, "--labels-only" in wanted)


if __name__ == "__main__":
    main(sys.argv[1:] or ["kathleen", "kerstin", "libri-train", "espeak", "flite", "festival", "noise"])
