"""Held-out natural speech with its alignments as a folder that `visavis evaluate --data` reads: NAME.wav and NAME.tsv.

    python held_out_speech.py FOLDER [set ...]      # default: libri-test libri-other
"""
import sys
from pathlib import Path

import soundfile

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "motion"))
from audio_io import SAMPLE_RATE_HZ, WORK  # noqa: E402
from speech_set import load_set  # noqa: E402


def main(folder, *names):
    out = Path(folder)
    out.mkdir(parents=True, exist_ok=True)
    for name in names or ("libri-test", "libri-other"):
        for item in load_set(WORK / "sets" / f"{name}.npz"):
            stem = out / item["name"].replace("/", "-")
            soundfile.write(f"{stem}.wav", item["audio"], SAMPLE_RATE_HZ)
            Path(f"{stem}.tsv").write_text("".join(f"{s:.3f}\t{e:.3f}\t{c}\n" for s, e, c in item["segments"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
