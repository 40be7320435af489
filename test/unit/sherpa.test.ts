// Local neural voices and recognisers through sherpa-onnx: the ports' suites on tiny models that it loads like real ones, and voices that are
// installed whole or not at all.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { findRecognizerModel, findVoiceModel } from '../../src/agent/sherpa-models.ts';
import { SherpaProcess } from '../../src/agent/sherpa-process.ts';
import { SherpaRecognizer } from '../../src/agent/sherpa-recognizer.ts';
import { SherpaSynthesizer } from '../../src/agent/sherpa-synthesizer.ts';
import { type InstallRequest, installedVoices, installVoice, removeVoice } from '../../src/agent/voice-store.ts';
import { runCli } from '../../src/cli/program.ts';
import { MockProvider, until } from '../support/mock-provider.ts';
import { describeSynthesizer } from '../support/synthesizer-conformance.ts';

const models = join(dirname(fileURLToPath(import.meta.url)), '..', 'support', 'sherpa-models');
const scratch = mkdtempSync(join(tmpdir(), 'visavis-sherpa-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const isInstalled = (() => {
  try {
    createRequire(import.meta.url).resolve('sherpa-onnx-node');
    return true;
  } catch {
    return false;
  }
})();

function store(name: string): string {
  const dir = join(scratch, name);
  mkdirSync(dir);
  return dir;
}

const withVoice = store('one-voice');
cpSync(join(models, 'en_US-tones'), join(withVoice, 'en_US-tones'), { recursive: true });

describe.skipIf(!isInstalled)('sherpa-onnx', () => {
  const synthesizer = new SherpaSynthesizer({ voice: '', voiceDir: withVoice });
  const recognizer = new SherpaRecognizer({ modelDir: join(models, 'nemo-tones'), language: 'en' });
  afterAll(async () => {
    await synthesizer[Symbol.asyncDispose]();
    await recognizer[Symbol.asyncDispose]();
  });

  describeSynthesizer(
    'an installed voice',
    async () => ({
      synthesizer: Object.assign(Object.create(synthesizer), {
        // Shared by the suite's tests.
        [Symbol.asyncDispose]: async () => {},
        voices: () => synthesizer.voices(),
        synthesize: (...given: Parameters<SherpaSynthesizer['synthesize']>) => synthesizer.synthesize(...given),
        check: () => synthesizer.check(),
      }),
      workUnderWay: () => 0,
      [Symbol.asyncDispose]: async () => {},
    }),
    { hasService: false },
  );

  const lengthOf = async (options: Parameters<SherpaSynthesizer['synthesize']>[1]): Promise<number> => {
    let length = 0;
    for await (const { samples, sampleRateHz } of synthesizer.synthesize('hello you', options))
      length += samples.length / sampleRateHz;
    return length;
  };

  it('speaks faster when asked to', async () => {
    expect((await lengthOf({ ratePercent: 200 })) / (await lengthOf({}))).toBeCloseTo(0.5, 1);
  });

  it('names the speakers that a voice has', async () => {
    await expect(lengthOf({ voice: 'en_US-tones#7' })).rejects.toMatchObject({
      code: 'VOICE_UNKNOWN',
      message: /0 to 0, not 7/,
    });
  });

  it('lets go of a text at once when it is aborted while a sentence is being made', async () => {
    const abort = new AbortController();
    const speech = synthesizer.synthesize('hello. '.repeat(50), { signal: abort.signal })[Symbol.asyncIterator]();
    const first = speech.next();
    abort.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
  });

  const tone = (hz: number, seconds: number): Float32Array =>
    Float32Array.from({ length: seconds * 16_000 }, (_, i) => 0.3 * Math.sin((2 * Math.PI * hz * i) / 16_000));

  it('understands words while they are spoken, several callers side by side', async () => {
    const quiet = tone(0, 0.5);
    const hear = async (
      first: Float32Array[],
      isUnderstood: (partials: string[]) => boolean,
      then: Float32Array[] = [],
    ) => {
      const partials: string[] = [];
      const hearing = recognizer.open({
        signal: new AbortController().signal,
        onPartial: ({ text }) => partials.push(text),
      });
      for (const sound of first) for (let i = 0; i < sound.length; i += 320) hearing.push(sound.subarray(i, i + 320));
      await until(() => isUnderstood(partials), 'something is understood');
      for (const sound of then) hearing.push(sound);
      return await hearing.finish();
    };
    const [both, one, none] = await Promise.all([
      hear([quiet, tone(500, 0.5), quiet], (partials) => partials.includes('good'), [tone(3000, 0.5)]),
      hear([quiet, tone(3000, 0.5), quiet], (partials) => partials.includes('morning')),
      hear([quiet, quiet], () => true),
    ]);
    expect(both).toEqual({ text: 'good morning', language: 'en' });
    expect(one).toEqual({ text: 'morning', language: 'en' });
    expect(none).toEqual({ text: '' });
  });

  it('forgets an utterance that is given up, and hears nothing in nothing', async () => {
    const abort = new AbortController();
    const hearing = recognizer.open({ signal: abort.signal });
    hearing.push(tone(500, 0.5));
    const transcript = hearing.finish();
    abort.abort(new Error('a cough'));
    await expect(transcript).rejects.toThrow('a cough');
    expect(await recognizer.open({ signal: new AbortController().signal }).finish()).toEqual({ text: '' });
    expect(await recognizer.check()).toMatchObject({ isOk: true });
  });

  it('survives a model that ends its process, and says which', async () => {
    const dir = store('broken');
    cpSync(join(models, 'en_US-tones'), join(dir, 'bad'), { recursive: true });
    cpSync(join(models, 'nemo-tones', 'model.onnx'), join(dir, 'bad', 'model.onnx'));
    cpSync(join(models, 'en_US-tones'), join(dir, 'good'), { recursive: true });
    await using both = new SherpaSynthesizer({ voice: 'bad', voiceDir: dir });
    const speak = async (voice: string) => {
      for await (const _ of both.synthesize('hello', { voice }));
    };
    await expect(speak('bad')).rejects.toMatchObject({
      code: 'TTS_UNAVAILABLE',
      message: expect.stringContaining('bad'),
    });
    await speak('good');
    expect(await both.check()).toMatchObject({ isOk: false, remedy: expect.any(String) });
  });

  it('speaks the texts of films, with lips that follow the sound', async () => {
    const out = join(scratch, 'spoken.jsonl');
    vi.stubEnv('VISAVIS__TTS', JSON.stringify({ kind: 'sherpa', voiceDir: withVoice }));
    vi.spyOn(console, 'log').mockImplementation(() => {});
    expect(await runCli(['render', '--motion-only', '--motion-out', out, '--text', 'Hello you. Good bye.'])).toBe(0);
    vi.unstubAllEnvs();
    vi.restoreAllMocks();
    const frames = readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    // 20 characters of 60 ms, and the rests before and after.
    expect(frames.length / 25).toBeGreaterThan(1.5);
    expect(Math.max(...frames.map(({ blendshapes }) => blendshapes?.jawOpen ?? 0))).toBeGreaterThan(0.05);
  });

  it.runIf(process.platform === 'linux')('sees none of our secrets', async () => {
    process.env.VISAVIS_TEST_SECRET = 'hidden';
    await using sherpa = new SherpaProcess();
    await sherpa.ask({ kind: 'forget', utterance: 1 });
    const children = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid));
    const seen = children.flatMap((pid) => {
      try {
        const isOurs = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('sherpa-child');
        return isOurs ? [readFileSync(`/proc/${pid}/environ`, 'utf8')] : [];
      } catch {
        return [];
      }
    });
    delete process.env.VISAVIS_TEST_SECRET;
    expect(seen.length).toBeGreaterThan(0);
    for (const environment of seen) expect(environment).not.toContain('VISAVIS_TEST_SECRET');
  });
});

describe('folders of models', () => {
  const folder = (name: string, files: string[]): string => {
    const dir = store(name);
    for (const file of files) writeFileSync(join(dir, file), '');
    return dir;
  };

  it('are told apart by their files', () => {
    const piper = folder('vits-piper-de_DE-thorsten-low', ['de_DE-thorsten-low.onnx', 'tokens.txt']);
    expect(findVoiceModel(piper)).toMatchObject({ kind: 'vits', languages: ['de-DE'] });
    const kokoro = folder('kokoro-en-v0_19', ['model.onnx', 'voices.bin', 'tokens.txt', 'lexicon-us-en.txt']);
    expect(findVoiceModel(kokoro)).toMatchObject({ kind: 'kokoro', languages: ['en'] });
    const matcha = folder('matcha-icefall-en_US-ljspeech', ['model-steps-3.onnx', 'vocos-22khz.onnx', 'tokens.txt']);
    expect(findVoiceModel(matcha).files).toMatchObject({ vocoder: expect.stringContaining('vocos') });
    const zipformer = folder('sherpa-onnx-streaming-zipformer-en-20M', [
      ...['encoder.int8.onnx', 'encoder.onnx', 'decoder.onnx', 'joiner.onnx', 'tokens.txt'],
    ]);
    expect(findRecognizerModel(zipformer)).toMatchObject({ kind: 'transducer', language: 'en' });
    expect(findRecognizerModel(zipformer).files.encoder).toMatch(/encoder\.onnx$/);
    const paraformer = folder('streaming-paraformer-bilingual-zh-en', ['encoder.onnx', 'decoder.onnx', 'tokens.txt']);
    expect(findRecognizerModel(paraformer)).toMatchObject({ kind: 'paraformer' });
    expect(findRecognizerModel(paraformer)).not.toHaveProperty('language');
  });

  it('say what they lack', () => {
    const raw = folder('en_US-lessac-raw', ['en_US-lessac.onnx', 'en_US-lessac.onnx.json']);
    expect(() => findVoiceModel(raw)).toThrow(/en_US-lessac-raw.*tokens\.txt/);
    expect(() => findRecognizerModel(folder('empty', []))).toThrow(/\.onnx.*stt\.modelDir/);
    expect(() => findVoiceModel('/no/such/folder')).toThrow(/no\/such\/folder/);
  });
});

describe('installing a voice', () => {
  const archive = join(scratch, 'vits-tones-en_US.tar.bz2');
  const source = store('source');
  cpSync(join(models, 'en_US-tones'), join(source, 'voice'), { recursive: true });
  writeFileSync(join(source, 'voice', 'LICENSE'), 'Free for all.');
  execFileSync('tar', ['-cjf', archive, '-C', source, 'voice']);
  const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');

  const request = (storeDir: string, change: Partial<InstallRequest> = {}): InstallRequest => ({
    source: archive,
    storeDir,
    signal: new AbortController().signal,
    tryOut: async () => {},
    ...change,
  });

  it('takes an archive with the right checksum, shows its licence, replaces an older one, removes it', async () => {
    const dir = store('installs');
    // What an installation that was killed has left; no process has so high a number.
    mkdirSync(join(dir, '.part-4194999-1'));
    const { voice, licence } = await installVoice(request(dir, { sha256: sha256.toUpperCase() }));
    expect(voice).toMatchObject({ name: 'vits-tones-en_US', model: { kind: 'vits', languages: ['en-US'] } });
    expect(licence).toBe('LICENSE\nFree for all.');
    await installVoice(request(dir));
    expect((await installedVoices(dir)).map(({ name }) => name)).toEqual(['vits-tones-en_US']);
    expect(readdirSync(dir)).toEqual(['vits-tones-en_US']);
    await removeVoice(dir, 'VITS-tones-en_US');
    expect(await installedVoices(dir)).toEqual([]);
    await expect(removeVoice(dir, 'vits-tones-en_US')).rejects.toMatchObject({ code: 'VOICE_UNKNOWN' });
  });

  it('takes it from an address, and tells how far it is', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /vits-tones.tar.bz2', (_, response) => void response.end(readFileSync(archive)));
    const dir = store('downloads');
    const seen: number[] = [];
    const onProgress = (bytes: number) => seen.push(bytes);
    const { voice } = await installVoice(
      request(dir, { source: `${mock.url}/vits-tones.tar.bz2`, sha256, onProgress }),
    );
    expect(voice.name).toBe('vits-tones');
    expect(seen.at(-1)).toBe(readFileSync(archive).length);
    await expect(installVoice(request(dir, { source: `${mock.url}/gone.tar.bz2` }))).rejects.toMatchObject({
      message: /HTTP 404/,
    });
  });

  it('takes a folder', async () => {
    const { voice } = await installVoice(request(store('folders'), { source: join(models, 'en_US-tones') }));
    expect(voice.name).toBe('en_US-tones');
    const percent = join(store('percent'), '100%.tar.bz2');
    cpSync(archive, percent);
    expect((await installVoice(request(store('percents'), { source: percent }))).voice.name).toBe('100-');
  });

  it.each(['http://', 'https://host:port/a.tar.bz2', 'http://127.0.0.1:9/a%zz.tar.bz2'])(
    'refuses %s, which cannot be meant',
    async (source) => {
      await expect(installVoice(request(join(scratch, 'meant'), { source }))).rejects.toMatchObject({
        code: 'BAD_USAGE',
      });
    },
  );

  const evil = store('evil');
  const half = join(evil, 'half.tar.bz2');
  writeFileSync(half, readFileSync(archive).subarray(0, 500));
  const pack = (name: string, make: (dir: string) => void, ...flags: string[]): string => {
    const dir = join(evil, name);
    cpSync(join(models, 'en_US-tones'), join(dir, 'voice'), { recursive: true });
    make(dir);
    const path = join(evil, `${name}.tar.gz`);
    execFileSync('tar', ['-czPf', path, '-C', dir, ...flags, 'voice']);
    return path;
  };

  it.each([
    ['a wrong checksum', { sha256: '0'.repeat(64) }, 'MODEL_CORRUPT', /checksum/],
    ['no archive', { source: join(models, 'make.py') }, 'BAD_USAGE', /no tar archive/],
    ['nothing', { source: '/no/such.tar.bz2' }, 'FILE_NOT_FOUND', /no\/such/],
    ['too much in it', { maxUnpackedBytes: 1000 }, 'MODEL_CORRUPT', /more than/],
    ['a damaged archive', { source: half }, 'MODEL_CORRUPT', /cannot be unpacked/],
    [
      'a link',
      { source: pack('link', (dir) => symlinkSync('/etc/passwd', join(dir, 'voice', 'x'))) },
      'MODEL_CORRUPT',
      /neither file nor folder/,
    ],
    [
      'a model that lacks a file',
      { source: pack('lack', (dir) => rmSync(join(dir, 'voice', 'tokens.txt'))) },
      'MODEL_MISSING',
      /tokens/,
    ],
    ['a voice that does not speak', { tryOut: async () => Promise.reject(new Error('mute')) }, undefined, /mute/],
  ])('leaves nothing behind after %s', async (_, change, code, message) => {
    const dir = join(scratch, `refused-${Math.random()}`);
    await expect(installVoice(request(dir, change))).rejects.toMatchObject({ ...(code ? { code } : {}), message });
    expect(readdirSync(dir)).toEqual([]);
  });

  // Only GNU tar makes such an archive.
  it.runIf(process.platform === 'linux')('leaves nothing behind after a way out', async () => {
    const dir = store('way-out');
    const source = pack('out', () => {}, '--transform', 's#^voice/tokens.txt#../../tokens.txt#');
    await expect(installVoice(request(dir, { source }))).rejects.toMatchObject({
      code: 'MODEL_CORRUPT',
      message: /outside/,
    });
    expect(readdirSync(dir)).toEqual([]);
  });

  it('leaves nothing behind when it is interrupted', async () => {
    await using mock = await MockProvider.start();
    mock.on('GET /slow.tar.bz2', (_, response) => void response.write('x'));
    const dir = store('interrupted');
    const abort = new AbortController();
    const onProgress = () => abort.abort(new Error('Ctrl-C'));
    await expect(
      installVoice(request(dir, { source: `${mock.url}/slow.tar.bz2`, signal: abort.signal, onProgress })),
    ).rejects.toThrow('Ctrl-C');
    expect(readdirSync(dir)).toEqual([]);
  });
});
