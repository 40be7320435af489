"""Synthetic speech with exact phone times: espeak-ng (many languages), flite and festival (voices made from real recordings).

In: texts.py. Out: WORK/sets/{espeak,flite,festival}.npz and, with other texts and other voices' settings, `*-meter.npz` for the
meter model. espeak-ng marks a stop at its burst; the closure before it was counted to the sound before, and is moved back here.
"""
import ctypes as C
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr
from audio_io import WORK
from phones import ARPABET, ipa_classes, split_and_merge
from speech_set import save_set
from texts import LANGUAGES, Texts

STOPS = {"p", "b", "t", "d", "k", "g", "tS"}


class _EventId(C.Union):
    _fields_ = [("number", C.c_int), ("name", C.c_char_p), ("string", C.c_char * 8)]


class _Event(C.Structure):
    _fields_ = [
        ("type", C.c_int), ("unique_identifier", C.c_uint), ("text_position", C.c_int), ("length", C.c_int),
        ("audio_position", C.c_int), ("sample", C.c_int), ("user_data", C.c_void_p), ("id", _EventId),
    ]  # fmt: skip


class Espeak:
    """libespeak-ng through its C interface, synchronous, with one IPA event per phoneme."""

    PHONEME_EVENT = 7

    def __init__(self):
        self.lib = C.CDLL("libespeak-ng.so.1")
        self.rate_hz = self.lib.espeak_Initialize(2, 0, None, 1 | 2)
        self.chunks, self.events = [], []
        prototype = C.CFUNCTYPE(C.c_int, C.POINTER(C.c_short), C.c_int, C.POINTER(_Event))
        self._keep = prototype(self._on_audio)
        self.lib.espeak_SetSynthCallback(self._keep)

    def _on_audio(self, wave, n, events):
        if wave and n > 0:
            self.chunks.append(np.ctypeslib.as_array(wave, (n,)).copy())
        i = 0
        while events[i].type != 0:
            if events[i].type == self.PHONEME_EVENT:
                self.events.append((events[i].sample / self.rate_hz, events[i].id.string.decode("utf8", "replace")))
            i += 1
        return 0

    def speak(self, text, voice, rate, pitch, pitch_range):
        """(float samples at rate_hz, [(start s, IPA)]) or None where the voice is unknown."""
        self.chunks.clear()
        self.events.clear()
        if self.lib.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        for parameter, value in ((1, rate), (3, pitch), (4, pitch_range)):
            self.lib.espeak_SetParameter(parameter, int(value), 0)
        raw = text.encode()
        self.lib.espeak_Synth(raw, len(raw) + 1, 0, 0, 0, 1, None, None)
        self.lib.espeak_Synchronize()
        if not self.chunks:
            return None
        return np.concatenate(self.chunks).astype(np.float32) / 32768, list(self.events)


def closure_start(power_db, hop_s, burst_s):
    """Start of the silent run (at most 90 ms) before a stop's burst."""
    i = int(burst_s / hop_s) - 1
    steps = 0
    while i > 0 and power_db[i] < -70 and steps < int(0.09 / hop_s):
        i, steps = i - 1, steps + 1
    if steps >= int(0.09 / hop_s):
        return max(0.0, burst_s - 0.07)  # a pause, not a closure
    return (i + 1) * hop_s if steps else burst_s


def espeak_segments(wave, rate_hz, events):
    hop = int(0.004 * rate_hz)
    power = np.array([np.mean(wave[i : i + hop] ** 2) for i in range(0, len(wave) - hop, hop)])
    power_db = 10 * np.log10(power + 1e-9)
    starts = []
    for start, name in events:
        if "(" in name:  # language switch marker
            continue
        classes = ["sil"] if name.strip() in ("", "_") or name.startswith("_") else ipa_classes(name)
        if classes and classes[0] in STOPS:
            start = closure_start(power_db, hop / rate_hz, start)
        starts.append((start, classes))
    if not starts:
        return None
    ends = [s for s, _ in starts[1:]] + [len(wave) / rate_hz]
    labelled = [(0.0, starts[0][0], ["sil"])] if starts[0][0] > 0 else []
    return split_and_merge(labelled + [(s, e, c) for (s, c), e in zip(starts, ends, strict=True)])


_VARIANTS = (
    " +f1 +f2 +f3 +f4 +f5 +m1 +m2 +m3 +m4 +m5 +m6 +m7 +m8 +klatt +klatt2 +klatt3 +klatt4 +klatt6 +Alex +Alicia +Andrea +Andy +Annie +Denis "
    "+Diogo +Gene +Henrique +Hugo +Jacky +Lee +Mario +Michael +Mike +adam +anika +antonio +aunty +belinda +benjamin +boris +caleb +croak "
    "+david +ed +edward +grandma +grandpa +iven +john +linda +marcelo +max +michel +miguel +pablo +paul +pedro +quincy +rob +robert +sandro "
    "+shelby +steph +travis +victor +zac +whisper"
).split(" ")  # fmt: skip
_ENGLISH = ["en-us", "en-us", "en", "en-gb-x-rp", "en-gb-scotland", "en-029"]


def to_item(name, wave, rate_hz, segments):
    if rate_hz != 16000:
        wave = soxr.resample(wave, rate_hz, 16000)
    return {"name": name, "audio": (np.clip(wave, -1, 1) * 32767).astype(np.int16), "segments": segments}


def espeak_set(out, seed, minutes):
    engine, texts, rng = Espeak(), Texts(seed), np.random.default_rng(seed)
    items, seconds = [], 0.0
    while seconds < minutes * 60:
        language = "en" if rng.random() < 0.15 else LANGUAGES[rng.integers(len(LANGUAGES))]
        voice = {"en": _ENGLISH[rng.integers(len(_ENGLISH))], "cmn": "cmn-latn-pinyin", "es": ["es", "es-419"][rng.integers(2)]}.get(language, language)
        style = (rng.normal(170, 28), float(np.clip(rng.normal(48, 20), 5, 95)), rng.uniform(20, 90))
        spoken = engine.speak(texts.next_sentence(language), voice + _VARIANTS[rng.integers(len(_VARIANTS))], *style)
        if spoken is None:
            print(f"espeak-ng has no voice {voice}", file=sys.stderr)
            continue
        wave, events = spoken
        segments = espeak_segments(wave, engine.rate_hz, events)
        length = len(wave) / engine.rate_hz
        if segments is None or not 0.6 < length < 14:
            continue
        items.append(to_item(f"espeak/{voice}", wave, engine.rate_hz, segments))
        seconds += length
    save_set(out, items)


def flite_set(out, seed, minutes):
    texts, rng = Texts(seed), np.random.default_rng(seed)
    pitch_hz = {"slt": 175, "rms": 100, "awb": 125, "kal16": 110}
    items, seconds = [], 0.0
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "a.wav"
        while seconds < minutes * 60:
            voice = ["slt", "rms", "awb", "rms", "awb", "kal16"][rng.integers(6)]
            pitch = pitch_hz[voice] * rng.uniform(0.75, 1.35)
            settings = {"duration_stretch": rng.uniform(0.8, 1.25), "int_f0_target_mean": pitch, "int_f0_target_stddev": pitch * rng.uniform(0.06, 0.2)}
            flags = [x for k, v in settings.items() for x in ("--setf", f"{k}={v:.2f}")]
            command = ["flite", "-voice", voice, *flags, "-psdur", "-t", texts.next_sentence("en"), "-o", str(wav)]
            text = subprocess.run(command, capture_output=True, text=True, timeout=30).stdout
            start, labelled = 0.0, []
            for item in text.split():
                phone, _, end = item.rpartition(":")
                if phone:
                    labelled.append((start, float(end), ARPABET.get(phone, ["@"])))
                    start = float(end)
            if not labelled:
                continue
            wave, rate_hz = soundfile.read(wav, dtype="float32")
            items.append(to_item(f"flite/{voice}", wave, rate_hz, split_and_merge(labelled)))
            seconds += len(wave) / rate_hz
    save_set(out, items)


# phones of festival's voices by family, where they are not ARPABET's
_SAMPA = {
    "a": "a", "a1": "a", "a:": "a", "e": "e", "e1": "e", "e:": "e", "E": "E", "E1": "E", "i": "i", "i1": "i", "i:": "i", "o": "o", "o1": "o", "o:": "o",
    "O": "O", "O1": "O", "u": "u", "u1": "u", "u:": "u", "y": "y", "y:": "y", "ax": "@", "b": "b", "d": "d", "f": "f", "g": "g", "h": "h", "j": "j",
    "k": "k", "l": "l", "m": "m", "n": "n", "p": "p", "r": "rr", "s": "s", "t": "t", "v": "v", "w": "w", "z": "z", "S": "S", "Z": "S", "tS": "tS", "dZ": "tS",
    "ts": "s", "dz": "z", "J": "n", "L": "l", "N": "N", "x": "R", "X": "R", "B": "b", "D": "D", "G": "g", "c": "t", "ch": "R", "c~": "tS", "d~": "d", "dz~": "tS",
    "n~": "n", "r~": "S", "s~": "S", "t~": "t", "z~": "S", "rr": "rr", "nn": "n", "mm": "m", "pp": "p", "bb": "b", "tt": "t", "dd": "d", "kk": "k", "gg": "g",
    "ff": "f", "vv": "v", "ss": "s", "zz": "z", "SS": "S", "ll": "l", "LL": "l", "JJ": "n", "ttS": "tS", "ddZ": "tS", "tts": "s", "ddz": "z", "#": "sil",
    "pau": "sil", "_": "sil", "A": "A", "oe": "oe", "9": "oe", "2": "oe", "ng": "N", "nf": "v", "ae": "ae",
}  # fmt: skip
_INDIC = {
    "a": "V", "aa": "a", "i": "I", "ih": "I", "oh": "o", "iy": "i", "ii": "i", "u": "U", "uh": "U", "uw": "u", "uu": "u", "e": "e", "eh": "e", "ee": "e", "ay": "E", "ai": "E",
    "o": "o", "oo": "o", "ow": "o", "au": "O", "aw": "O", "ao": "O", "k": "k", "kh": "k", "g": "g", "gh": "g", "c": "tS", "ch": "tS", "chh": "tS", "j": "tS",
    "jh": "tS", "T": "t", "Th": "t", "D": "d", "Dh": "d", "t": "t", "th": "t", "d": "d", "dh": "d", "tt": "t", "tth": "t", "dd": "d", "ddh": "d", "n": "n",
    "N": "n", "nn": "n", "ng": "N", "nj": "n", "p": "p", "ph": "p", "b": "b", "bh": "b", "m": "m", "y": "j", "r": "rr", "l": "l", "ll": "l", "L": "l", "v": "v",
    "w": "v", "sh": "S", "shh": "S", "s": "s", "h": "h", "f": "f", "z": "z", "pau": "sil", "#": "sil", "q": "k",
}  # fmt: skip
FESTIVAL = {  # voice: language of its texts, encoding, phone map, share
    "kal_diphone": ("en", "ascii", None, 1), "ked_diphone": ("en", "ascii", None, 1), "cmu_us_slt_arctic_hts": ("en", "ascii", None, 1),
    "pc_diphone": ("it", "latin-1", _SAMPA, 2), "lp_diphone": ("it", "latin-1", _SAMPA, 2), "upc_ca_ona_hts": ("ca", "latin-1", _SAMPA, 1.5),
    "czech_dita": ("cs", "iso-8859-2", _SAMPA, 1), "czech_machac": ("cs", "iso-8859-2", _SAMPA, 1), "czech_ph": ("cs", "iso-8859-2", _SAMPA, 1),
    "suo_fi_lj_diphone": ("fi", "latin-1", _SAMPA, 1), "hy_fi_mv_diphone": ("fi", "latin-1", _SAMPA, 1),
    "hindi_NSK_diphone": ("hi", "utf8", _INDIC, 1), "marathi_NSK_diphone": ("mr", "utf8", _INDIC, 1), "telugu_NSK_diphone": ("te", "utf8", _INDIC, 1),
}  # fmt: skip


def festival_set(out, seed, minutes):
    texts, rng = Texts(seed), np.random.default_rng(seed)
    share = sum(s for *_, s in FESTIVAL.values())
    items, unknown = [], {}
    for voice, (language, encoding, phones, part) in FESTIVAL.items():
        wanted, seconds = minutes * 60 * part / share, 0.0
        batches = 0
        while seconds < wanted and batches < 12:
            batches += 1
            with tempfile.TemporaryDirectory() as folder:
                script = [f"(voice_{voice})"]
                for i in range(30):
                    text = texts.next_sentence(language).replace('"', "").replace("\\", "")
                    script.append(
                        f'(Parameter.set \'Duration_Stretch {rng.uniform(0.8, 1.2):.2f})(set! utt (SynthText "{text}"))'
                        f"(utt.save.wave utt \"{folder}/{i}.wav\" 'riff)(set! fp (fopen \"{folder}/{i}.seg\" \"w\"))"
                        "(mapcar (lambda (s) (format fp \"%s %f\\n\" (item.name s) (item.feat s 'end))) (utt.relation.items utt 'Segment))(fclose fp)"
                    )
                scm = Path(folder) / "say.scm"
                scm.write_bytes("\n".join(script).encode(encoding, "ignore"))
                subprocess.run(["festival", "-b", str(scm)], capture_output=True, timeout=300, check=False)
                for i in range(30):
                    wav, seg = Path(folder) / f"{i}.wav", Path(folder) / f"{i}.seg"
                    if not wav.exists() or not seg.exists():
                        continue
                    start, labelled = 0.0, []
                    for line in seg.read_text(errors="ignore").splitlines():
                        phone, _, end = line.partition(" ")
                        plain = phone.rstrip("*").removesuffix(":")  # lengthened, devoiced
                        classes = ARPABET.get(phone) if phones is None else [phones[plain]] if plain in phones else None
                        if classes is None:
                            unknown[f"{voice}:{phone}"] = unknown.get(f"{voice}:{phone}", 0) + 1
                            classes = ["@"]
                        labelled.append((start, float(end), classes))
                        start = float(end)
                    wave, rate_hz = soundfile.read(wav, dtype="float32")
                    if not labelled or not 0.6 < len(wave) / rate_hz < 20:
                        continue
                    items.append(to_item(f"festival/{voice}", wave, rate_hz, split_and_merge(labelled)))
                    seconds += len(wave) / rate_hz
        print(f"{voice}: {seconds / 60:.1f} min", file=sys.stderr, flush=True)
    if unknown:
        print("phones without a class, taken as @:", unknown, file=sys.stderr)
    save_set(out, items)


MAKERS = {"espeak": (espeak_set, 100), "flite": (flite_set, 50), "festival": (festival_set, 75)}


def main(wanted):
    for name in wanted:
        kind, _, part = name.partition("-")
        make, minutes = MAKERS[kind]
        make(WORK / "sets" / f"{name}.npz", seed=2 if part == "meter" else 1, minutes=minutes * (0.4 if part == "meter" else 1))


if __name__ == "__main__":
    main(sys.argv[1:] or ["espeak", "flite", "festival"])
