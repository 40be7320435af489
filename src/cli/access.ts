/**
 * `visavis access`: who gets into a server whose `server.access` is `keys`. Makes keys for programs, links for people and tokens for kiosks, lists and
 * revokes them. A key is shown once, when it is made; stored is its hash. A running server takes changes over within a second or two.
 */
import { randomBytes } from 'node:crypto';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { type Config, environmentSecrets, loadConfig } from '../config.ts';
import { AppError } from '../errors.ts';
import {
  hashOf,
  type KeyKind,
  keysFromEnvironment,
  newToken,
  readKeyFile,
  type StoredKey,
} from '../signaling/access-keys.ts';
import { isLoopbackHost } from '../signaling/host-names.ts';
import type { Rights } from '../signaling/rights.ts';
import { changeKeys } from './access-key-file.ts';
import { type CommandIo, runCommand } from './run-command.ts';

const RIGHTS = { speak: 'canSpeak', upload: 'canUpload', program: 'canProgram', invite: 'canInvite' } as const;
type Right = keyof typeof RIGHTS;

interface KeyFlags {
  json?: boolean;
  rights?: Right[];
  room?: string[];
  portrait?: string[];
  maxCallMinutes?: number;
  ticketsPerMinute?: number;
  calls?: number;
  expires?: number | null;
  url?: string;
}

/** What each kind may do, where nothing else is said. */
const DEFAULTS: Record<KeyKind, { rights: Right[]; expiresS: number | null; ticketsPerMinute: number; calls: number }> =
  {
    api: { rights: ['speak', 'upload', 'program', 'invite'], expiresS: null, ticketsPerMinute: 600, calls: 0 },
    link: { rights: ['speak'], expiresS: 86_400, ticketsPerMinute: 60, calls: 0 },
    kiosk: { rights: ['speak'], expiresS: null, ticketsPerMinute: 60, calls: 2 },
  };

export function addAccessCommand(program: Command): void {
  const access = program
    .command('access')
    .description('keys, links and kiosks that get into a server with server.access "keys"');
  for (const [name, kind, argument, description] of [
    ['add', 'api', '<name>', 'makes a key for a program or a back end; it is shown once'],
    ['link', 'link', '[name]', 'makes a link that opens the call page, for a day'],
    ['enroll', 'kiosk', '<name>', 'makes the link that a kiosk opens once; it then keeps its token'],
  ] as const)
    addKeyFlags(
      access.command(name).description(description).argument(argument, 'what it is listed and revoked by'),
      kind,
    ).action((keyName: string | undefined, flags: KeyFlags) =>
      runCommand(flags.json ?? false, (io) =>
        make(kind, keyName ?? `link-${randomBytes(3).toString('hex')}`, flags, io),
      ),
    );
  access
    .command('list', { isDefault: true })
    .description('who gets in, with which rights and until when')
    .option('--json', 'print one JSON object on stdout')
    .action((flags: { json?: boolean }) => runCommand(flags.json ?? false, async (io) => list(io)));
  access
    .command('revoke')
    .description('takes a key, link or kiosk back; its calls end')
    .argument('<name>', 'name or id, as "visavis access" lists it')
    .option('--json', 'print one JSON object on stdout')
    .action((name: string, flags: { json?: boolean }) => runCommand(flags.json ?? false, (io) => revoke(name, io)));
}

function addKeyFlags(command: Command, kind: KeyKind): Command {
  const { rights, expiresS, ticketsPerMinute, calls } = DEFAULTS[kind];
  const collect = (value: string, before: string[] = []): string[] => [...before, value];
  command
    .addOption(
      new Option('--rights <list>', `of ${Object.keys(RIGHTS).join(', ')}; "watch" for none`)
        .default(rights, rights.join(','))
        .argParser(parseRights),
    )
    .option('--room <name>', 'only this room; may be repeated', (value: string, before?: string[]) =>
      collect(value.normalize('NFC'), before),
    )
    .option('--portrait <id>', 'calls with this face only; may be repeated', collect)
    .option('--max-call-minutes <n>', 'longest call', parsePositive)
    .addOption(new Option('--tickets-per-minute <n>', '0: no limit').default(ticketsPerMinute).argParser(parseCount))
    .addOption(new Option('--calls <n>', 'calls at once; 0: no limit').default(calls).argParser(parseCount))
    .addOption(
      new Option('--expires <time>', 'such as 12h, 30d, or never')
        .default(expiresS, expiresS === null ? 'never' : `${expiresS / 3600}h`)
        .argParser(parseDuration),
    )
    .option('--json', 'print one JSON object on stdout');
  return kind === 'api'
    ? command
    : command.option('--url <address>', 'where visitors reach the server, such as https://face.example/');
}

async function make(kind: KeyKind, name: string, flags: KeyFlags, io: CommandIo): Promise<object> {
  if (kind !== 'api' && !flags.rights?.includes('speak') && !flags.room)
    throw new AppError('BAD_USAGE', 'Who only watches needs a room to watch; name it with --room.');
  const config = loadConfig();
  const { keysFile } = config.server;
  const id = randomBytes(4).toString('hex');
  const token = newToken(id);
  const nowMs = Date.now();
  const key: StoredKey = {
    ...{ id, name, kind },
    sha256: hashOf(token),
    createdAt: new Date(nowMs).toISOString(),
    ...(typeof flags.expires === 'number' ? { expiresAt: new Date(nowMs + flags.expires * 1000).toISOString() } : {}),
    rights: rightsOf(flags),
    ...(flags.room ? { rooms: flags.room } : {}),
    ticketsPerMinute: flags.ticketsPerMinute ?? 0,
    calls: flags.calls ?? 0,
  };
  await changeKeys(keysFile, (keys) => {
    if (keys.some((other) => other.name === name && other.revokedAt === undefined))
      throw new AppError('BAD_USAGE', `There is a key "${name}" already; revoke it first, or choose another name.`);
    return [...keys, key];
  });
  if (config.server.access === 'open')
    io.warn('server.access is "open": everybody gets in without a key; set it to "keys" to close the door.');
  const until = key.expiresAt === undefined ? 'until it is revoked' : `until ${key.expiresAt}`;
  if (kind === 'api') {
    io.print([`Key "${name}", good ${until}; it is shown only now:`, '', token].join('\n'));
    return { id, name, kind, key: token, expiresAt: key.expiresAt ?? null };
  }
  const link = linkFor(kind, token, flags, config);
  const what = kind === 'kiosk' ? `Open this once on the kiosk "${name}"; it keeps its token` : `Link "${name}", good`;
  io.print([`${what} ${until}; it is shown only now:`, '', link].join('\n'));
  return { id, name, kind, link, expiresAt: key.expiresAt ?? null };
}

function rightsOf({ rights = [], portrait, maxCallMinutes }: KeyFlags): Rights {
  const has = (right: Right): boolean => rights.includes(right);
  return {
    ...{ canSpeak: has('speak'), canUpload: has('upload'), canProgram: has('program'), canInvite: has('invite') },
    ...(portrait ? { portraits: portrait } : {}),
    ...(maxCallMinutes === undefined ? {} : { maxCallS: maxCallMinutes * 60 }),
  };
}

/** The page's address with the token behind the #, which browsers send to no server. */
function linkFor(kind: KeyKind, token: string, { url, room, rights = [], portrait }: KeyFlags, config: Config): string {
  const link = new URL(url ?? addressOf(config));
  const query = link.search === '' ? [] : [link.search.slice(1)];
  if (kind === 'kiosk') query.push('kiosk');
  if (room?.length === 1) query.push(`room=${encodeURIComponent(room[0]!)}`);
  if (!rights.includes('speak')) query.push('viewer');
  if (portrait) query.push(`portrait=${encodeURIComponent(portrait[0]!)}`);
  link.search = query.join('&');
  link.hash = new URLSearchParams({ access: token }).toString();
  return link.href;
}

/** Where this configuration's server is reached, as far as it tells. */
function addressOf({ server: { host, hosts, port, tls } }: Config): string {
  const scheme = tls.cert === '' ? 'http' : 'https';
  // Without a certificate of its own a server with a public name is behind a proxy, on HTTPS's own port.
  if (hosts[0] !== undefined) return `https://${hosts[0]}${tls.cert === '' ? '' : `:${port}`}/`;
  const name = isLoopbackHost(host) || host === '0.0.0.0' || host === '::' ? 'localhost' : host;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}/`;
}

async function list(io: CommandIo): Promise<object> {
  const { keysFile } = loadConfig().server;
  const stored = readKeyFile(keysFile).keys;
  const fromEnvironment = [...keysFromEnvironment(environmentSecrets('VISAVIS_API_KEYS') ?? '').values()];
  const keys = [
    ...stored.map(({ sha256: _, ...key }) => ({ ...key, state: stateOf(key) })),
    ...fromEnvironment.map((key) => ({ ...key, state: 'environment' })),
  ];
  const rows = keys.map(({ id, name, kind, rights, rooms, state }) => {
    const named = (Object.keys(RIGHTS) as Right[]).filter((right) => rights[RIGHTS[right]]);
    return [name, id, kind, named.join(',') || 'watch', rooms?.join(',') ?? 'any room', state];
  });
  io.print(
    rows.length === 0 ? `No keys in ${keysFile}.` : table([['NAME', 'ID', 'KIND', 'MAY', 'ROOMS', 'STATE'], ...rows]),
  );
  return { keysFile, keys };
}

function stateOf({ revokedAt, expiresAt }: Pick<StoredKey, 'revokedAt' | 'expiresAt'>): string {
  if (revokedAt !== undefined) return `revoked ${revokedAt}`;
  if (expiresAt === undefined) return 'in force';
  return Date.parse(expiresAt) <= Date.now() ? `expired ${expiresAt}` : `until ${expiresAt}`;
}

const table = (rows: string[][]): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

async function revoke(name: string, io: CommandIo): Promise<object> {
  const { keysFile } = loadConfig().server;
  const revokedAt = new Date().toISOString();
  const revoked: string[] = [];
  await changeKeys(keysFile, (keys) =>
    keys.map((key) => {
      if ((key.name !== name && key.id !== name) || key.revokedAt !== undefined) return key;
      revoked.push(key.id);
      return { ...key, revokedAt };
    }),
  );
  if (revoked.length === 0)
    throw new AppError(
      'BAD_USAGE',
      `There is no key "${name}" in force in ${keysFile}; those of the environment are removed there.`,
    );
  io.print(`Revoked ${name}; its calls end within seconds.`);
  return { revoked };
}

function parseRights(text: string): Right[] {
  if (text === 'watch') return [];
  const rights = text.split(',').map((part) => part.trim());
  const unknown = rights.find((right) => !(right in RIGHTS));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`"${unknown}" is no right; choose of ${Object.keys(RIGHTS).join(', ')}, or watch.`);
  return rights as Right[];
}

function parsePositive(text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError('It must be a number above 0.');
}

function parseCount(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0) return value;
  throw new InvalidArgumentError('It must be a whole number, 0 or more.');
}

/** @returns seconds; null: for good. */
function parseDuration(text: string): number | null {
  if (text === 'never') return null;
  const [, number, unit] = /^(\d+)(m|h|d)$/.exec(text) ?? [];
  if (!number || Number(number) === 0) throw new InvalidArgumentError('Write it as 30m, 12h, 30d or never.');
  return Number(number) * { m: 60, h: 3600, d: 86_400 }[unit as 'm' | 'h' | 'd'];
}
