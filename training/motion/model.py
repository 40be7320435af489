"""The articulation network: a causal convolutional net from log-mel to phone-class posteriors and nine articulatory curves.

Two 10 ms mel frames make one 20 ms step. Output step i belongs to input step i - L, where the look-ahead L (2...5 steps) is an
input: 20 L + 10 ms from the middle of the judged frame. All state is explicit (the last inputs of each convolution), so that the same
weights run offline over a whole file and streaming, many sessions in one batch.
"""
import torch
import torch.nn.functional as F
from features import N_MELS
from phones import N_CHANNELS, N_CLASSES
from torch import nn

LOOK_AHEAD_STEPS = (2, 3, 4, 5)
KERNEL = 4


class Block(nn.Module):
    """Depthwise causal convolution, layer norm, gated pointwise pair, residual."""

    def __init__(self, width, inner, dilation, dropout):
        super().__init__()
        self.dilation = dilation
        self.history = (KERNEL - 1) * dilation
        self.taps = nn.Parameter(torch.randn(KERNEL, width) * 0.3)
        self.bias = nn.Parameter(torch.zeros(width))
        self.norm = nn.LayerNorm(width)
        self.open = nn.Linear(width, 2 * inner)
        self.close = nn.Linear(inner, width)
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


class ArticulationNet(nn.Module):
    def __init__(self, width=192, dilations=(1, 2, 4, 8, 1, 2, 4, 8), dropout=0.15, inner=None):
        """inner: width between a block's two pointwise layers; the stream's state does not grow with it."""
        super().__init__()
        self.width, self.dilations, self.inner = width, tuple(dilations), inner or width
        self.register_buffer("mel_mean", torch.zeros(N_MELS))
        self.register_buffer("mel_scale", torch.ones(N_MELS))
        self.inlet = nn.Linear(2 * N_MELS, width)
        self.look_ahead = nn.Embedding(len(LOOK_AHEAD_STEPS), width)
        self.inlet_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList([Block(width, self.inner, d, dropout) for d in dilations])
        self.outlet_norm = nn.LayerNorm(width)
        self.classes = nn.Linear(width, N_CLASSES)
        self.curves = nn.Sequential(nn.Linear(width + N_CLASSES, 128), nn.SiLU(), nn.Linear(128, N_CHANNELS))

    def history_shapes(self):
        return [(b.history, self.width) for b in self.blocks]

    def forward(self, mel, look_ahead, *past):
        """mel: B 2T 80; look_ahead: B integers (index into LOOK_AHEAD_STEPS); past: one tensor a block, or nothing for silence.

        Returns class logits B T 42, curves B T 9 in 0...1, and the next past.
        """
        batch = mel.shape[0]
        x = ((mel - self.mel_mean) / self.mel_scale).reshape(batch, -1, 2 * N_MELS)
        x = self.inlet_norm(self.inlet(x) + self.look_ahead(look_ahead)[:, None])
        if not past:
            past = [x.new_zeros(batch, *shape) for shape in self.history_shapes()]
        following = []
        for block, before in zip(self.blocks, past):
            x, after = block(x, before)
            following.append(after)
        x = self.outlet_norm(x)
        logits = self.classes(x)
        curves = torch.sigmoid(self.curves(torch.cat([x, F.softmax(logits, -1)], -1)))
        return logits, curves, *following


def grown(state, inner):
    """The weights of a network as those of one with wider blocks that computes the same: new units have no say yet."""
    out = {}
    for key, value in state.items():
        if key.endswith(("open.weight", "open.bias")):
            halves = []
            for half in value.chunk(2):
                extra = (inner - len(half), *half.shape[1:])
                halves.append(torch.cat([half, torch.randn(extra) * half.std()]))
            value = torch.cat(halves)
        elif key.endswith("close.weight"):
            value = torch.cat([value, torch.zeros(len(value), inner - value.shape[1])], 1)
        out[key] = value
    return out
