"""More natural voices, from Debian: what telephone exchanges say.

In: Debian's asterisk-core-sounds-{es,fr,it} and their -g722; a trained checkpoint to align them by. Out:
WORK/sets/prompts-{es,fr,it}.npz. There are Russian prompts, too; they stay out, because Russian judges.

    python prompts.py CHECKPOINT [set ...]
"""
import gzip
import sys
from pathlib import Path

import numpy as np
import torch
from align_by_network import NetworkAligner
from audio_io import SAMPLE_RATE_HZ, WORK, read_audio
from speech_set import save_set

PROMPTS = {"es": "es_MX_f_Allison", "fr": "fr_CA_f_June", "it": "it_IT_m_Carlo"}
VOICES = {"es": "es-419", "fr": "fr-fr", "it": "it"}
SHORTEST_S = 1.0


def prompts(language):
    text = gzip.open(f"/usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz").read().decode("utf-8", "replace")
    folder = Path("/usr/share/asterisk/sounds") / PROMPTS[language]
    for line in text.splitlines():
        name, _, said = line.partition(":")
        path = folder / f"{name.strip()}.g722"
        if said.strip() and "\ufffd" not in said and path.exists() and path.stat().st_size > SHORTEST_S * 8000:
            yield name.strip(), said, path


def main(checkpoint, *wanted):
    torch.set_num_threads(1)
    for name in wanted or ("prompts-es", "prompts-fr", "prompts-it"):
        language = name.removeprefix("prompts-")
        lines = list(prompts(language))
        aligner = NetworkAligner(checkpoint, VOICES[language])
        aligner.prepare([text for _, text, _ in lines])
        items = []
        for utterance, text, path in lines:
            audio = read_audio(path)
            if len(audio) < SHORTEST_S * SAMPLE_RATE_HZ or np.abs(audio).max() < 300:
                continue
            segments = aligner.align(audio, text)
            if segments:
                items.append({"name": f"{name}/{utterance}", "audio": audio, "segments": segments})
        print(f"{name}: {len(items)} of {len(lines)} aligned", file=sys.stderr, flush=True)
        save_set(WORK / "sets" / f"{name}.npz", items)


if __name__ == "__main__":
    main(*sys.argv[1:])
