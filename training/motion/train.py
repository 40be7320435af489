"""Train the articulation network on the shards of prepare.py; resumable, progress printed, stops by the clock.

Every batch draws fresh acoustics on the mel powers: throat, level, colouring, band limits, noise, babble and music under the voice,
masked bands. A network with a recogniser's ear (`--ear`) now and then hears nothing but that. Learning rate: warm up, hold, then fall linearly over the last 30 % of the given minutes (or from `--cooldown` on); the
checkpoint that counts is the running average of the weights.

    python train.py --name articulation --minutes 60 [--resume] [--seed 0] [--width 192] [--sets kathleen=3,libri-train=4,...]
"""
import argparse
import time

import numpy as np
import torch
import torch.nn.functional as F
from audio_io import WORK
from features import FLOOR, N_MELS
from model import LOOK_AHEAD_STEPS, ArticulationNet, EarHead
from phones import BILABIAL, CLASS_ID, CLOSE, N_CLASSES
from prepare import SHARDS
from torch import nn

CROP = 200  # steps of 20 ms
MAX_AHEAD = max(LOOK_AHEAD_STEPS)
DEFAULT_SETS = "kathleen=3,kerstin=2.5,libri-train=10,prompts-es=1,prompts-it=1,prompts-fr=0.8,espeak=1.8,flite=1.2,festival=1.8"
CHANNEL_WEIGHT = torch.tensor([1.5, 4.5, 1.0, 1.0, 1.0, 1.8, 0.7, 0.7, 0.5])


class Shards:
    """Random crops over the joins of utterances, so that beginnings, ends and changes of speaker are met too."""

    def __init__(self, spec, rng, listens):
        self.rng = rng
        # 50 ms live and all that can be had for a recording are what the product asks for
        self.ahead = [0.4, 0.06, 0.02, 0.02, 0.5] if listens else [0.35, 0.2, 0.1, 0.35, 0]
        self.sets, share = [], []
        for item in spec.split(","):
            name, amount = item.split("=")
            weight, taught = SHARDS / f"{name}.weight.npy", SHARDS / f"{name}.taught.npy"
            mel = np.load(SHARDS / f"{name}.mel.npy", mmap_mode="r")
            joins = np.flatnonzero(np.diff(np.load(SHARDS / f"{name}.utterance.npy"))) + 1
            self.sets.append(
                {
                    "name": name,
                    "mel": mel,
                    "joins": joins[(joins > CROP) & (joins < len(mel) // 2 - CROP - 2 * MAX_AHEAD)],
                    "class": np.load(SHARDS / f"{name}.class.npy"),
                    "curves": np.load(SHARDS / f"{name}.curves.npy", mmap_mode="r"),
                    "weight": np.load(weight) if weight.exists() else None,
                    "taught": np.load(taught, mmap_mode="r") if taught.exists() else None,
                }
            )
            share.append(float(amount))
        self.share = np.array(share) / sum(share)
        self.noise = {k: np.load(SHARDS / f"noise-{k}.npy", mmap_mode="r") for k in ("coloured", "babble", "music")}

    def statistics(self):
        mel = np.concatenate([s["mel"][::41].astype(np.float32) for s in self.sets])
        return torch.from_numpy(mel.mean(0) - 1.5), torch.from_numpy(mel.std(0) + 0.5)

    def batch(self, size):
        """mel B 2(CROP+MAX_AHEAD) 80, class probabilities B CROP 42, curves B CROP 9, look-ahead index B.

        Where a teacher has listened, it has at least half a say in the classes, and all of it where it does not believe the label.
        """
        rng = self.rng
        n = CROP + MAX_AHEAD
        mel = np.empty((size, 2 * n, N_MELS), np.float32)
        classes = np.zeros((size, CROP, N_CLASSES), np.float32)
        curves = np.empty((size, CROP, 9), np.float32)
        for b in range(size):
            s = self.sets[rng.choice(len(self.sets), p=self.share)]
            start = rng.integers(0, len(s["class"]) - n)
            # someone begins to speak after a while of nothing, or falls silent: the others' crops run over the joins of utterances
            alone = rng.random()
            if alone < 0.24:
                join, wait = s["joins"][rng.integers(len(s["joins"]))], rng.integers(0, 50)
                start = join - wait if alone < 0.16 else join - n + wait + MAX_AHEAD
            mel[b] = s["mel"][2 * start : 2 * (start + n)]
            if rng.random() < 0.06:  # nobody speaks: noise or music alone
                mel[b], curves[b] = np.log(FLOOR), 0
                classes[b, :, CLASS_ID["sil"]] = 1
                continue
            here = slice(start, start + CROP)
            classes[b, np.arange(CROP), s["class"][here]] = 1
            curves[b] = s["curves"][here]
            if s["taught"] is not None:
                taught, trust = s["taught"][here].astype(np.float32), s["weight"][here, None]
                classes[b] = 0.5 * trust * classes[b] + (1 - 0.5 * trust) * taught[:, :N_CLASSES]
                curves[b] = trust * curves[b] + (1 - trust) * taught[:, N_CLASSES:]
            if alone < 0.24:
                empty = slice(0, wait) if alone < 0.16 else slice(n - wait - MAX_AHEAD, n)
                mel[b, 2 * empty.start : 2 * empty.stop], curves[b, empty], classes[b, empty] = np.log(FLOOR), 0, 0
                classes[b, empty, CLASS_ID["sil"]] = 1
        ahead = rng.choice(len(LOOK_AHEAD_STEPS), size, p=self.ahead)
        return self.disturb(mel), torch.from_numpy(classes), torch.from_numpy(curves), torch.from_numpy(ahead)

    def colouring(self, deviation_db):
        """Random smooth equaliser, as a natural-log power gain for each band."""
        points = self.rng.normal(0, deviation_db, 9) * (np.log(10) / 10)
        return np.interp(np.linspace(0, 8, N_MELS), np.arange(9), points).astype(np.float32)

    def other_throat(self, power):
        """The same sounds from another throat: the frequency axis stretched, and a little more here than there; the pace unchanged."""
        bend = np.interp(np.linspace(0, 5, N_MELS), np.arange(6), self.rng.normal(0, 1.2, 6))
        at = np.clip(np.arange(N_MELS) * self.rng.uniform(0.9, 1.1) + bend, 0, N_MELS - 1).astype(np.float32)
        low = np.minimum(at.astype(int), N_MELS - 2)
        share = at - low
        return power[:, low] * (1 - share) + power[:, low + 1] * share

    def sum_of_sounds(self, a, b):
        """Mel powers of two sounds together. Their waves add, not their powers: in a band of few bins the phase between them decides,
        anew in nearly every frame. Spread and likeness of neighbours as measured on speech in real noise."""
        phase = self.rng.standard_normal(a.shape, np.float32)
        phase[1:] += 0.13 * phase[:-1]
        phase[:, 1:] += 0.6 * phase[:, :-1]
        phase *= np.linspace(0.62, 0.3, N_MELS, dtype=np.float32) / 1.18
        return a + b + 2 * np.sqrt(a * b) * np.clip(phase, -0.97, 0.97)

    def disturb(self, mel):
        rng = self.rng
        power = np.maximum(np.exp(mel) - FLOOR, 0)
        length = mel.shape[1]
        for b in range(len(mel)):
            if rng.random() < 0.65:
                power[b] = self.other_throat(power[b])
            if rng.random() < 0.8:
                power[b] *= np.exp(self.colouring(4.5))
            speech = np.sort(power[b].mean(1))[-length // 3 :].mean()
            clean = rng.random() < 0.15
            kinds = [] if clean else [k for k, p in (("coloured", 0.75), ("babble", 0.12), ("music", 0.14)) if rng.random() < p]
            if speech < 1e-6:
                speech, kinds = 0.05, [["coloured"], ["music"], ["coloured", "music"], []][rng.integers(4)]
            disturbance = np.zeros_like(power[b])
            for kind in kinds:
                bank = self.noise[kind]
                at = rng.integers(0, bank.shape[1] - length)
                noise = np.maximum(np.exp(bank[rng.integers(len(bank)), at : at + length].astype(np.float32) + self.colouring(4)) - FLOOR, 0)
                low, high = {"coloured": (-1, 36), "babble": (5, 26), "music": (2, 26)}[kind]
                if rng.random() < 0.4:
                    high = 14
                disturbance += noise * (speech / (noise.mean() + 1e-9) * 10 ** (-rng.uniform(low, high) / 10))
            if kinds:
                power[b] = self.sum_of_sounds(power[b], disturbance)
            if rng.random() < 0.25:  # telephone, muffled, thin
                low, high = rng.integers(0, 14), rng.integers(48, 81)
                slope = np.ones(N_MELS, np.float32)
                slope[:low] *= 10 ** (-np.linspace(rng.uniform(1, 4), 0, low, dtype=np.float32)) if low else 1
                slope[high:] *= 10 ** -np.linspace(0, rng.uniform(1, 5), N_MELS - high, dtype=np.float32) if high < N_MELS else 1
                power[b] *= slope
            power[b] *= 10 ** (rng.uniform(-24, 14) / 10)
        out = np.log(power + FLOOR)
        for b in range(len(mel)):
            for _ in range(rng.integers(0, 3)):
                first = rng.integers(0, N_MELS - 14)
                out[b, :, first : first + rng.integers(2, 14)] = out[b].mean()
            if rng.random() < 0.15:
                at = rng.integers(0, length - 20)
                out[b, at : at + rng.integers(2, 12)] = np.log(FLOOR)
        return torch.from_numpy(out)


class Lesson(nn.Module):
    """The network in training. Its ear alone has to name the sound too, and in a part of the crops nobody helps it: what a recogniser knows
    of voices is what our hours of speech lack."""

    EAR_ALONE = 0.3

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.names = nn.Linear(EarHead.WIDTH, N_CLASSES)

    def forward(self, mel, ahead, mel_share):
        x, _ = self.net.hidden(mel, F.one_hot(ahead, self.net.look_ahead.num_embeddings).to(mel.dtype), mel_share)
        return *self.net.answers(x), self.names(x[..., self.net.width :]) if self.net.listens else None

    def groups(self, rate):
        """Parameters for the optimiser: what others have taught for long changes slowly, what begins at nothing fast."""
        shares = {"net.encoder": 0.03, "net.ear_head": 4.0, "names": 4.0}
        groups = {1.0: []} | {share: [] for share in shares.values()}
        for name, parameter in self.named_parameters():
            groups[next((share for start, share in shares.items() if name.startswith(start)), 1.0)].append(parameter)
        return [{"params": parameters, "lr": rate, "share": share} for share, parameters in groups.items()]


def entropy_of(logits, classes):
    class_weight = torch.ones(N_CLASSES)
    class_weight[[*BILABIAL, CLASS_ID["f"], CLASS_ID["v"]]] = 2.5
    smooth = 0.95 * classes + 0.05 / N_CLASSES
    return -(smooth * class_weight * F.log_softmax(logits, -1)).sum(-1).mean()


def losses(logits, curves, classes, target):
    emphasis = CHANNEL_WEIGHT.expand_as(target).clone()
    emphasis[..., CLOSE] *= 1 + 2 * (target[..., CLOSE] > 0.5)
    error = ((curves - target) ** 2 * emphasis).mean()
    speed = ((curves[:, 1:] - curves[:, :-1] - target[:, 1:] + target[:, :-1]) ** 2 * CHANNEL_WEIGHT).mean()
    return entropy_of(logits, classes), error, speed


def gather_ahead(x, ahead):
    """Output step i + L answers for input step i: B T.. to B CROP.. by each crop's own L."""
    index = torch.arange(CROP)[None] + torch.tensor(LOOK_AHEAD_STEPS)[ahead][:, None]
    return x.gather(1, index[..., None].expand(-1, -1, x.shape[-1]))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--name", required=True)
    p.add_argument("--minutes", type=float, default=60)
    p.add_argument("--sets", default=DEFAULT_SETS)
    p.add_argument("--width", type=int, default=192)
    p.add_argument("--blocks", type=int, default=8)
    p.add_argument("--grow", help="begin with the weights of this checkpoint of a network without ear")
    p.add_argument("--ear", help="checkpoint of encoder.py to listen with")
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--rate", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--resume", action="store_true")
    p.add_argument("--cooldown", type=float, default=0.7, help="share of the minutes after which the rate falls")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--steps", type=int, default=0, help="stop after so many steps (for a trial)")
    a = p.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    out = WORK / "checkpoints" / f"{a.name}.pt"
    out.parent.mkdir(parents=True, exist_ok=True)
    net, average = (ArticulationNet(a.width, [1, 2, 4, 8, 1, 2, 4, 8, 16, 16][: a.blocks], listens=bool(a.ear)) for _ in range(2))
    lesson = Lesson(net)
    optimiser = torch.optim.AdamW(lesson.groups(a.rate), betas=(0.9, 0.98), weight_decay=0.02)
    step, trained_s = 0, 0.0
    if a.resume and out.exists():
        saved = torch.load(out, weights_only=True)
        lesson.load_state_dict(saved["lesson"])
        average.load_state_dict(saved["average"])
        optimiser.load_state_dict(saved["optimiser"])
        step, trained_s = saved["step"], saved["trained_s"]
    elif a.grow:
        before = torch.load(WORK / "checkpoints" / f"{a.grow}.pt", weights_only=True)["average"]
        rows = before["look_ahead.weight"]
        before["look_ahead.weight"] = torch.cat([rows, rows[-1:]])
        # the ear has no say yet
        for key in ("classes.weight", "curves.0.weight"):
            ours, others = before[key].split([net.width, before[key].shape[1] - net.width], 1)
            before[key] = torch.cat([ours, ours.new_zeros(len(ours), EarHead.WIDTH), others], 1)
        net.load_state_dict(before, strict=False)
    shards = Shards(a.sets, np.random.default_rng([a.seed, step]), net.listens)
    if step == 0:
        if not a.grow:
            net.mel_mean[:], net.mel_scale[:] = shards.statistics()
        if a.ear:
            net.encoder.load_state_dict(torch.load(WORK / "checkpoints" / f"{a.ear}.pt", weights_only=True))
        average.load_state_dict(net.state_dict())
    print(f"{sum(x.numel() for x in net.parameters()) / 1e6:.2f} M parameters, from step {step}", flush=True)
    forward = torch.compile(lesson, dynamic=False)
    lesson.train()
    began, sums, since, last = time.time() - trained_s, np.zeros(3), 0, time.time()
    limit = a.minutes * 60

    def save():
        partial = out.with_suffix(".partial")
        state = {"lesson": lesson.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict()}
        shape = {"width": a.width, "dilations": list(net.dilations), "listens": net.listens, "step": step, "trained_s": time.time() - began}
        torch.save(state | shape, partial)
        partial.rename(out)

    while time.time() - began < limit and not (a.steps and step >= a.steps):
        progress = (time.time() - began) / limit
        rate = a.rate * min(1, (step + 1) / 100) * min(1, max(0.01, (1 - progress) / (1 - a.cooldown)))
        for group in optimiser.param_groups:
            group["lr"] = rate * group["share"]
        mel, classes, target, ahead = shards.batch(a.batch)
        mel_share = torch.from_numpy((shards.rng.random(a.batch) >= Lesson.EAR_ALONE * net.listens).astype(np.float32))
        logits, curves, named = forward(mel, ahead, mel_share)
        entropy, error, speed = losses(gather_ahead(logits, ahead), gather_ahead(curves, ahead), classes, target)
        optimiser.zero_grad(set_to_none=True)
        ear = 0 if named is None else entropy_of(gather_ahead(named, ahead), classes)
        (0.3 * entropy + 20 * error + 20 * speed + 0.2 * ear).backward()
        torch.nn.utils.clip_grad_norm_(lesson.parameters(), 1.0)
        optimiser.step()
        step += 1
        keep = min(0.998, step / (step + 20))
        with torch.no_grad():
            for mean, now in zip(average.parameters(), net.parameters()):
                mean.lerp_(now, 1 - keep)
        sums += [entropy.item(), error.item(), speed.item()]
        since += 1
        if since == 50:
            e, m, v = sums / since
            hours = step * a.batch * CROP / 50 / 3600
            print(f"step {step}  {(time.time() - began) / 60:.1f} of {a.minutes:g} min  heard {hours:.1f} h  CE {e:.3f}  MSE {m:.5f}  speed {v:.5f}  {(time.time() - last) / since:.2f} s a step", flush=True)
            sums, since, last = np.zeros(3), 0, time.time()
            if step % 100 == 0:
                save()
    save()


if __name__ == "__main__":
    main()
