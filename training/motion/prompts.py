"""More natural voices, from Debian: what telephone exchanges say (asterisk-core-sounds) and what two fish and others say (fillets-ng, actors).

In: Debian's asterisk-core-sounds-{es,fr,it} and their -g722, fillets-ng-data, -cs, -nl; a trained checkpoint to align them by.
Out: WORK/sets/{prompts-es,prompts-fr,prompts-it,fish-cs,fish-nl}.npz. There are Russian prompts, too; they stay out, because Russian judges.

    python prompts.py CHECKPOINT [set ...]
"""
import gzip
import re
import sys
from pathlib import Path

import numpy as np
import soundfile
import soxr
import torch
from align_by_network import NetworkAligner
from audio_io import SAMPLE_RATE_HZ, WORK, read_audio
from speech_set import save_set

PROMPTS = {"es": "es_MX_f_Allison", "fr": "fr_CA_f_June", "it": "it_IT_m_Carlo"}
VOICES = {"es": "es-419", "fr": "fr-fr", "it": "it", "cs": "cs", "nl": "nl"}
FISH = Path("/usr/share/games/fillets-ng")
SHORTEST_S = 1.0


def prompts(language):
    text = gzip.open(f"/usr/share/doc/asterisk-core-sounds-{language}/core-sounds-{language}.txt.gz").read().decode("utf-8", "replace")
    folder = Path("/usr/share/asterisk/sounds") / PROMPTS[language]
    for line in text.splitlines():
        name, _, said = line.partition(":")
        path = folder / f"{name.strip()}.g722"
        if said.strip() and "\ufffd" not in said and path.exists() and path.stat().st_size > SHORTEST_S * 8000:
            yield name.strip(), said, lambda path=path: read_audio(path)


def fish(language):
    for script in sorted((FISH / "script").glob(f"*/dialogs_{language}.lua")):
        pairs = re.findall(r'dialogId\("([^"]+)".*?\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)', script.read_text())
        for name, said in pairs:
            path = FISH / "sound" / script.parent.name / language / f"{name}.ogg"
            if path.exists() and soundfile.info(path).duration > SHORTEST_S:
                yield f"{script.parent.name}/{name}", said, lambda path=path: decoded(path)


def decoded(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = soxr.resample(samples.mean(1), rate, SAMPLE_RATE_HZ)
    return (np.clip(mono, -1, 1) * 32767).astype(np.int16)


def main(checkpoint, *wanted):
    torch.set_num_threads(1)
    for name in wanted or ("prompts-es", "prompts-fr", "prompts-it", "fish-cs", "fish-nl"):
        kind, _, language = name.partition("-")
        lines = list(prompts(language) if kind == "prompts" else fish(language))
        aligner = NetworkAligner(checkpoint, VOICES[language])
        aligner.prepare([text for _, text, _ in lines])
        items = []
        for utterance, text, read in lines:
            audio = read()
            if len(audio) < SHORTEST_S * SAMPLE_RATE_HZ or np.abs(audio).max() < 300:
                continue
            segments = aligner.align(audio, text)
            if segments:
                items.append({"name": f"{name}/{utterance}", "audio": audio, "segments": segments})
        print(f"{name}: {len(items)} of {len(lines)} aligned", file=sys.stderr, flush=True)
        save_set(WORK / "sets" / f"{name}.npz", items)


if __name__ == "__main__":
    main(*sys.argv[1:])
