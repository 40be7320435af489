// Sound from services, whatever they send: recognised by its bytes, of its own length and loudness, never as noise.
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { EmbeddedSynthesizer } from '../../src/agent/embedded-synthesizer.ts';
import { NoiseGuard } from '../../src/media/noise-guard.ts';
import { ProgramPcm } from '../../src/media/program-pcm.ts';
import { soundKind } from '../../src/media/sound-kind.ts';
import { SoundStream } from '../../src/media/sound-stream.ts';
import { pcm16 } from '../../src/media/wav-file.ts';
import { type Packing, packedSound } from '../support/packed-sounds.ts';
import { random } from '../support/random.ts';

const RATE_HZ = 24_000;
const RAW = { sampleRateHz: RATE_HZ, channels: 1 };

const tone = (seconds: number, rateHz = RATE_HZ, peak = 0.4): Float32Array =>
  Float32Array.from({ length: seconds * rateHz }, (_, i) => peak * Math.sin((2 * Math.PI * 300 * i) / rateHz));

function noise(bytes: number, seed = 1): Buffer {
  const next = random(seed);
  return Buffer.from(Uint8Array.from({ length: bytes }, () => Math.floor(next() * 256)));
}

async function spoken(voice: string): Promise<Float32Array> {
  const samples: number[] = [];
  await using synthesizer = new EmbeddedSynthesizer(voice);
  for await (const chunk of synthesizer.synthesize('Good morning, and welcome to the museum.'))
    samples.push(...chunk.samples);
  return Float32Array.from(samples);
}

interface Heard {
  seconds: number;
  peak: number;
  samples: Float32Array;
}

async function hear(bytes: Buffer, { label = '', pieceBytes = 4096, raw = RAW } = {}): Promise<Heard> {
  const stream = new SoundStream(raw, label);
  const parts: number[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes)
    for (const sample of stream.push(bytes.subarray(at, at + pieceBytes))) parts.push(sample);
  for (const sample of await stream.flush()) parts.push(sample);
  const peak = parts.reduce((most, sample) => Math.max(most, Math.abs(sample)), 0);
  return { seconds: parts.length / 48_000, peak, samples: Float32Array.from(parts) };
}

const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16();

function chunk(id: string, data: Buffer, size = data.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(id, 0, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, data, Buffer.alloc(data.length % 2)]);
}

function format({ kind = 1, channels = 1, rateHz = RATE_HZ, bits = 16, extensible = false } = {}): Buffer {
  const fields = Buffer.alloc(extensible ? 40 : 16);
  fields.writeUInt16LE(extensible ? 0xfffe : kind, 0);
  fields.writeUInt16LE(channels, 2);
  fields.writeUInt32LE(rateHz, 4);
  fields.writeUInt32LE((rateHz * channels * bits) / 8, 8);
  fields.writeUInt16LE((channels * bits) / 8, 12);
  fields.writeUInt16LE(bits, 14);
  if (extensible) {
    fields.writeUInt16LE(22, 16);
    fields.writeUInt16LE(kind, 24);
  }
  return chunk('fmt ', fields);
}

function wav(chunks: Buffer[], { id = 'RIFF', size = 0 } = {}): Buffer {
  const body = Buffer.concat(chunks);
  const head = Buffer.from(`${id}....WAVE`, 'latin1');
  head.writeUInt32LE(size || body.length + 4, 4);
  return Buffer.concat([head, body]);
}

const PACKINGS: (Packing & { name: string; label?: string })[] = [
  {
    ...{ encoder: 'libmp3lame', container: 'mp3', samples: 's16 planar', options: { id3v2_version: '0' } },
    name: 'MP3',
    label: 'application/octet-stream',
  },
  { encoder: 'libmp3lame', container: 'mp3', samples: 's16 planar', name: 'MP3', label: 'audio/mp3' },
  { encoder: 'aac', container: 'adts', name: 'AAC', label: 'audio/pcm' },
  { encoder: 'aac', container: 'latm', name: 'AAC' },
  { encoder: 'aac', container: 'ipod', name: 'M4A or MP4', label: 'audio/pcm;rate=24000' },
  {
    ...{ encoder: 'aac', container: 'mp4', options: { movflags: '+frag_keyframe+empty_moov' } },
    name: 'M4A or MP4',
  },
  { encoder: 'aac', container: 'mpegts', name: 'MPEG-TS' },
  { encoder: 'libopus', container: 'webm', sampleRateHz: 48_000, samples: 'floats', name: 'WebM or Matroska' },
  { encoder: 'libopus', container: 'ogg', sampleRateHz: 48_000, samples: 'floats', name: 'Ogg' },
  { encoder: 'libvorbis', container: 'ogg', name: 'Ogg' },
  { encoder: 'flac', container: 'flac', samples: 's16', name: 'FLAC' },
  { encoder: 'pcm_s16be', container: 'aiff', samples: 's16', name: 'AIFF' },
  { encoder: 'pcm_s16be', container: 'au', samples: 's16', name: 'AU' },
  { encoder: 'pcm_s16le', container: 'caf', samples: 's16', name: 'CAF' },
  { encoder: 'pcm_s16le', container: 'w64', samples: 's16', name: 'W64' },
  { encoder: 'wmav2', container: 'asf', name: 'WMA' },
  { encoder: 'ac3', container: 'ac3', sampleRateHz: 32_000, name: 'AC-3' },
];

describe('packed sound', () => {
  it.each(PACKINGS)(
    'is recognised by its bytes and decoded: $encoder in $container',
    async ({ name, label, ...packing }) => {
      const bytes = await packedSound(tone(0.8, packing.sampleRateHz ?? RATE_HZ), packing);
      expect(bytes).toBeDefined();
      expect(soundKind(bytes!, true)).toMatchObject({ kind: 'packed', name });
      for (const pieceBytes of [bytes!.length, 41]) {
        const { seconds, peak } = await hear(bytes!, { pieceBytes, ...(label ? { label } : {}) });
        expect(seconds).toBeGreaterThan(0.7);
        expect(seconds).toBeLessThan(0.95);
        expect(peak).toBeGreaterThan(0.3);
        expect(peak).toBeLessThan(0.7);
      }
    },
  );

  it.each(PACKINGS.filter(({ name, container }) => (name === 'MP3' || name === 'AAC') && container !== 'latm'))(
    'is heard before it is complete, and not otherwise than whole: $encoder in $container',
    async ({ name: _, label: __, ...packing }) => {
      const bytes = (await packedSound(tone(2), packing))!;
      using stream = new SoundStream(RAW);
      const parts: Float32Array[] = [];
      for (let at = 0; at < bytes.length / 2; at += 100) parts.push(stream.push(bytes.subarray(at, at + 100)));
      const early = parts.reduce((sum, { length }) => sum + length, 0);
      expect(early / 48_000).toBeGreaterThan(0.5);
      const { seconds } = await hear(bytes, { pieceBytes: 333 });
      expect(Math.abs(seconds - 2)).toBeLessThan(0.15);
    },
  );

  describe('behind other bytes', () => {
    const packing = (container: string): Packing => PACKINGS.find((each) => each.container === container)!;
    const [MP3, AAC, FLAC, OGG] = [PACKINGS[0]!, packing('adts'), packing('flac'), packing('ogg')];
    const id3 = (size: number, flags = 0): Buffer =>
      Buffer.concat([
        Buffer.from('ID3\x04\0'),
        Buffer.from([flags, 0, size >> 14, (size >> 7) & 127, size & 127]),
        Buffer.from('TIT2'),
        noise(size - 4 + (flags ? 10 : 0), 5),
      ]);
    const ape = (size: number): Buffer => {
      const head = Buffer.alloc(32);
      head.write('APETAGEX');
      head.writeUInt32LE(2000, 8);
      head.writeUInt32LE(size, 12);
      head.writeUInt32LE(1, 16);
      head.writeUInt32LE(0xa000_0000, 20);
      return Buffer.concat([head, noise(size, 6)]);
    };

    it.each<[string, Packing, Buffer]>([
      ['MP3 behind an ID3 tag', MP3, id3(300)],
      ['MP3 behind an ID3 tag with a footer', MP3, id3(300, 0x10)],
      ['MP3 behind an ID3 tag with a picture', MP3, id3(200_000)],
      ['MP3 behind two ID3 tags', MP3, Buffer.concat([id3(40), id3(2000)])],
      ['MP3 behind an ID3 tag and zeros', MP3, Buffer.concat([id3(300), Buffer.alloc(700)])],
      ['MP3 behind an APE tag', MP3, ape(500)],
      ['MP3 behind both', MP3, Buffer.concat([ape(500), id3(60), Buffer.alloc(3)])],
      ['MP3 behind zeros', MP3, Buffer.alloc(3000)],
      ['MP3 behind junk', MP3, noise(400, 7)],
      ['MP3 behind zeros and junk', MP3, Buffer.concat([Buffer.alloc(100), noise(200, 8)])],
      ['MP3 behind the end of another frame', MP3, Buffer.alloc(150, 0xaa)],
      ['AAC behind an ID3 tag', AAC, id3(300)],
      ['AAC behind an APE tag', AAC, ape(300)],
      ['AAC behind junk', AAC, noise(333, 9)],
      ['FLAC behind an ID3 tag', FLAC, id3(900)],
      ['FLAC behind an APE tag', FLAC, ape(900)],
      ['Ogg behind an ID3 tag', OGG, id3(100)],
    ])('it is found: %s', async (_, packing, before) => {
      const { sampleRateHz = RATE_HZ } = packing;
      const name = PACKINGS.find((each) => each === packing)!.name;
      const bytes = Buffer.concat([before, (await packedSound(tone(0.8, sampleRateHz), packing))!]);
      expect(soundKind(bytes, true)).toMatchObject({ kind: 'packed', name });
      for (const pieceBytes of [bytes.length, 4096, 41]) {
        const { seconds, peak } = await hear(bytes, { pieceBytes });
        expect(seconds).toBeGreaterThan(0.7);
        expect(seconds).toBeLessThan(0.95);
        expect(peak).toBeGreaterThan(0.3);
        expect(peak).toBeLessThan(0.7);
      }
    });

    it('WAV is found behind a tag', async () => {
      const bytes = Buffer.concat([id3(300), wav([format(), chunk('data', pcm16(tone(0.5)))])]);
      expect(soundKind(bytes, true)).toMatchObject({ kind: 'wav' });
      expect((await hear(bytes, { pieceBytes: 100 })).seconds).toBeCloseTo(0.5, 2);
    });

    it('noise, silence and speech are not taken for it', async () => {
      const speech = pcm16(await spoken('en-us'));
      for (let seed = 1; seed <= 60; seed++) {
        expect(soundKind(noise(64 * 1024, seed), true)).toEqual({ kind: 'unmarked' });
        expect(soundKind(Buffer.concat([Buffer.alloc(seed * 20), noise(64 * 1024, seed)]), true)).toEqual({
          kind: 'unmarked',
        });
        const quiet = pcm16(tone(0.5).map((sample, i) => (sample * ((i * seed) % 7)) / 2000));
        expect(soundKind(quiet, true)).toEqual({ kind: 'unmarked' });
        expect(soundKind(speech.subarray(200 * seed), false)).toEqual({ kind: 'unmarked' });
      }
      await expect(hear(noise(64 * 1024))).rejects.toThrow(/noise/);
      for (let value = 0; value < 256; value++)
        expect(soundKind(Buffer.alloc(4000, value), false)?.kind).not.toBe('packed');
    });

    it('two frames that do not fit each other are none', async () => {
      const bytes = (await packedSound(tone(0.8), MP3))!;
      const first = soundKind(bytes, true);
      expect(first).toMatchObject({ name: 'MP3' });
      const next = bytes.indexOf(bytes.subarray(0, 2), 4);
      bytes[next + 2]! ^= 0x0c;
      expect(soundKind(bytes.subarray(0, next + 20), true)).toEqual({ kind: 'unmarked' });
    });
  });

  it('goes on behind damage', async () => {
    const bytes = (await packedSound(tone(2), PACKINGS[0]))!;
    bytes.set(noise(500), 4000);
    expect((await hear(bytes)).seconds).toBeGreaterThan(1.7);
  });

  it.each([
    ['AMR', Buffer.concat([Buffer.from('#!AMR\n'), Buffer.alloc(4000, 0xfc)])],
    ['Ogg', Buffer.concat([Buffer.from('OggS'), noise(4000)])],
    ['M4A or MP4', Buffer.concat([Buffer.from('\0\0\0\x20ftypM4A '), noise(4000)])],
    ['SILK', Buffer.from('\x02#!SILK_V3 and so on')],
    ['gzip', Buffer.concat([Buffer.from([0x1f, 0x8b, 8]), noise(400)])],
    ['RIFF AVI', Buffer.from('RIFF\0\0\0\0AVI LIST')],
    ['JSON.*out of credit', Buffer.from('{"error": {"message": "You are out of credit."}}')],
    ['JSON', Buffer.from('\ufeff  [ ]')],
    ['HTML', Buffer.from('<!DOCTYPE html><html><body>It works!</body></html>')],
    ['XML', Buffer.from('<?xml version="1.0"?><Error/>')],
    ['text.*Too many requests', Buffer.from('Too many requests')],
    ['text', Buffer.from('données indisponibles, réessayez plus tard')],
    ['noise', noise(48_000)],
    ['noise', noise(2048)],
  ])('that cannot be decoded, or is no sound, is refused by name: %s', async (name, bytes) => {
    await expect(hear(bytes)).rejects.toMatchObject({
      code: 'AUDIO_INVALID',
      message: expect.stringMatching(new RegExp(name)),
    });
  });

  it('opens nothing but the bytes it was given', async () => {
    await expect(hear(Buffer.from('#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n'))).rejects.toMatchObject({
      code: 'AUDIO_INVALID',
    });
  });
});

describe('raw PCM', () => {
  it.each([
    ['audio/pcm;rate=16000', 16_000, 1],
    ['audio/L16; rate="44100"; channels=2', 44_100, 2],
    ['audio/pcm; sample_rate=22050', 22_050, 1],
    ['audio/x-raw, format=S16LE, rate=(int)32000, channels=(int)1', 32_000, 1],
    ['application/octet-stream', RATE_HZ, 1],
    ['', RATE_HZ, 1],
  ])('has the rate of its label: %s', async (label, rateHz, channels) => {
    const mono = tone(0.5, rateHz);
    const samples = channels === 1 ? mono : Float32Array.from({ length: 2 * mono.length }, (_, i) => mono[i >> 1]);
    const { seconds, peak } = await hear(pcm16(samples), { label });
    expect(seconds).toBeCloseTo(0.5, 3);
    expect(peak).toBeCloseTo(0.4, 1);
  });

  it.each([
    ['audio/L16;rate=24000', false],
    ['audio/L16;rate=24000', true],
    ['audio/L16;codec=pcm;rate=24000', false],
    ['audio/pcm', true],
    ['', true],
  ])('has its bytes in the order in which they are sound: %s, network order %s', async (label, isBig) => {
    const silence = Buffer.alloc(9000);
    const bytes = Buffer.concat([silence, pcm16(tone(0.5)), silence]);
    const { peak, seconds } = await hear(isBig ? swapped(bytes) : bytes, { label, pieceBytes: 601 });
    expect(peak).toBeCloseTo(0.4, 1);
    expect(seconds).toBeCloseTo(0.5 + 9000 / RATE_HZ, 3);
  });

  it('may be of a telephone', async () => {
    // µ-law of ±0.5 at 8 kHz.
    const bytes = Buffer.from(Array.from({ length: 4000 }, (_, i) => (Math.floor(i / 8) % 2 ? 0x8f : 0x0f)));
    const { seconds, peak } = await hear(bytes, { label: 'audio/basic' });
    expect(seconds).toBeCloseTo(0.5, 3);
    expect(peak).toBeGreaterThan(0.45);
  });

  it.each([
    ['audio/L8;rate=24000', 1, (view: DataView, at: number, v: number) => view.setUint8(at, 128 + Math.round(v * 127))],
    ['audio/pcm;bits=8', 1, (view: DataView, at: number, v: number) => view.setUint8(at, 128 + Math.round(v * 127))],
    [
      'audio/L24;rate=24000',
      3,
      (view: DataView, at: number, v: number) => {
        view.setInt16(at, Math.round(v * 32_767), false);
      },
    ],
    ['audio/x-float;rate=24000', 4, (view: DataView, at: number, v: number) => view.setFloat32(at, v, true)],
  ] as const)('has the samples of its label: %s', async (label, bytesEach, write) => {
    const samples = tone(0.5);
    const bytes = Buffer.alloc(samples.length * bytesEach);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    samples.forEach((sample, i) => void write(view, i * bytesEach, sample));
    const { seconds, peak } = await hear(bytes, { label, pieceBytes: 601 });
    expect(seconds).toBeCloseTo(0.5, 2);
    expect(peak).toBeCloseTo(0.4, 1);
  });

  it('is passed on as it comes, and loses only an unfinished sample', async () => {
    const stream = new SoundStream(RAW, 'audio/pcm');
    const first = stream.push(pcm16(tone(0.1)));
    expect(first.length / 48_000).toBeGreaterThan(0.05);
    const { seconds } = await hear(Buffer.concat([pcm16(tone(0.5)), Buffer.from([7])]));
    expect(seconds).toBeCloseTo(0.5, 3);
  });

  it('that begins like a packed file is still PCM', async () => {
    // −1 and −1025: the bytes of an MP3 frame's mark.
    const bytes = pcm16(tone(0.5));
    bytes.set([0xff, 0xfb, 0x90, 0x00, 0xff, 0xf1]);
    expect((await hear(bytes)).seconds).toBeCloseTo(0.5, 3);
  });

  it('sounds the same however it was cut', async () => {
    const bytes = pcm16(tone(0.1));
    const whole = await hear(bytes);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 5000 }), async (pieceBytes) => {
        expect((await hear(bytes, { pieceBytes })).samples).toEqual(whole.samples);
      }),
      { numRuns: 30 },
    );
  });
});

describe('a WAV file', () => {
  const data = pcm16(tone(0.5, RATE_HZ, 0.02));
  const junk = noise(501);

  it.each([
    ['chunks after the sound', wav([format(), chunk('data', data), chunk('LIST', junk), chunk('C2PA', junk)])],
    ['chunks before the sound', wav([chunk('JUNK', junk), format(), chunk('LIST', junk), chunk('data', data)])],
    [
      'bytes behind it that are no chunk',
      Buffer.concat([wav([format(), chunk('data', data)]), Buffer.from([1, 2, 255])]),
    ],
    [
      'an odd size without padding',
      Buffer.concat([
        wav([format()]),
        chunk('data', Buffer.concat([data, Buffer.from([9])])).subarray(0, -1),
        chunk('LIST', junk),
      ]),
    ],
    ['a size of 0', Buffer.concat([wav([format()]), chunk('data', data, 0)])],
    ['a size of -1', Buffer.concat([wav([format()], { size: 0xffff_ffff }), chunk('data', data, 0xffff_ffff)])],
    [
      'a size of -1, and notes behind it',
      wav([format(), chunk('data', data, 0xffff_ffff), chunk('LIST', Buffer.concat([Buffer.from('INFO'), junk]))]),
    ],
    [
      'a size of -1, in pieces that each have a header',
      Buffer.concat(
        [data.subarray(0, data.length / 2), data.subarray(data.length / 2)].map((half) =>
          wav([format(), chunk('data', half, 0xffff_ffff)], { size: 0xffff_ffff }),
        ),
      ),
    ],
    ['a size beyond the end', wav([format(), chunk('data', data, 0x7fff_0000)])],
    ['the extensible format', wav([format({ extensible: true }), chunk('data', data)])],
    ['a stray byte at the end', Buffer.concat([wav([format()]), chunk('data', data, 0), Buffer.from([5])])],
    [
      'RF64 with its size in another chunk',
      wav(
        [
          chunk('ds64', Buffer.from(new BigUint64Array([0n, BigInt(data.length), 0n, 0n]).buffer).subarray(0, 28)),
          format(),
          chunk('data', data, 0xffff_ffff),
          chunk('LIST', junk),
        ],
        { id: 'RF64' },
      ),
    ],
  ])('is as long and as loud as its data: %s', async (_, bytes) => {
    for (const pieceBytes of [bytes.length, 61]) {
      const { seconds, peak } = await hear(bytes, { pieceBytes });
      expect(seconds).toBeCloseTo(0.5, 3);
      expect(peak).toBeCloseTo(0.02, 2);
    }
  });

  it.each<[string, Parameters<typeof format>[0] & object, (sample: number) => number[]]>([
    ['8 bits', { bits: 8 }, (s) => [Math.round(128 + s * 127)]],
    ['24 bits', { bits: 24 }, (s) => [...i32(s * 2 ** 31).subarray(1)]],
    ['32 bits', { bits: 32 }, (s) => [...i32(s * 2 ** 31)]],
    ['floats', { kind: 3, bits: 32 }, (s) => [...new Uint8Array(new Float32Array([s]).buffer)]],
    ['doubles', { kind: 3, bits: 64, extensible: true }, (s) => [...new Uint8Array(new Float64Array([s]).buffer)]],
    ['two channels', { channels: 2 }, (s) => [...pcm16(new Float32Array([s, s]))]],
    ['six channels', { channels: 6 }, (s) => [...pcm16(new Float32Array([s, s, s, s, s, s]))]],
  ])('may have samples of any kind: %s', async (_, layout, bytesOf) => {
    const bytes = wav([
      format(layout),
      chunk('data', Buffer.from([...tone(0.2)].flatMap(bytesOf))),
      chunk('LIST', junk),
    ]);
    const { seconds, peak } = await hear(bytes);
    expect(seconds).toBeCloseTo(0.2, 2);
    expect(peak).toBeGreaterThan(0.35);
    expect(peak).toBeLessThan(0.45);
  });

  it.each<[string, number[]]>([
    ['no numbers', [Number.NaN]],
    ['endless ones', [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
    ['beyond a float', [1e300, 1e300, 1e300, -1e300, -1e300]],
    ['the largest float', [3.4e38, -3.4e38]],
    ['too small for a float', [5e-324, -1e-310]],
    ['just over full scale', [1.0000001, -1.01]],
    ['a square wave at full scale', [1, 1, 1, 1, 1, -1, -1, -1, -1, -1]],
  ])('gives samples within full scale, whatever its own are: %s', async (_, values) => {
    for (const bits of [32, 64])
      for (const channels of [1, 2])
        for (const rateHz of [8000, 22_050, 44_100, 48_000, 96_000]) {
          const data = Buffer.alloc((2000 * channels * bits) / 8);
          for (let i = 0; i < 2000 * channels; i++) {
            // Sound before and behind the values.
            const value = i > 600 && i < 1400 ? values[i % values.length]! : 0.4 * Math.sin(i / 20);
            if (bits === 32) data.writeFloatLE(Math.fround(value), 4 * i);
            else data.writeDoubleLE(value, 8 * i);
          }
          const { samples } = await hear(wav([format({ kind: 3, bits, channels, rateHz }), chunk('data', data)]));
          expect(samples.length).toBeGreaterThan(900);
          expect(samples.filter((sample) => !(Math.abs(sample) <= 1))).toEqual(new Float32Array(0));
        }
  });

  it('in a form of several parts is refused by its name', async () => {
    const bytes = Buffer.concat([
      Buffer.from('--boundary\r\nContent-Type: audio/wav\r\n\r\n'),
      wav([format(), chunk('data', data)]),
      Buffer.from('\r\n--boundary--\r\n'),
    ]);
    await expect(hear(bytes, { label: 'multipart/mixed; boundary=boundary' })).rejects.toThrow(/multipart/);
  });

  it('with noise in place of sound is refused', async () => {
    await expect(hear(wav([format(), chunk('data', noise(40_000))]))).rejects.toThrow(/noise/);
  });

  it('may be packed inside', async () => {
    const bytes = await packedSound(tone(0.5), { encoder: 'adpcm_ima_wav', container: 'wav', samples: 's16 planar' });
    const { seconds, peak } = await hear(bytes!);
    expect(seconds).toBeGreaterThan(0.45);
    expect(peak).toBeCloseTo(0.4, 1);
  });

  it('may follow another one', async () => {
    const one = wav([format(), chunk('data', data), chunk('LIST', junk)]);
    expect((await hear(Buffer.concat([one, one]), { pieceBytes: 100 })).seconds).toBeCloseTo(1, 2);
  });

  it.each([
    ['no sound', wav([format(), chunk('LIST', junk)])],
    ['no format', wav([chunk('data', data)])],
    ['a header cut short', wav([format()]).subarray(0, 20)],
    ['an empty data chunk', wav([format(), chunk('data', Buffer.alloc(0), 0)])],
  ])('with %s is refused', async (_, bytes) => {
    await expect(hear(bytes)).rejects.toMatchObject({ code: 'AUDIO_INVALID' });
  });

  it('never makes more of any bytes than they are, nor ends the process', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(
          fc.record({
            id: fc.constantFrom('fmt ', 'data', 'LIST', 'RIFF', 'ds64', '\0\0\0\0', 'zzzz'),
            data: fc.uint8Array({ maxLength: 200 }),
            size: fc.option(fc.constantFrom(0, 1, 7, 0xffff_ffff, 0x8000_0000)),
          }),
          { maxLength: 6 },
        ),
        fc.integer({ min: 1, max: 100 }),
        async (chunks, pieceBytes) => {
          const body = chunks.map(({ id, data, size }) => chunk(id, Buffer.from(data), size ?? data.length));
          const bytes = wav([format(), ...body]);
          const heard = await hear(bytes, { pieceBytes }).catch((error) => error);
          if (heard instanceof Error) expect(heard).toMatchObject({ code: 'AUDIO_INVALID' });
          else expect(heard.seconds).toBeLessThanOrEqual(bytes.length / 8000);
        },
      ),
      { numRuns: 200 },
    );
  });
});

function i32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.round(value))));
  return bytes;
}

describe('the guard against noise', () => {
  const voices = new EmbeddedSynthesizer();
  afterAll(() => voices[Symbol.asyncDispose]());

  it.each(['en-us', 'flite:slt', 'de'])('lets speech pass, shouted and clipped, whole: %s', async (voice) => {
    const text = 'She sells sea shells; sixty-six thistles! Psst, psst. Shh! Zzz. Which fish? Tschüss.';
    for (const gain of [1, 4, 12]) {
      for await (const { samples, sampleRateHz } of voices.synthesize(text, { voice })) {
        const loud = samples.map((sample) => Math.max(-1, Math.min(1, gain * sample)));
        const { seconds } = await hear(pcm16(loud), { raw: { sampleRateHz: Math.round(sampleRateHz), channels: 1 } });
        expect(seconds).toBeCloseTo(loud.length / sampleRateHz, 2);
      }
    }
  });

  it.each(['u8', 'f32le'] as const)('is not needed for speech in samples of another kind: %s', async (encoding) => {
    for (const voice of ['en-us', 'flite:slt'])
      for await (const { samples, sampleRateHz } of voices.synthesize('She sells sea shells, and it is nine.', {
        voice,
      })) {
        const bytes =
          encoding === 'u8'
            ? Buffer.from(Uint8Array.from(samples, (sample) => 128 + Math.round(sample * 127)))
            : Buffer.from(Float32Array.from(samples).buffer);
        const { seconds, peak } = await hear(bytes, { raw: { sampleRateHz: Math.round(sampleRateHz), channels: 1 } });
        expect(seconds).toBeCloseTo(samples.length / sampleRateHz, 2);
        expect(peak).toBeLessThan(1.2 * Math.max(...samples.map(Math.abs)) + 0.02);
      }
  });

  it('refuses noise in the middle of an answer before much of it sounds', () => {
    const guard = new NoiseGuard(48_000);
    let count = guard.push(tone(1, 48_000)).length;
    const next = random(3);
    const loud = Float32Array.from({ length: 48_000 }, () => 2 * next() - 1);
    expect(() => {
      for (let at = 0; at < loud.length; at += 480) count += guard.push(loud.subarray(at, at + 480)).length;
    }).toThrow(/noise/);
    expect(count).toBeLessThan(48_000 + 2048);
  });
});

describe('PCM from a program', () => {
  const push = (bytes: Buffer) => {
    const pcm = new ProgramPcm(RAW);
    return [...pcm.push(bytes), ...pcm.flush()].length;
  };

  it('is taken as it is, and a file in its place is refused by name', async () => {
    expect(push(pcm16(tone(0.5)))).toBe(24_000);
    expect(() => push(wav([format(), chunk('data', pcm16(tone(0.5)))]))).toThrow(/is a WAV file/);
    const mp3 = await packedSound(tone(0.5), { encoder: 'libmp3lame', container: 'mp3', samples: 's16 planar' });
    expect(() => push(mp3!)).toThrow(/MP3, not raw 16-bit PCM/);
    expect(() => push(noise(20_000))).toThrow(/noise/);
    expect(() => push(Buffer.from('{"audio": "no"}'))).toThrow(/JSON/);
    expect(() => push(Buffer.concat([pcm16(tone(0.5)), Buffer.from([1])]))).toThrow(/inside a sample/);
  });
});
