"""Forced alignment in any language that espeak-ng spells, by the posteriors of a trained articulation network.

In: int16 samples at 16 kHz and a text. Out: [(start s, end s, class)] or None where text and sound do not agree. The network has met all
classes in synthetic speech of thirty languages; told what is said, it need only find when.
"""
import re

import numpy as np
import torch
from align import spell
from export import load
from features import log_mel
from phones import CLASS_ID, CLASS_VISEME, FRAME_RATE_HZ, VISEMES, split_and_merge
from prepare import LEVEL_RMS, active_rms

LOOK_AHEAD_INDEX, LOOK_AHEAD = 3, 5
MIN_AGREEMENT = 0.4


class NetworkAligner:
    def __init__(self, checkpoint, voice):
        self.net, self.voice, self.known = load(checkpoint)[0], voice, {}

    def prepare(self, texts):
        """Spell every word of the texts with one espeak-ng call."""
        words = sorted({w for text in texts for w in self._words(text)})
        self.known = {w: c for w, c in zip(words, spell(words, self.voice), strict=True) if c}

    @staticmethod
    def _words(text):
        return re.findall(r"[^\W\d_]+", text.lower())

    def align(self, samples, text):
        words = self._words(text)
        if re.search(r"[\d\[]", text) or not words or any(w not in self.known for w in words):
            return None
        sounds, pauses = ["sil"], [0]
        for word in words:
            sounds += [*self.known[word], "sil"]
            pauses.append(len(sounds) - 1)
        # a sound has two states, so that none is shorter than 40 ms; a pause has one and may be left out
        sound_of = np.array([i for i in range(len(sounds)) for _ in range(1 if i in pauses else 2)])
        ids = np.array([CLASS_ID[c] for c in sounds])[sound_of]
        probability, visemes = self._heard(samples)
        same_viseme = visemes[:, np.maximum(CLASS_VISEME[ids], 0)] * (CLASS_VISEME[ids] >= 0)
        path = best_path(np.log(probability[:, ids] + 0.5 * same_viseme + 0.01), np.isin(sound_of, pauses))
        if path is None or same_viseme[np.arange(len(path)), path].mean() < MIN_AGREEMENT:
            return None
        said = sound_of[path]
        edges = [0, *(np.flatnonzero(np.diff(said)) + 1), len(said)]
        return split_and_merge([(a / FRAME_RATE_HZ, b / FRAME_RATE_HZ, [sounds[said[a]]]) for a, b in zip(edges, edges[1:])])

    def _heard(self, samples):
        """Probabilities of classes and of visemes, 50 a second."""
        sound = samples.astype(np.float32) / 32768
        mel = log_mel(sound / active_rms(sound) * LEVEL_RMS)
        mel = mel[: len(mel) // 2 * 2]
        mel = np.concatenate([mel, np.repeat(mel[-4:].mean(0, keepdims=True), 2 * LOOK_AHEAD, 0)]).astype(np.float32)
        with torch.no_grad():
            logits = self.net(torch.from_numpy(mel)[None], torch.tensor([LOOK_AHEAD_INDEX]))[0][0, LOOK_AHEAD:]
        probability = torch.softmax(logits, -1).numpy()
        visemes = np.zeros((len(probability), len(VISEMES)), np.float32)
        for c, v in enumerate(CLASS_VISEME):
            if v >= 0:
                visemes[:, v] += probability[:, c]
        return probability, visemes


def best_path(score, is_pause):
    """Most likely state of every frame (Viterbi): stay, go on, or go on over a pause; begins and ends in a pause or beside one."""
    frames, states = score.shape
    best = np.full(states, -np.inf)
    best[:2] = score[0, :2]
    came = np.zeros((frames, states), np.int8)
    may_skip = np.zeros(states, bool)
    may_skip[2:] = is_pause[1:-1]
    for t in range(1, frames):
        options = np.full((3, states), -np.inf)
        options[0] = best
        options[1, 1:] = best[:-1]
        options[2, 2:] = np.where(may_skip[2:], best[:-2], -np.inf)
        came[t] = options.argmax(0)
        best = options.max(0) + score[t]
    state = int(states - 1 if best[-1] >= best[-2] else states - 2)
    if not np.isfinite(best[state]):
        return None
    path = np.empty(frames, np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = state
        state -= int(came[t, state])
    return path
