"""Forced alignment of 16 kHz speech to its text with pocketsphinx and its US English acoustic model.

In: int16 samples and a text. Out: [(start s, end s, class)] or None where the text does not fit the sound. German goes through
the same English model: espeak-ng spells each word in IPA, and every German sound takes its nearest English one for finding
*when* it is said; *what* is said keeps the German class (y stays y, although the aligner listened for an English u).
"""
import re
import subprocess

from phones import ARPABET, CLASS_ID, ipa_classes, split_and_merge
from pocketsphinx import Decoder

STEP_S = 0.01
# class to the English phone that stands in for it while aligning
_STAND_IN = {
    "h": "HH", "p": "P", "b": "B", "m": "M", "f": "F", "v": "V", "T": "TH", "D": "DH", "t": "T", "d": "D", "k": "K", "g": "G", "N": "NG",
    "S": "SH", "tS": "CH", "s": "S", "z": "Z", "n": "N", "l": "L", "r": "R", "rr": "R", "R": "HH", "j": "Y", "w": "W", "i": "IY", "I": "IH",
    "e": "EY", "E": "EH", "ae": "AE", "a": "AA", "A": "AA", "V": "AH", "@": "AH", "3": "ER", "O": "AO", "o": "OW", "u": "UW", "U": "UH",
    "y": "UW", "oe": "ER", "M": "IH",
}  # fmt: skip


def _run(decoder, raw):
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()


def _align(decoder, samples, words):
    raw = samples.tobytes()
    try:
        decoder.set_align_text(" ".join(words))
        _run(decoder, raw)
        if decoder.hyp() is None:  # asked only after the word pass: after the phone pass the library crashes on it
            return None
        decoder.set_alignment()
        _run(decoder, raw)
        return decoder.get_alignment()
    except RuntimeError:
        return None


class EnglishAligner:
    def __init__(self, **beams):
        """beams: pocketsphinx's beam, pbeam, wbeam; wider ones align accents and long sentences too, slowly."""
        self.decoder = Decoder(lm=None, samprate=16000, loglevel="FATAL", **beams)

    def align(self, samples, text):
        words = [w.strip("'") for w in re.sub(r"[^a-z' ]", " ", text.lower().replace("-", " ")).split()]
        words = [w for w in words if w]
        if not words:
            return None
        for word in words:
            if self.decoder.lookup_word(word) is None and not self._spell(word):
                return None
        alignment = _align(self.decoder, samples, words)
        if alignment is None:
            return None
        labelled = []
        for word in alignment:
            for phone in word:
                start, end = phone.start * STEP_S, (phone.start + phone.duration) * STEP_S
                labelled.append((start, end, ARPABET.get(phone.name.lower(), ["sil"])))
        return split_and_merge(labelled)

    def _spell(self, word):
        """A word that the dictionary lacks gets espeak-ng's pronunciation."""
        classes = spell([word], "en-us")[0]
        if classes:
            self.decoder.add_word(word, " ".join(_STAND_IN[c] for c in classes), True)
        return bool(classes)


def spell(words, voice):
    """Classes of each word as espeak-ng says it; none where it switches language."""
    command = ["espeak-ng", "-v", voice, "-q", "--ipa", "--sep=_"]
    out = subprocess.run(command, input="\n".join(words), capture_output=True, text=True, check=True).stdout.splitlines()
    if len(out) != len(words):
        raise RuntimeError(f"espeak-ng answered {len(out)} lines for {len(words)} words")
    return [[c for phoneme in re.split(r"[_ ]+", ipa) for c in ipa_classes(phoneme)] if "(" not in ipa else [] for ipa in out]


class GermanAligner:
    def __init__(self):
        self.decoder = Decoder(lm=None, samprate=16000, loglevel="FATAL")
        self.known = {}

    def prepare(self, texts):
        """Spell every word of the texts with one espeak-ng call."""
        words = sorted({w for text in texts for w in self._words(text)} - set(self.known))
        for word, classes in zip(words, spell(words, "de"), strict=True):
            if not classes:
                continue
            self.known[word] = classes
            self.decoder.add_word(f"de.{word}", " ".join(_STAND_IN[c] for c in classes), False)

    @staticmethod
    def _words(text):
        return re.findall(r"[a-zäöüß]+", text.lower())

    def align(self, samples, text):
        words = self._words(text)
        if re.search(r"\d", text) or not words or any(w not in self.known for w in words):
            return None
        alignment = _align(self.decoder, samples, [f"de.{w}" for w in words])
        if alignment is None:
            return None
        segments = []
        for word in alignment:
            classes = self.known.get(re.sub(r"\(\d+\)$", "", word.name).removeprefix("de."))
            for i, phone in enumerate(word):
                cls = classes[i] if classes else "sil"
                segments.append((phone.start * STEP_S, (phone.start + phone.duration) * STEP_S, [cls]))
        return split_and_merge(segments)


assert set(_STAND_IN) | {"sil"} == set(CLASS_ID)
