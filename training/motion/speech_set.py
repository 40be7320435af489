"""A labelled speech set on disk: int16 audio at 16 kHz, and for every utterance its name and (start, end, class) segments."""
import json

import numpy as np
from phones import CLASS_ID, CLASSES


def save_set(path, items):
    """items: [{name, audio int16, segments [(s, s, class)]}]"""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez(
        partial,
        audio=np.concatenate([x["audio"] for x in items]),
        audio_end=np.cumsum([len(x["audio"]) for x in items]),
        segment_s=np.array([(s, e) for x in items for s, e, _ in x["segments"]], np.float32),
        segment_class=np.array([CLASS_ID[c] for x in items for _, _, c in x["segments"]], np.int8),
        segment_end=np.cumsum([len(x["segments"]) for x in items]),
        names=json.dumps([x["name"] for x in items]),
    )
    partial.rename(path)
    print(f"{path.name}: {len(items)} utterances, {sum(len(x['audio']) for x in items) / 16000 / 60:.1f} min", flush=True)


def load_set(path):
    z = np.load(path)
    names = json.loads(str(z["names"]))
    audio, audio_end, segment_end = z["audio"], [0, *z["audio_end"]], [0, *z["segment_end"]]
    times, classes = z["segment_s"], z["segment_class"]
    return [
        {
            "name": name,
            "audio": audio[audio_end[i] : audio_end[i + 1]],
            "segments": [
                (float(s), float(e), CLASSES[c])
                for (s, e), c in zip(
                    times[segment_end[i] : segment_end[i + 1]], classes[segment_end[i] : segment_end[i + 1]], strict=True
                )
            ],
        }
        for i, name in enumerate(names)
    ]
