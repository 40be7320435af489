"""Write the golden files of the speech tests: features of a made-up sound, and a few words of flite's `rms` with their closures.

Out: test/golden/speech-features.json, test/golden/spoken.json.
"""
import base64
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from audio_io import REPO
from features import log_mel
from phones import ARPABET, split_and_merge

GOLDEN = REPO / "test" / "golden"


def write_features():
    t = np.arange(4000) / 16000
    rng = np.random.default_rng(3)
    sweep = 0.3 * np.sin(2 * np.pi * (120 * t + 6000 * t**2)) + 0.05 * rng.standard_normal(len(t))
    sound = np.round(np.where(t > 0.18, 0, sweep) * 32767).astype(int)
    golden = {
        "about": "samples: 16 kHz int16 / 32767; logMel: frames x 80 of training/motion/features.py; written by training/motion/write_golden.py",
        "samples": sound.tolist(),
        "logMel": [[round(float(v), 5) for v in row] for row in log_mel(sound.astype(np.float32) / 32767)],
    }
    (GOLDEN / "speech-features.json").write_text(json.dumps(golden) + "\n")


def write_spoken(text="My baby brother put a map of Panama on the table."):
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "a.wav"
        out = subprocess.run(["flite", "-voice", "rms", "-psdur", "-t", text, "-o", str(wav)], capture_output=True, text=True, check=True).stdout
        sound, rate_hz = soundfile.read(wav, dtype="int16")
    start, labelled = 0.0, []
    for item in out.split():
        phone, _, end = item.rpartition(":")
        if phone:
            labelled.append((start, float(end), ARPABET[phone]))
            start = float(end)
    closures = [[round(s, 3), round(e, 3)] for s, e, c in split_and_merge(labelled) if c in "pbm"]
    golden = {
        "about": f"flite's voice rms: {text} Written by training/motion/write_golden.py",
        "sampleRateHz": rate_hz,
        "pcm": base64.b64encode(sound.astype("<i2").tobytes()).decode(),
        "closuresS": closures,
    }
    (GOLDEN / "spoken.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    write_features()
    write_spoken()
