"""Sentences to be spoken by synthesisers, all free: the CC0 sets' own texts, random words of Debian's word lists, and syllables.

`next_sentence(language)` never runs dry and depends only on the seed. Random words cover a language's sound sequences better than
a few sentences would; for scripts without a word list, syllables are strung together from the script itself.
"""
import random
import re

from audio_io import DATA

_WORD_LIST = {
    "it": "italian", "fr": "french", "es": "spanish", "pl": "polish", "pt": "portuguese", "pt-br": "brazilian", "nl": "dutch", "sv": "swedish",
    "da": "danish", "ca": "catalan", "bg": "bulgarian", "uk": "ukrainian", "nb": "bokmaal", "eo": "esperanto", "de": "ngerman",
}  # fmt: skip
_INDIC = {  # consonants, vowel signs, independent vowels
    "hi": ("कखगघचछजझटठडढतथदधनपफबभमयरलवशसह", ["", "ा", "ि", "ी", "ु", "ू", "े", "ै", "ो", "ौ", "ं"], "अआइईउऊएऐओऔ"),
    "mr": ("कखगघचजझटठडढणतथदधनपफबभमयरलवशसहळ", ["", "ा", "ि", "ी", "ु", "ू", "े", "ो"], "अआइउएओ"),
    "te": ("కగచజటడణతదనపబమయరలవశసహళ", ["", "ా", "ి", "ీ", "ు", "ూ", "ె", "ే", "ొ", "ో"], "అఆఇఉఎఒ"),
}
_KANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわがぎぐげござじずぜぞだでどばびぶべぼぱぴぷぺぽ"
_PINYIN = (
    "b p m f d t n l g k h j q x zh ch sh r z c s y w".split(),
    "a o e i u ai ei ao ou an en ang eng ong ia ie iao iu ian in iang ing ua uo ui uan un uang".split(),
)
_SYLLABLES = {  # onsets, nuclei, codas for languages whose spelling is close to speech
    "fi": ("p t k m n l r s h v j pp tt kk mm nn ll".split(), "a e i o u aa ee ii oo uu ai ei ui ie uo".split(), ["", "", "", "n", "s", "t", "l"]),
    "cs": ("p b t d k g m n l r s z v f h c š ž č ř j pr st kl".split(), "a e i o u á é í ou".split(), ["", "", "n", "m", "k", "l", "t", "s"]),
    "tr": ("p b t d k g m n l r s z v f h ç ş c y".split(), "a e ı i o ö u ü".split(), ["", "", "n", "m", "k", "l", "r", "t"]),
    "id": ("p b t d k g m n l r s h j c w y ng ny".split(), "a e i o u ai au".split(), ["", "", "n", "m", "ng", "k", "h", "t"]),
    "sw": ("p b t d k g m n l r s z v f h j ch sh mb nd ng w y".split(), "a e i o u".split(), [""]),
    "hu": ("p b t d k g m n l r s sz z zs v f h cs gy ny j".split(), "a á e é i í o ó ö ő u ú ü ű".split(), ["", "", "n", "m", "k", "l", "r", "t", "b"]),
    "ro": ("p b t d c g m n l r s ș z v f h j ț".split(), "a ă â e i o u ea oa".split(), ["", "", "n", "m", "l", "r", "t", "p"]),
    "vi": ("b m ph v t đ n l x s ch nh k g ng h".split(), "a ă â e ê i o ô ơ u ư ai ao".split(), ["", "m", "n", "ng", "p", "t"]),
    "el": ("π μπ τ ντ κ γκ μ ν λ ρ σ ζ φ β θ δ χ γ".split(), "α ε ι ο ου αι".split(), ["", "", "ν", "ς"]),
    "ar": ("ب م ف ت د ك ق ن ل ر س ز ش ث ذ ح ه و ي ج".split(), "َ ِ ُ ا ي و".split(), ["", "", "ن", "م"]),
    "ko": ("가 나 다 라 마 바 사 아 자 차 카 타 파 하 고 노 도 로 모 보 소 오 조 포 호 구 누 두 무 부 수 우 기 니 미 비 시 이 피".split(), [""], [""]),
    "fa": ("ب م پ ف ت د ک گ ن ل ر س ز ش چ ج خ و ی".split(), "َ ِ ُ ا ی و".split(), ["", "ن", "م"]),
}
LANGUAGES = ["en", *_WORD_LIST, *_INDIC, "ja", "cmn", *_SYLLABLES]


class Texts:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.cache = {}

    def _lines(self, language):
        if language in self.cache:
            return self.cache[language]
        if language == "en":
            meta = DATA / "speech" / "kathleen-en" / "metadata.csv"
            lines = sorted({line.split("|", 1)[1] for line in meta.read_text().splitlines()})
        elif language == "de":
            meta = DATA / "speech" / "kerstin-de" / "metadata.csv"
            lines = sorted({line.split("|", 1)[1] for line in meta.read_text().splitlines()})
        else:
            with open(f"/usr/share/dict/{_WORD_LIST[language]}", encoding="utf8", errors="ignore") as f:
                words = [w.strip() for w in f]
            lines = [w for w in words[:: max(1, len(words) // 40000)] if re.fullmatch(r"\w{2,11}", w)]
        self.cache[language] = lines
        return lines

    def next_sentence(self, language):
        r = self.random
        if language in ("en", "de"):
            return r.choice(self._lines(language))
        n = r.randint(4, 9)
        if language in _WORD_LIST:
            words = [r.choice(self._lines(language)) for _ in range(n)]
        elif language in _INDIC:
            consonants, signs, vowels = _INDIC[language]
            words = [
                (r.choice(vowels) if r.random() < 0.2 else "") + "".join(r.choice(consonants) + r.choice(signs) for _ in range(r.randint(1, 3)))
                for _ in range(n)
            ]
        elif language == "ja":
            words = ["".join(r.choice(_KANA) for _ in range(r.randint(2, 5))) for _ in range(n)]
        elif language == "cmn":
            words = [r.choice(_PINYIN[0]) + r.choice(_PINYIN[1]) + str(r.randint(1, 4)) for _ in range(n + 4)]
        else:
            onset, nucleus, coda = _SYLLABLES[language]
            words = ["".join(r.choice(onset) + r.choice(nucleus) + r.choice(coda) for _ in range(r.randint(1, 3))) for _ in range(n)]
        if n > 6 and r.random() < 0.5:
            words[n // 2] += ","
        return " ".join(words) + r.choice([".", ".", ".", "?", "!"])
