"""LibriSpeech excerpts come without texts: recognise them with the product's own English recogniser, Moonshine tiny.

In: DATA/speech/librispeech/*.opus, models/moonshine-tiny-en-*.onnx, the tokens of `npm ci`. Out: WORK/librispeech-hypotheses.json
{name: text}; resumable. Seven words in a hundred differ from corrected texts, some only in spelling. Texts with figures in them are left out: nobody knows how they were read.
"""
import base64
import json
import re
import sys

import numpy as np
import onnxruntime
from audio_io import DATA, REPO, WORK, read_audio

LAYERS, HEADS, HEAD_SIZE = 6, 8, 36
START, END, WORDS = 1, 2, 32000
MAX_TOKENS_PER_S = 6.5


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(REPO / "models" / f"{name}.onnx"), options, providers=["CPUExecutionProvider"])


class Recogniser:
    def __init__(self):
        self.encoder, self.decoder = session("moonshine-tiny-en-encoder"), session("moonshine-tiny-en-decoder")
        self.outputs = [o.name for o in self.decoder.get_outputs()]
        source = (REPO / "node_modules" / "llama-tokenizer-js" / "llama-tokenizer.js").read_text()
        vocabulary = re.search(r'llama_vocab_base64 = "([^"]+)"', source).group(1)
        self.tokens = base64.b64decode(vocabulary).decode().split("\n")

    def __call__(self, samples):
        """int16 at 16 kHz, at most half a minute, to (text, mean log probability of a token); one most likely token after another."""
        sound = samples.astype(np.float32)[None] / 32768
        heard = self.encoder.run(None, {"input_values": sound})[0]
        memory = {
            f"past_key_values.{layer}.{part}.{kind}": np.zeros((0, HEADS, 1, HEAD_SIZE), np.float32)
            for layer in range(LAYERS) for part in ("decoder", "encoder") for kind in ("key", "value")
        }  # fmt: skip
        said, total, token = [], 0.0, START
        for step in range(int(MAX_TOKENS_PER_S * len(samples) / 16000) + 1):
            feeds = {"input_ids": np.array([[token]], np.int64), "encoder_hidden_states": heard, "use_cache_branch": np.array([step > 0])}
            out = dict(zip(self.outputs, self.decoder.run(None, memory | feeds), strict=True))
            logits = out["logits"][0, -1].astype(np.float64)
            token = int(logits.argmax())
            total -= float(np.log(np.exp(logits - logits[token]).sum()))
            if token == END:
                break
            if token < WORDS:
                said.append(self.tokens[token])
            memory = {
                name: out[name.replace("past_key_values", "present")] if step == 0 or ".decoder." in name else before for name, before in memory.items()
            }
        return "".join(said).replace("\u2581", " ").strip(), total / (len(said) + 1)


def main():
    WORK.mkdir(parents=True, exist_ok=True)
    out = WORK / "librispeech-hypotheses.json"
    done = json.loads(out.read_text()) if out.exists() else {}
    recogniser = Recogniser()
    files = sorted((DATA / "speech" / "librispeech").glob("*.opus"))
    for i, path in enumerate(files):
        if path.stem in done:
            continue
        text, confidence = recogniser(read_audio(path))
        done[path.stem] = "" if re.search(r"[0-9<]", text) or confidence < -0.5 else text
        if i % 25 == 24 or i + 1 == len(files):
            out.write_text(json.dumps(done, indent=0))
            print(f"recognised {i + 1}/{len(files)}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
