"""Between two trainings of one network: weights of the second and, for what it had before, a share of the first.

A network that was trained on from another (`train.py --grow`) is better somewhere on the way than at its end: the first one's long quiet ending
and the second one's news are both kept. Units that the first one lacked are the second one's own.

    python mix.py articulation-grown articulation-first 0.75 articulation     # three quarters of the way -> WORK/checkpoints/articulation.pt
"""
import sys

import torch
from audio_io import WORK
from model import grown


def main(later, earlier, share, out):
    folder, share = WORK / "checkpoints", float(share)
    second, first = (torch.load(folder / f"{name}.pt", weights_only=True) for name in (later, earlier))
    before = grown(first["average"], second["inner"])
    mixed = {}
    for key, value in second["average"].items():
        old = before[key]
        if key.endswith(("open.weight", "open.bias")):
            known = first["average"][key].shape[0] // 2
            old = torch.cat([torch.cat([a[:known], b[known:]]) for a, b in zip(old.chunk(2), value.chunk(2), strict=True)])
        mixed[key] = torch.lerp(old, value, share)
    kept = {key: second[key] for key in ("width", "inner", "dilations", "step", "trained_s")}
    torch.save({"net": mixed, "average": mixed, **kept}, folder / f"{out}.pt")


if __name__ == "__main__":
    main(*sys.argv[1:5])
