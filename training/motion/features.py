"""Log-mel features of 16 kHz speech: 80 bands, a frame every 10 ms, each frame ending at its own last sample (causal).

`src/engine/motion/speech-features.ts` computes the same numbers in the product; a golden file written by `write_golden.py`
holds both to 1e-4.
"""
import numpy as np

SAMPLE_RATE_HZ = 16000
HOP, WINDOW, FFT = 160, 400, 512
N_MELS, LOW_HZ, HIGH_HZ = 80, 50.0, 7600.0
FLOOR = 1e-5  # added to the power before the logarithm


def mel_filters():
    """80 x 257 triangles, equally spaced on the HTK mel scale, peak 1."""

    def to_mel(f):
        return 2595 * np.log10(1 + f / 700)

    mels = np.linspace(to_mel(LOW_HZ), to_mel(HIGH_HZ), N_MELS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.fft.rfftfreq(FFT, 1 / SAMPLE_RATE_HZ)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.maximum(np.minimum(rising, falling), 0).astype(np.float32)


FILTERS = mel_filters()
HANN = np.hanning(WINDOW + 1)[:-1].astype(np.float32)


def log_mel(samples):
    """float samples in [-1, 1] to n x 80; frame i covers samples 160 i - 240 ... 160 i + 159 (zeros before the start)."""
    padded = np.concatenate([np.zeros(WINDOW - HOP, np.float32), samples.astype(np.float32)])
    n = (len(padded) - WINDOW) // HOP + 1
    if n <= 0:
        return np.zeros((0, N_MELS), np.float32)
    step = padded.strides[0]
    frames = np.lib.stride_tricks.as_strided(padded, (n, WINDOW), (step * HOP, step)) * HANN
    spectrum = np.fft.rfft(frames, FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.log(power @ FILTERS.T + FLOOR)
