/**
 * Configuration: one zod schema. Defaults come from `config/default.json`, then the JSON file that VISAVIS_CONFIG names, then
 * variables like VISAVIS__SERVER__PORT=9000. An unknown key is an error that names it. Only this file reads the environment.
 */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { AppError } from './errors.ts';
import { configDir } from './paths.ts';
import { providerSettings } from './provider-settings.ts';

const MIN_SECRET_BYTES = 32;
/** Signs or opens something: short ones are guessed. Empty: none. */
const secret = z
  .string()
  .refine(
    (text) => text === '' || Buffer.byteLength(text) >= MIN_SECRET_BYTES,
    `it needs at least ${MIN_SECRET_BYTES} bytes, for instance from "openssl rand -hex 32"`,
  );

const schema = z.strictObject({
  server: z.strictObject({
    /** Address to listen on; the default answers this machine only. */
    host: z.string().min(1),
    /** 0 picks a free port. */
    port: z.number().int().min(0).max(65535),
    /** Further origins (https://example.org) whose pages may open a session; the server's own is always allowed. */
    allowedOrigins: z.array(z.url()),
    /** Largest photo that may be uploaded, MB. */
    uploadLimitMb: z.number().positive().max(200),
    /** Further folders of portraits for the gallery, besides the shipped ones. */
    portraitDirs: z.array(z.string()),
    /** Key that signs tickets; empty: a random one for the life of the process. */
    ticketSecret: secret,
    /** Who may open calls: `open`, everyone who reaches the server; `keys`, holders of a key or of a signed ticket. */
    access: z.enum(['open', 'keys']),
    /** Says that an open server may listen beyond this machine. */
    openToEveryone: z.boolean(),
    /** Where `visavis access` keeps its keys, hashed; empty: the user's data folder. */
    keysFile: z.string(),
    /** Names under which the server is reached, such as its public one; addresses and names of one label need no mention. */
    hosts: z.array(z.string().regex(/^[a-z\d.-]+$/i, 'a host name without scheme and port, such as face.example')),
    /** PEM files of the server's own certificate; both empty: plain HTTP, as behind a proxy. Read anew when they change. */
    tls: z
      .strictObject({ cert: z.string(), key: z.string() })
      .refine(({ cert, key }) => (cert === '') === (key === ''), 'cert and key belong together'),
    /** Strict-Transport-Security for so many seconds, to callers who come by HTTPS; 0: not sent. */
    hstsS: z.number().int().min(0),
    /** Most calls at once; 0: as many as the machine was measured to carry. */
    maxCalls: z.number().int().min(0).max(1000),
    /** Reverse proxies in front of the server, whose X-Forwarded-For is believed; 0: callers come directly. */
    trustedProxies: z.number().int().min(0).max(10),
  }),
  /** What one address (IPv6: one /56) or one connection may ask for; 0 lifts a limit. */
  limits: z.strictObject({
    ticketsPerMinute: z.number().int().min(0),
    uploadsPerMinute: z.number().int().min(0),
    /** Everything under /api. */
    requestsPerMinute: z.number().int().min(0),
    joinsPerMinute: z.number().int().min(0),
    /** Times that one caller may come back after a cut; these count neither as tickets, joins nor connections of the address. */
    returnsPerMinute: z.number().int().min(0),
    /** Sockets open at once. */
    connections: z.number().int().min(0),
    /** On one socket, after a burst of twice as many. */
    messagesPerSecond: z.number().min(0),
    /** A call whose caller has not been heard of for so long, on socket and media, is over. */
    silenceS: z.number().min(0),
    /** Wrong keys. */
    wrongKeysPerMinute: z.number().int().min(0),
    /** Longest call, whatever a ticket allows. */
    callS: z.number().int().min(0),
  }),
  /** Who may read `/metrics`. */
  metrics: z.strictObject({
    /** Shown as "Authorization: Bearer …"; empty: programs on this machine need none, others get nothing. */
    token: secret,
    /** A port for metrics alone (0: a free one), on `host`; null: the server's own. */
    port: z.number().int().min(0).max(65535).nullable(),
    host: z.string().min(1),
  }),
  shutdown: z.strictObject({
    /** After SIGTERM calls have so long to end by themselves; 0: they end at once. */
    drainS: z.number().min(0).max(86_400),
  }),
  webrtc: z.strictObject({
    /** Rooms with many viewers: "sfu" serves them through mediasoup where it is installed; "peer" each viewer directly, as calls are. */
    mode: z.enum(['peer', 'sfu']),
    /** Most viewers of one room. */
    roomViewers: z.number().int().min(1).max(1000),
    /** STUN and TURN servers, as browsers take them. */
    iceServers: z.array(
      z.strictObject({
        urls: z.string(),
        username: z.string().exactOptional(),
        credential: z.string().exactOptional(),
      }),
    ),
    /** TURN servers that share a secret with us (coturn: use-auth-secret); every call gets its own password, good for `lifetimeS`. */
    turn: z
      .strictObject({
        urls: z.array(z.string().regex(/^turns?:./, 'an address like turn:turn.example.org:3478?transport=udp')),
        secret,
        lifetimeS: z.number().int().min(60).max(604_800),
      })
      .refine(({ urls, secret }) => urls.length > 0 === (secret !== ''), 'urls and secret belong together'),
    /** UDP ports to use, e.g. [40000, 40999]; null: any. */
    portRange: z
      .tuple([z.number().int().min(1024), z.number().int().max(65535)])
      .refine(
        ([from, to]) => to - from >= 9,
        'at least ten ports, the lower one first: a call takes one for each address',
      )
      .nullable(),
    /** Addresses to announce besides the machine's own: its public one behind NAT, 127.0.0.1 for pages on this machine. */
    announcedAddresses: z.array(z.string()),
    /** Nothing is sent to addresses of private networks that a caller names. */
    denyPrivateCandidates: z.boolean(),
    ipv6: z.boolean(),
    /** Video codecs to offer, best first. */
    codecs: z.array(z.enum(['VP8', 'H264'])).min(1),
    bitrateKbps: z.number().int().min(100).max(8000),
    /** How much later than its sound a picture leaves until the browser has reported its buffers, ms. */
    videoDelayMs: z.number().min(0).max(200),
  }),
  speech: z.strictObject({
    /** Voice of the embedded speech synthesiser. */
    voice: z.string().min(1),
    ratePercent: z.number().min(50).max(250),
    /** Longest text that one request may speak. */
    maxCharacters: z.number().int().positive(),
  }),
  /** Who speaks when, and what the face says of itself. */
  conversation: z.strictObject({
    /** BCP 47 tag of what is said where nothing tells otherwise. */
    language: z.string().min(1),
    /** Whether the face speaks first once it hears the microphone. */
    greets: z.boolean(),
    /** With these words; empty: the brain's own. */
    greeting: z.string(),
    /** Into a long silence. */
    prompt: z.string().min(1),
    /** Before it hangs up. */
    goodbye: z.string().min(1),
    /** When a voice was heard and no word of it understood. */
    notUnderstood: z.string().min(1),
    /** Instead of an answer that cannot be had. */
    fallback: z.string().min(1),
    /** Said where a function takes so long (0: never) and nothing was said yet, by language; no part of the answer. */
    toolFiller: z.strictObject({
      afterMs: z.number().int().min(0).max(60_000),
      lines: z.record(z.string(), z.string()),
    }),
    /** Whether the caller may interrupt by voice. */
    bargeIn: z.boolean(),
    /** Silence that ends a turn whose words look complete, tell nothing, or stop at an "and". */
    patienceMs: z.strictObject({
      complete: z.number().int().min(100).max(10_000),
      plain: z.number().int().min(100).max(10_000),
      unfinished: z.number().int().min(100).max(10_000),
    }),
    /** Voice must last so much longer than a click to interrupt; 300 lets most "mhm" pass without a pause. */
    interruptAfterMs: z.number().int().min(0).max(5000),
    /** Without words so long after the voice, an interruption was none and the face goes on. */
    falseInterruptionMs: z.number().int().min(300).max(10_000),
    /** Voice without words that is shorter was a cough. */
    briefVoiceMs: z.number().int().min(0).max(5000),
    /** Silence until the face asks whether someone is there, and from there until its goodbye; 0: never. */
    promptAfterS: z.number().min(0).max(3600),
    goodbyeAfterS: z.number().min(0).max(3600),
  }),
  ...providerSettings,
  motion: z.strictObject({
    /** Pictures per second of a live face. */
    fps: z.literal([25, 30, 40, 50, 60], 'it must be one of 25, 30, 40, 50, 60'),
    /** What the network that hears lips in bare sound runs on; "auto" probes cuda, webgpu, cpu and takes the first that is right and not slower. */
    provider: z.enum(['auto', 'cpu', 'cuda', 'webgpu']),
    /** How heads turn: a network's plans, or the fitted model alone. */
    performance: z.enum(['fitted', 'learned']),
  }),
  /** The brain that answers without network or model. */
  brain: z.strictObject({
    /** Folder of Markdown it answers from; empty: the shipped example (docs/knowledge.md). */
    knowledgeDir: z.string(),
    /** What the face calls itself; empty: the host named in the knowledge's place.yaml. */
    name: z.string(),
    /** Spoken until the caller's language is known. */
    language: z.string().min(2),
    /** IANA name for opening hours and dates; empty: the place's, else this machine's. */
    timeZone: z.string(),
    /** Where finished forms are written; empty: the user's data folder. */
    recordsDir: z.string(),
  }),
  cache: z.strictObject({
    /** Where baked portraits are kept; empty: the user's cache folder. */
    dir: z.string(),
  }),
  log: z.strictObject({ level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']) }),
});

export type Config = z.infer<typeof schema>;

type Json = { [key: string]: unknown };

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function merge(base: Json, over: Json): Json {
  const merged: Json = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? merge(below, value) : value;
  }
  return merged;
}

function readJson(path: string, origin: string): Json {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `The configuration file ${path} (${origin}) cannot be read; check the path.`, {
      cause,
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `The configuration file ${path} is not valid JSON: ${String(cause)}.`, {
      cause,
    });
  }
  throw new AppError('CONFIG_INVALID', `The configuration file ${path} must hold one JSON object.`);
}

/** VISAVIS__SERVER__PORT=9000 → {server: {port: 9000}}; names are matched without regard to case. */
function fromEnvironment(env: NodeJS.ProcessEnv, known: Json): Json {
  let result: Json = {};
  for (const [name, raw] of Object.entries(env)) {
    if (!name.startsWith('VISAVIS__') || raw === undefined) continue;
    const path = name.slice('VISAVIS__'.length).split('__');
    let level: unknown = known;
    const keys = path.map((part) => {
      const key = isObject(level)
        ? Object.keys(level).find((k) => k.toLowerCase() === part.replaceAll('_', '').toLowerCase())
        : undefined;
      level = isObject(level) && key !== undefined ? level[key] : undefined;
      return key ?? part.toLowerCase();
    });
    // A value is JSON where the default is not a string (numbers, lists), and the text itself otherwise.
    let value: unknown = raw;
    if (typeof level !== 'string') {
      try {
        value = JSON.parse(raw);
      } catch {
        value = raw;
      }
    }
    result = merge(result, keys.reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Json);
  }
  return result;
}

/**
 * The effective configuration, frozen.
 * @throws AppError CONFIG_INVALID naming the key and what it should be.
 */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const defaults = readJson(join(configDir, 'default.json'), 'the shipped defaults');
  const fromFile = env.VISAVIS_CONFIG ? readJson(env.VISAVIS_CONFIG, 'named by VISAVIS_CONFIG') : {};
  const parsed = schema.safeParse(merge(merge(defaults, fromFile), fromEnvironment(env, defaults)));
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    const key = [...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys : [])].join('.');
    const what = issue.code === 'unrecognized_keys' ? 'is not a known setting' : `is not acceptable: ${issue.message}`;
    throw new AppError('CONFIG_INVALID', `Setting "${key}" ${what}; see the configuration table in README.`);
  }
  const config = parsed.data;
  if (config.cache.dir === '') config.cache.dir = defaultCacheDir(env);
  if (config.brain.recordsDir === '') config.brain.recordsDir = join(defaultDataDir(env), 'forms');
  if (config.server.keysFile === '') config.server.keysFile = join(defaultDataDir(env), 'access-keys.json');
  if (config.tts.voiceDir === '') config.tts.voiceDir = join(defaultDataDir(env), 'voices');
  return Object.freeze(config);
}

/** The user's cache folder by the platform's convention. */
export function defaultCacheDir(env: NodeJS.ProcessEnv = process.env): string {
  if (process.platform === 'win32')
    return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'visavis', 'cache');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'visavis');
  return join(env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'visavis');
}

/** The user's data folder by the platform's convention: what was installed on purpose and no cleaning of caches should take. */
function defaultDataDir(env: NodeJS.ProcessEnv = process.env): string {
  if (process.platform === 'win32') return join(env.LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'visavis');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'visavis');
  return join(env.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'visavis');
}

/** The value of an environment variable; undefined where it is unset or empty. Keys come from here and are kept nowhere else. */
export type Secrets = (variable: string) => string | undefined;

export const environmentSecrets: Secrets = (variable) => process.env[variable]?.trim() || undefined;

/** What a program of somebody else's that runs beside us may see of the environment: nothing that is secret. */
export function childEnvironment(env: NodeJS.ProcessEnv = process.env): NodeJS.ProcessEnv {
  const shared = ['PATH', 'HOME', 'TMPDIR', 'TEMP', 'SystemRoot', 'LANG', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'];
  return Object.fromEntries(shared.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));
}

/** Folders in which the system's loader looks for libraries first, separated by colons. */
export const loaderPath = (env: NodeJS.ProcessEnv = process.env): string => env.LD_LIBRARY_PATH ?? '';
