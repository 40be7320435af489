"""Write test/golden/speech-features.json: a made-up sound and its log-mel by features.py, to hold the TypeScript to."""
import json

import numpy as np
from audio_io import REPO
from features import log_mel

t = np.arange(4000) / 16000
rng = np.random.default_rng(3)
sweep = 0.3 * np.sin(2 * np.pi * (120 * t + 6000 * t**2)) + 0.05 * rng.standard_normal(len(t))
sound = np.round(np.where(t > 0.18, 0, sweep) * 32767).astype(int)
golden = {
    "about": "samples: 16 kHz int16; logMel: frames x 80 of training/motion/features.py; written by training/motion/write_golden.py",
    "samples": sound.tolist(),
    "logMel": [[round(float(v), 5) for v in row] for row in log_mel(sound.astype(np.float32) / 32767)],
}
(REPO / "test" / "golden" / "speech-features.json").write_text(json.dumps(golden) + "\n")
