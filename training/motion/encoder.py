"""A recogniser's ear, made causal: the first layers of Moonshine tiny's encoder on our mel frames, one 20 ms step at a time.

Moonshine (MIT, taught on 200 000 hours; models/moonshine-tiny-en.md) hears whole sentences from the wave itself. Here a small inlet that was
taught to answer as its convolutions do stands in front, each step attends to the 0.64 s before it only, and `train.py` teaches the whole
to do with that. Where all of a sound is known, each step attends to all of it, as Moonshine itself does. Rotary positions count in Moonshine's
own 24 ms. All state is explicit: the mel frames that the inlet still needs, each layer's keys and values.

    python encoder.py            # teach the inlet (≈ 8 min) -> WORK/checkpoints/encoder.pt
"""
import time

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from audio_io import REPO, WORK
from features import FLOOR, N_MELS, log_mel
from onnx import numpy_helper
from prepare import LEVEL_RMS, active_rms
from speech_set import load_set
from torch import nn

WIDTH, HEADS, HEAD_WIDTH, ROTATED = 288, 8, 36, 32
LAYERS = 4  # of six: frame by frame the fourth knows most about the sound, the later ones more about the word
TAPS = (1, 3)  # the second says what is heard, the fourth what that means in its surroundings
HEARD_WIDTH = len(TAPS) * WIDTH
WINDOW = 32  # steps that a step looks back on
INLET_FRAMES = 8  # mel frames under a step of the encoder: the 80 ms up to the end of the step itself
PAST_FRAMES = INLET_FRAMES - 2
STEP_POSITION = 20 / 24
SPAN = 895  # samples under one output of Moonshine's convolutions


class Layer(nn.Module):
    """Attention over the window and a feed-forward pair, both residual; weights in Moonshine's arrangement but for the order of a head's rotated units."""

    def __init__(self, dropout=0.1):
        super().__init__()
        self.attention_norm = nn.LayerNorm(WIDTH)
        self.inward = nn.Linear(WIDTH, 3 * WIDTH)
        self.outward = nn.Linear(WIDTH, WIDTH)
        self.widening_norm = nn.LayerNorm(WIDTH)
        self.widen = nn.Linear(WIDTH, 4 * WIDTH)
        self.narrow = nn.Linear(4 * WIDTH, WIDTH)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, past, cos, sin, mask):
        """x: B T 288; past: B WINDOW 576, or None at the beginning of a stream; cos, sin: keys 16; mask: B 1 T keys, 0 where a step may look."""
        batch, steps = x.shape[0], x.shape[1]
        query, key_value = self.inward(self.attention_norm(x)).split([WIDTH, 2 * WIDTH], -1)
        known = key_value if past is None else torch.cat([past, key_value], 1)
        key, value = known.split(WIDTH, -1)
        first = known.shape[1] - steps
        query = turned(query.reshape(batch, -1, HEADS, HEAD_WIDTH), cos[first:], sin[first:]).transpose(1, 2)
        key = turned(key.reshape(batch, -1, HEADS, HEAD_WIDTH), cos, sin).permute(0, 2, 3, 1)
        value = value.reshape(batch, -1, HEADS, HEAD_WIDTH).transpose(1, 2)
        attention = torch.softmax(query @ key * HEAD_WIDTH**-0.5 + mask, -1)
        x = x + self.dropout(self.outward((attention @ value).transpose(1, 2).reshape(batch, -1, WIDTH)))
        x = x + self.dropout(self.narrow(F.gelu(self.widen(self.widening_norm(x)))))
        return x, known[:, -WINDOW:]


def turned(x, cos, sin):
    """Rotary position: the first two sixteens of each head's units turned against each other by the step's angle."""
    a, b, rest = x.split([ROTATED // 2, ROTATED // 2, HEAD_WIDTH - ROTATED], -1)
    cos, sin = cos[:, None], sin[:, None]
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], -1)


class CausalEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.inlet = nn.Sequential(nn.Linear(INLET_FRAMES * N_MELS, 512), nn.SiLU(), nn.Linear(512, WIDTH))
        self.layers = nn.ModuleList([Layer() for _ in range(LAYERS)])
        # a few units are a hundred times as loud as the others: each is measured by its own mean and spread
        self.register_buffer("outlet_mean", torch.zeros(HEARD_WIDTH))
        self.register_buffer("outlet_spread", torch.ones(HEARD_WIDTH))
        self.register_buffer("mel_mean", torch.zeros(N_MELS))
        self.register_buffer("mel_scale", torch.ones(N_MELS))
        self.register_buffer("frequency", 10000.0 ** (-torch.arange(ROTATED // 2) / (ROTATED // 2)) * STEP_POSITION)

    def forward(self, mel, whole, past_mel=None, past=None):
        """mel: B 2T 80; whole: B, 1 where each step may look at all of it, else 0. past_mel: B 6 80, past: B LAYERS WINDOW 576, or nothing at the
        beginning of a stream, which then sees no more than itself.

        Returns B T (2 x 288) and the next past_mel and past (the latter only where one was given).
        """
        steps = mel.shape[1] // 2
        before = mel[:, :1].expand(-1, PAST_FRAMES, -1) if past_mel is None else past_mel
        frames = torch.cat([before, mel], 1)
        even = (frames - self.mel_mean) / self.mel_scale
        pieces = [even[:, k : k + mel.shape[1]].reshape(mel.shape[0], -1, 2 * N_MELS) for k in range(0, INLET_FRAMES, 2)]
        x = self.inlet(torch.cat(pieces, -1))
        looked_back = 0 if past is None else WINDOW
        at = torch.arange(looked_back + steps, device=mel.device)
        angle = at[:, None] * self.frequency
        distance = at[looked_back:, None] - at
        mask = torch.where((distance >= 0) & (distance <= WINDOW), 0.0, -1e4) * (1 - whole)[:, None, None, None]
        cos, sin = angle.cos(), angle.sin()
        following, heard = [], []
        for k, layer in enumerate(self.layers):
            x, after = layer(x, None if past is None else past[:, k], cos, sin, mask)
            following.append(after)
            if k in TAPS:
                heard.append(x)
        return (torch.cat(heard, -1) - self.outlet_mean) / self.outlet_spread, frames[:, -PAST_FRAMES:], None if past is None else torch.stack(following, 1)


class Shipped:
    """The weights of models/moonshine-tiny-en-encoder.onnx by what they do, as float32."""

    def __init__(self):
        graph = onnx.load(str(REPO / "models" / "moonshine-tiny-en-encoder.onnx")).graph
        self.values = {x.name: numpy_helper.to_array(x) for x in graph.initializer}
        self.inputs = {node.name: node.input for node in graph.node}

    def get(self, name):
        return torch.from_numpy(self.values[name].astype(np.float32))

    def convolution(self, name):
        return self.get(f"{name}.weight_quantized") * self.get(f"{name}.weight_scale") + self.get(f"{name}.weight_zero_point")

    def matrix(self, node):
        name = self.inputs[f"{node}/MatMul_quant"][1]
        base = name.removesuffix("_quantized")
        return ((self.get(name) - self.get(f"{base}_zero_point")) * self.get(f"{base}_scale")).T.contiguous()

    def layers(self):
        """State of each `Layer`: even and odd rotated units, neighbours in Moonshine, lie in two halves."""
        one = torch.cat([torch.arange(0, ROTATED, 2), torch.arange(1, ROTATED, 2), torch.arange(ROTATED, HEAD_WIDTH)])
        order = torch.cat([one + head * HEAD_WIDTH for head in range(HEADS)])
        for k in range(LAYERS):
            at = f"/layers.{k}"
            query, key, value = (self.matrix(f"{at}/self_attn/{name}_proj") for name in "qkv")
            yield {
                "attention_norm.weight": self.get(f"layers.{k}.input_layernorm.weight"),
                "attention_norm.bias": torch.zeros(WIDTH),
                "inward.weight": torch.cat([query[order], key[order], value]),
                "inward.bias": torch.zeros(3 * WIDTH),
                "outward.weight": self.matrix(f"{at}/self_attn/dense"),
                "outward.bias": torch.zeros(WIDTH),
                "widening_norm.weight": self.get(f"layers.{k}.post_attention_layernorm.weight"),
                "widening_norm.bias": torch.zeros(WIDTH),
                "widen.weight": self.matrix(f"{at}/mlp/fc1"),
                "widen.bias": self.get(f"layers.{k}.mlp.fc1.bias"),
                "narrow.weight": self.matrix(f"{at}/mlp/fc2"),
                "narrow.bias": self.get(f"layers.{k}.mlp.fc2.bias"),
            }

    def convolutions(self, sound):
        """What Moonshine's convolutions make of the SPAN samples up to the end of each 20 ms step: n x 288. Loudness is evened over the whole sound, as there."""
        n = len(sound) // 320
        first = self.convolution("conv1")
        whole = torch.tanh(F.conv1d(torch.from_numpy(sound)[None, None], first, stride=64))
        spans = np.lib.stride_tricks.sliding_window_view(np.pad(sound, (SPAN - 320, 0))[: SPAN - 320 + 320 * n], SPAN)[::320]
        x = (torch.tanh(F.conv1d(torch.from_numpy(spans.copy())[:, None], first, stride=64)) - whole.mean()) / (whole.var() + 1e-5).sqrt()
        x = x * self.get("onnx::Mul_1488") + self.get("onnx::Add_1489")
        x = F.gelu(F.conv1d(x, self.convolution("conv2"), self.get("conv2.bias"), stride=3))
        return F.gelu(F.conv1d(x, self.convolution("conv3"), self.get("conv3.bias")))[:, :, 0]


SETS = {"libri-train": 400, "kathleen": 120, "kerstin": 120, "prompts-es": 60, "prompts-it": 40, "prompts-fr": 40, "espeak": 200}


def heard_pairs(shipped, names, rng):
    """Mel frames under each step (half precision, as the shards) and what the convolutions say, of some utterances of each set."""
    frames, answers = [], []
    for name, count in names.items():
        items = load_set(WORK / "sets" / f"{name}.npz")
        for i in rng.permutation(len(items))[:count]:
            sound = items[i]["audio"][: 8 * 16000].astype(np.float32) / 32768
            sound = sound / active_rms(sound) * LEVEL_RMS
            answer = shipped.convolutions(sound)
            mel = np.concatenate([np.full((PAST_FRAMES, N_MELS), np.log(FLOOR), np.float32), log_mel(sound)])
            windows = np.lib.stride_tricks.sliding_window_view(mel, INLET_FRAMES, axis=0)[::2][: len(answer)]
            frames.append(windows.transpose(0, 2, 1).reshape(len(answer), -1).astype(np.float16))
            answers.append(answer.half())
        print(f"{name}: {sum(map(len, frames)) / 3000:.0f} min together", flush=True)
    return torch.from_numpy(np.concatenate(frames)), torch.cat(answers)


@torch.no_grad()
def explained(inlet, frames, answers, mean, scale):
    said = torch.cat([inlet((f.float() - mean) / scale) for f in frames.split(4096)])
    answers = answers.float()
    return 1 - ((said - answers) ** 2).sum().item() / ((answers - answers.mean(0)) ** 2).sum().item()


@torch.no_grad()
def measure_outlets(encoder, rng):
    """Mean and spread of what comes out, over some utterances of every set, half of them heard whole."""
    encoder.eval()
    heard = []
    for name in SETS:
        items = load_set(WORK / "sets" / f"{name}.npz")
        for k, i in enumerate(rng.permutation(len(items))[:24]):
            sound = items[i]["audio"][: 6 * 16000].astype(np.float32) / 32768
            mel = log_mel(sound / active_rms(sound) * LEVEL_RMS)
            heard.append(encoder(torch.from_numpy(mel[: len(mel) // 2 * 2])[None], torch.tensor([k % 2.0]))[0][0])
    heard = torch.cat(heard)
    encoder.outlet_mean[:], encoder.outlet_spread[:] = heard.mean(0), heard.std(0) + 1e-3


def main(minutes=5.0):
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    shipped = Shipped()
    with torch.no_grad():
        frames, answers = heard_pairs(shipped, SETS, rng)
        held = heard_pairs(shipped, {"libri-test": 40}, rng)
    encoder = CausalEncoder()
    for layer, state in zip(encoder.layers, shipped.layers(), strict=True):
        layer.load_state_dict(state)
    mean = frames[::17].float().reshape(-1, N_MELS).mean(0).repeat(INLET_FRAMES) - 1.5
    scale = frames[::17].float().reshape(-1, N_MELS).std(0).repeat(INLET_FRAMES) + 0.5
    spread = answers[::17].float().std(0) + 0.05
    inlet, began, step = encoder.inlet, time.time(), 0
    optimiser = torch.optim.AdamW(inlet.parameters(), lr=2e-3)
    while (share := (time.time() - began) / (60 * minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * min(1, 1.01 - share)
        pick = torch.randint(len(frames), (512,))
        # Moonshine evens the loudness out by itself; the inlet has to learn that it does not matter
        gain = torch.rand(512, 1) * 6 - 4
        x = torch.logaddexp(frames[pick].float() + gain, torch.tensor(np.log(FLOOR), dtype=torch.float32))
        loss = (((inlet((x - mean) / scale) - answers[pick].float()) / spread) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        step += 1
        if step % 500 == 0:
            print(f"step {step}  {time.time() - began:.0f} s  loss {loss.item():.3f}  explained on unseen readers {explained(inlet, *held, mean, scale):.3f}", flush=True)
    encoder.mel_mean[:], encoder.mel_scale[:] = mean[:N_MELS], scale[:N_MELS]
    measure_outlets(encoder, rng)
    torch.save(encoder.state_dict(), WORK / "checkpoints" / "encoder.pt")


if __name__ == "__main__":
    main()
