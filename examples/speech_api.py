"""Speaks through the face of a running call: python3 examples/speech_api.py SERVER TICKET voice.wav|"Some text"
The call page shows SERVER and TICKET under "Connect a program". Prints how much was played, once it has been."""
import json
import sys
import urllib.error
import urllib.request
import wave

if len(sys.argv) != 4:
    sys.exit('Usage: python3 examples/speech_api.py SERVER TICKET voice.wav|"Some text"')
server, ticket, what = sys.argv[1:4]
if what.endswith(".wav"):
    with wave.open(what) as sound:  # 16-bit PCM
        body = sound.readframes(sound.getnframes())
        kind = f"audio/pcm;rate={sound.getframerate()};channels={sound.getnchannels()}"
else:
    body, kind = json.dumps({"text": what}).encode(), "application/json"
headers = {"content-type": kind, "authorization": f"Bearer {ticket}"}
request = urllib.request.Request(f"{server.rstrip('/')}/api/speech", data=body, headers=headers)
try:
    with urllib.request.urlopen(request) as answer:
        print(json.load(answer))
except urllib.error.HTTPError as refusal:
    sys.exit(refusal.read().decode())
