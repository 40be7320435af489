"""LibriSpeech excerpts come without texts: recognise them with pocketsphinx (its own US English model and language model).

In: DATA/speech/librispeech/*.opus. Out: WORK/librispeech-hypotheses.json {name: text}; resumable. The texts are about
two-thirds right, which is enough to *propose* labels: training keeps only frames where an independent model agrees (see labels.py).
"""
import json
import sys

from audio_io import DATA, WORK, read_audio
from pocketsphinx import Decoder


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    out = WORK / "librispeech-hypotheses.json"
    done = json.loads(out.read_text()) if out.exists() else {}
    # narrower beams than the defaults: three times as fast, hardly worse
    decoder = Decoder(samprate=16000, loglevel="FATAL", maxhmmpf=2500, beam=1e-40, wbeam=1e-24, pbeam=1e-40, ds=2)
    files = sorted((DATA / "speech" / "librispeech").glob("*.opus"))
    for i, path in enumerate(files):
        if path.stem in done:
            continue
        decoder.start_utt()
        decoder.process_raw(read_audio(path).tobytes(), full_utt=True)
        decoder.end_utt()
        hyp = decoder.hyp()
        done[path.stem] = hyp.hypstr if hyp else ""
        if i % 10 == 9 or i + 1 == len(files):
            out.write_text(json.dumps(done, indent=0))
            print(f"recognised {i + 1}/{len(files)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
