"""Natural speech to labelled sets: kathleen (en), kerstin (de), LibriSpeech (en, many readers), festvox-ru (ru, labels shipped).

In: the shared data set, Debian's festvox-ru. Out: WORK/sets/{kathleen,kerstin,libri-train,libri-test,libri-other,russian}.npz.
Held out and never trained on: LibriSpeech's ten `test-other` readers, every tenth other reader, and all of Russian.
"""
import json
import sys
from pathlib import Path

import numpy as np
from align import EnglishAligner, GermanAligner
from audio_io import DATA, WORK, read_audio
from phones import split_and_merge
from speech_set import save_set

HERE = Path(__file__).resolve().parent
RUSSIAN = Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits")
# readers of LibriSpeech's test-other split: the hard ones (accents, rooms, noise)
OTHER_READERS = {"1688", "1998", "2033", "2414", "2609", "3005", "3080", "3331", "367", "533"}

_RU = {
    "a": "a aa ae", "E": "e ee", "I": "i y", "i": "ii", "o": "o", "O": "oo", "U": "u ur", "u": "uu", "V": "ay", "b": "b bb", "p": "p pp",
    "m": "m mm", "v": "v vv", "f": "f ff", "t": "t tt", "d": "d dd", "n": "n nn", "l": "l ll", "rr": "r rr", "s": "s ss c", "z": "z zz",
    "S": "sh zh sch", "tS": "ch", "k": "k kk", "g": "g gg", "R": "h hh", "j": "j", "sil": "pau",
}  # fmt: skip
RUSSIAN_CLASS = {label: cls for cls, labels in _RU.items() for label in labels.split()} | {"yy": "I"}


def metadata(folder):
    lines = (DATA / "speech" / folder / "metadata.csv").read_text().splitlines()
    return [line.split("|", 1) for line in lines]


def is_held_out_reader(name):
    """Every tenth LibriSpeech training reader, by order of reader number."""
    reader = name.split("-")[0]
    readers = sorted({p.stem.split("-")[0] for p in (DATA / "speech" / "librispeech").glob("*.opus")} - OTHER_READERS, key=int)
    return readers.index(reader) % 10 == 3


def with_leading_silence(audio, segments):
    """The aligner starts the first sound at 0: give the quiet before it back to silence."""
    if not segments or segments[0][2] == "sil":
        return segments
    power = np.convolve(audio.astype(np.float64) ** 2, np.ones(320) / 320, "same")[::80]
    loud = np.percentile(power, 95)
    start, end, cls = segments[0]
    first = next((i for i in range(int(end * 200)) if power[i] > loud * 10**-3.2), 0) / 200
    first = min(first, end - 0.04)
    if first < 0.04:
        return segments
    return [(0.0, first, "sil"), (first, end, cls), *segments[1:]]


def align_all(name, pairs, folder, align):
    items = []
    for i, (utterance, text) in enumerate(pairs):
        path = DATA / "speech" / folder / f"{utterance}.opus"
        if not path.exists():
            continue
        audio = read_audio(path)
        segments = align(audio, text)
        if segments:
            items.append({"name": f"{name}/{utterance}", "audio": audio, "segments": with_leading_silence(audio, segments)})
        if i % 200 == 199:
            print(f"{name}: aligned {len(items)} of {i + 1}", file=sys.stderr, flush=True)
    save_set(WORK / "sets" / f"{name}.npz", items)


def russian():
    items = []
    for lab in sorted((RUSSIAN / "lab").glob("*.lab")):
        start, labelled = 0.0, []
        for line in lab.read_text().splitlines():
            part = line.split()
            if len(part) == 3:
                labelled.append((start, float(part[0]), [RUSSIAN_CLASS.get(part[2], "@")]))
                start = float(part[0])
        items.append({"name": f"russian/{lab.stem}", "audio": read_audio(RUSSIAN / "wav" / f"{lab.stem}.wav"), "segments": split_and_merge(labelled)})
    save_set(WORK / "sets" / "russian.npz", items)


def main(wanted):
    if "kathleen" in wanted:
        align_all("kathleen", metadata("kathleen-en"), "kathleen-en", EnglishAligner().align)
    if "kerstin" in wanted:
        pairs = metadata("kerstin-de")
        aligner = GermanAligner()
        aligner.prepare([text for _, text in pairs])
        align_all("kerstin", pairs, "kerstin-de", aligner.align)
    if "russian" in wanted:
        russian()
    # recognised texts, or corrected ones where there are any; only corrected ones judge
    corrected = dict(line.split("|", 1) for line in (HERE / "librispeech-corrected.txt").read_text().splitlines() if line)
    if "libri-train" in wanted:
        align = EnglishAligner().align
        texts = json.loads((WORK / "librispeech-hypotheses.json").read_text()) | corrected
        mine = sorted((n, t) for n, t in texts.items() if n.split("-")[0] not in OTHER_READERS and not is_held_out_reader(n))
        align_all("libri-train", mine, "librispeech", align)
    if "libri-held" in wanted:
        tries = [EnglishAligner(**b).align for b in ({}, {"beam": 1e-60, "pbeam": 1e-60, "wbeam": 1e-45}, {"beam": 1e-70, "pbeam": 1e-70, "wbeam": 1e-60})]

        def align(audio, text):
            return next((s for s in (attempt(audio, text) for attempt in tries) if s), None)

        other = {n for n in corrected if n.split("-")[0] in OTHER_READERS}
        align_all("libri-other", sorted((n, corrected[n]) for n in other), "librispeech", align)
        align_all("libri-test", sorted((n, t) for n, t in corrected.items() if n not in other and is_held_out_reader(n)), "librispeech", align)


if __name__ == "__main__":
    main(sys.argv[1:] or ["kathleen", "kerstin", "russian", "libri-train", "libri-held"])
