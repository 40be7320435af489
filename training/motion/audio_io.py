"""Read any audio file as 16 kHz mono int16 through ffmpeg, and know where inputs and intermediate files live.

Everything a run makes goes below `build/train/` (ignored by git); the shared data set lies beside the checkout and can be
moved with VISAVIS_DATA.
"""
import os
import subprocess
from pathlib import Path

import numpy as np

REPO = Path(__file__).resolve().parents[2]
DATA = Path(os.environ.get("VISAVIS_DATA", REPO.parent / "shared" / "data"))
WORK = Path(os.environ.get("VISAVIS_WORK", REPO / "build" / "train"))
SAMPLE_RATE_HZ = 16000


def read_audio(path):
    """16 kHz mono int16 samples of any file ffmpeg can read."""
    out = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-f", "s16le", "-"],
        capture_output=True,
        check=True,
    ).stdout
    return np.frombuffer(out, np.int16).copy()
