"""The articulation network: from log-mel to phone-class posteriors and nine articulatory curves, causally.

A stack of causal convolutions judges the mel frames, a small head what a recogniser's ear (encoder.py) makes of them; both together decide. The
meter has no ear: it shall not share this network's mistakes.

Two 10 ms mel frames make one 20 ms step. Output step i belongs to input step i - L, where the look-ahead L (2...5 steps) is an
input: 20 L + 10 ms from the middle of the judged frame. Beyond the longest, the ear may hear the whole of a sound before it says anything. All state is explicit (the last inputs of each convolution), so that the same
weights run offline over a whole file and streaming, many sessions in one batch.
"""
import torch
import torch.nn.functional as F
from encoder import HEARD_WIDTH, LAYERS, PAST_FRAMES, WIDTH, WINDOW, CausalEncoder
from features import N_MELS
from phones import N_CHANNELS, N_CLASSES
from torch import nn

LOOK_AHEAD_STEPS = (2, 3, 4, 5, 5)
WHOLE = 4  # index of the last one: 5 steps, and the ear knows the whole sound
KERNEL = 4


class Block(nn.Module):
    """Depthwise causal convolution, layer norm, gated pointwise pair, residual."""

    def __init__(self, width, dilation, dropout):
        super().__init__()
        self.dilation = dilation
        self.history = (KERNEL - 1) * dilation
        self.taps = nn.Parameter(torch.randn(KERNEL, width) * 0.3)
        self.bias = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width)
        self.open = nn.Linear(width, 2 * width)
        self.close = nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, past):
        """x: B T C; past: B history C. Returns the output and the next call's past."""
        steps = x.shape[1]
        z = torch.cat([past, x], 1)
        y = self.bias
        for k in range(KERNEL):  # shifted multiply-adds: a grouped Conv1d is eight times slower on a CPU
            y = y + z[:, k * self.dilation : k * self.dilation + steps] * self.taps[k]
        value, gate = self.open(self.norm(y)).chunk(2, -1)
        return x + self.dropout(self.close(value * torch.sigmoid(gate))), z[:, steps:]


class EarHead(nn.Module):
    """What the ear heard around the judged step, from three steps before it to two after, whatever the look-ahead."""

    STEPS, NARROW, WIDTH = 6, 192, 256
    WAITS = [steps - LOOK_AHEAD_STEPS[0] for steps in LOOK_AHEAD_STEPS]  # how much longer than the shortest each look-ahead waits
    PAST = STEPS - 1 + max(WAITS)

    def __init__(self):
        super().__init__()
        self.narrow = nn.Linear(HEARD_WIDTH, self.NARROW)
        self.judge = nn.Linear(self.STEPS * self.NARROW, self.WIDTH)
        self.look_ahead = nn.Embedding(len(LOOK_AHEAD_STEPS), self.WIDTH)
        self.norm = nn.LayerNorm(self.WIDTH)
        self.dropout = nn.Dropout(0.2)

    def forward(self, heard, look_ahead, past=None):
        """heard: B T 576; past: B 8 192, or nothing at the beginning of a stream. Returns B T 256 and the next past."""
        steps = heard.shape[1]
        y = F.silu(self.narrow(heard))
        z = torch.cat([y.new_zeros(len(y), self.PAST, self.NARROW) if past is None else past, y], 1)
        # one matrix judges for all look-aheads, so that each has to wait until the judged step is at the same place of its view
        view = 0
        for k, wait in enumerate(self.WAITS):
            first = max(self.WAITS) - wait
            view = view + look_ahead[:, k, None, None] * z[:, first : first + self.STEPS - 1 + steps]
        near = self.dropout(torch.cat([view[:, k : k + steps] for k in range(self.STEPS)], -1))
        return self.norm(F.silu(self.judge(near) + (look_ahead @ self.look_ahead.weight)[:, None])), z[:, steps:]


class ArticulationNet(nn.Module):
    def __init__(self, width=192, dilations=(1, 2, 4, 8, 1, 2, 4, 8), dropout=0.15, listens=False):
        """listens: with a recogniser's ear; only such a network can be told that it hears the whole."""
        super().__init__()
        self.width, self.dilations, self.listens = width, tuple(dilations), listens
        self.register_buffer("mel_mean", torch.zeros(N_MELS))
        self.register_buffer("mel_scale", torch.ones(N_MELS))
        self.inlet = nn.Linear(2 * N_MELS, width)
        self.look_ahead = nn.Embedding(len(LOOK_AHEAD_STEPS) if listens else WHOLE, width)
        self.inlet_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, d, dropout) for d in dilations])
        self.outlet_norm = nn.LayerNorm(width)
        self.hidden_width = width + (EarHead.WIDTH if listens else 0)
        self.classes = nn.Linear(self.hidden_width, N_CLASSES)
        self.curves = nn.Sequential(nn.Linear(self.hidden_width + N_CLASSES, 128), nn.SiLU(), nn.Linear(128, N_CHANNELS))
        if listens:
            self.encoder = CausalEncoder()
            self.ear_head = EarHead()

    def state_shapes(self):
        """What a stream has to remember, in the order of its one flat state."""
        ear = [(PAST_FRAMES, N_MELS), (LAYERS, WINDOW, 2 * WIDTH), (EarHead.PAST, EarHead.NARROW)] if self.listens else []
        return [*((b.history, self.width) for b in self.blocks), *ear]

    def hidden(self, mel, look_ahead, mel_share=None, past=None):
        """mel: B 2T 80; look_ahead: B x 5 (of a network without ear 4), one-hot; mel_share: B, how much the convolutions may say (training);
        past: one tensor for each of `state_shapes`, or nothing at the beginning of a stream.

        Returns the last layer B T hidden_width (the convolutions' part, then the ear's) and the next past.
        """
        batch = mel.shape[0]
        x = self.inlet(((mel - self.mel_mean) / self.mel_scale).reshape(batch, -1, 2 * N_MELS))
        x = self.inlet_norm(x + (look_ahead @ self.look_ahead.weight)[:, None])
        following = []
        for k, block in enumerate(self.blocks):
            x, after = block(x, x.new_zeros(batch, block.history, self.width) if past is None else past[k])
            following.append(after)
        x = self.outlet_norm(x)
        if not self.listens:
            return x, following
        if mel_share is not None:
            x = x * mel_share[:, None, None]
        past_mel, past_ear, past_head = past[len(self.blocks) :] if past else (None, None, None)
        heard, *after = self.encoder(mel, look_ahead[:, WHOLE], past_mel, past_ear)
        judged, after_head = self.ear_head(heard, look_ahead, past_head)
        return torch.cat([x, judged], -1), [*following, *after, after_head]

    def answers(self, x):
        """Class logits B T 42 and curves B T 9 in 0...1 of the last layer."""
        logits = self.classes(x)
        return logits, torch.sigmoid(self.curves(torch.cat([x, F.softmax(logits, -1)], -1)))

    def forward(self, mel, look_ahead):
        """A whole sound: mel B 2T 80, look_ahead B integers (index into LOOK_AHEAD_STEPS). Returns class logits and curves."""
        chosen = F.one_hot(look_ahead, self.look_ahead.num_embeddings).to(mel.dtype)
        return self.answers(self.hidden(mel, chosen)[0])

