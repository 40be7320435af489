/**
 * The one door to the `openai` package: settings and a key in, a client for any OpenAI-compatible endpoint out, and its errors as sentences
 * that a person can act on. The client retries with growing pauses until an answer begins and never after; it logs nothing.
 */
import OpenAI, { APIConnectionError, APIConnectionTimeoutError, APIError } from 'openai';
import type { Secrets } from '../config.ts';
import { AppError, type ErrorCode } from '../errors.ts';
import { ServiceError } from './chat-stream.ts';
import type { Health } from './health.ts';
import { HttpRefused } from './json-socket.ts';
import { isTimeout } from './patience.ts';

export { toFile } from 'openai';
export type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
export type OpenAiClient = OpenAI;

export const OPENAI_BASE_URL = 'https://api.openai.com/v1';

interface EndpointSettings {
  /** Empty: OpenAI's own. */
  baseUrl: string;
  /** Empty: OPENAI_API_KEY. */
  apiKeyVariable: string;
  timeoutMs: number;
  retries: number;
}

/** An endpoint as its user knows it, for errors. */
export interface Endpoint {
  /** Section of the configuration, such as `llm`. */
  section: string;
  baseUrl: string;
  apiKeyVariable: string;
  /** Undefined where the endpoint is none of OpenAI's and no key is set: local servers want none. */
  key: string | undefined;
  code: ErrorCode;
}

/**
 * @param defaults the service's own address and variable.
 * @throws AppError CONFIG_INVALID when the service's own address is used and its key is not set.
 */
export function resolveEndpoint(
  section: string,
  code: ErrorCode,
  settings: Pick<EndpointSettings, 'baseUrl' | 'apiKeyVariable'>,
  secrets: Secrets,
  defaults: { baseUrl: string; apiKeyVariable: string } = {
    baseUrl: OPENAI_BASE_URL,
    apiKeyVariable: 'OPENAI_API_KEY',
  },
): Endpoint {
  const apiKeyVariable = settings.apiKeyVariable || defaults.apiKeyVariable;
  const baseUrl = (settings.baseUrl || defaults.baseUrl).replace(/\/+$/, '');
  // A key that is meant for the service by default goes to that service only, unless it was named on purpose.
  const isOwn = settings.baseUrl === '' || new URL(baseUrl).host === new URL(defaults.baseUrl).host;
  const key = isOwn || settings.apiKeyVariable !== '' ? secrets(apiKeyVariable) : undefined;
  if (key === undefined && (isOwn || settings.apiKeyVariable !== ''))
    throw new AppError(
      'CONFIG_INVALID',
      `The key for ${new URL(baseUrl).host} is missing: set the environment variable ${apiKeyVariable}, or name another with ${section}.apiKeyVariable, or another endpoint with ${section}.baseUrl.`,
    );
  return { section, baseUrl, apiKeyVariable, key, code };
}

export function openClient(endpoint: Endpoint, { timeoutMs, retries }: { timeoutMs: number; retries: number }): OpenAI {
  return new OpenAI({
    baseURL: endpoint.baseUrl,
    apiKey: endpoint.key ?? 'none',
    // The package would read these from the environment by itself.
    organization: null,
    project: null,
    timeout: timeoutMs,
    maxRetries: retries,
    logLevel: 'off',
  });
}

/**
 * What went wrong at an endpoint, as the reader should see it: never with the key, and with no more of the server's words than a line.
 */
export function endpointError(error: unknown, { section, baseUrl, apiKeyVariable, key, code }: Endpoint): AppError {
  if (error instanceof AppError) return error;
  const say = (what: string, remedy: string): AppError =>
    new AppError(code, withoutKey(`${baseUrl} ${what}; ${remedy}.`, key), { cause: redacted(error, key) });
  if (error instanceof APIConnectionTimeoutError || isTimeout(error))
    return say('did not answer in time', `check the service or raise ${section}.timeoutMs`);
  if (baseUrl.startsWith('https:') && isWithoutTls(error))
    return say(
      'does not speak TLS',
      `set ${section}.baseUrl to ${baseUrl.replace(/^https/, 'http')} if it is this machine or a trusted network`,
    );
  if (error instanceof APIConnectionError || isUnreachable(error))
    return say('cannot be reached', `check ${section}.baseUrl and the network`);
  if ((error instanceof APIError || error instanceof HttpRefused) && error.status !== undefined) {
    const { status } = error;
    const words = oneLine(error.message);
    if (status === 401 || status === 403)
      return say(`refused the key (${status})`, `check the environment variable ${apiKeyVariable}`);
    if (status === 404)
      return say(
        `does not know that (${words})`,
        `check ${section}.model and ${section}.baseUrl, which often ends in /v1`,
      );
    if (status === 429) return say(`is out of quota (${words})`, 'try later or raise the quota there');
    return say(`answered with an error (${words})`, `check the ${section} settings and the service`);
  }
  if (error instanceof ServiceError)
    return say(`answered with an error (${oneLine(error)})`, `check the ${section} settings and the service`);
  return say(`broke off or answered nonsense (${oneLine(error)})`, `check that ${section}.baseUrl speaks the protocol`);
}

/** Plain HTTP was answered where TLS was spoken. */
function isWithoutTls(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause)
    if (
      /^(?:EPROTO|ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG))$/.test(
        (cause as NodeJS.ErrnoException).code ?? '',
      )
    )
      return true;
  return false;
}

/**
 * Whether the endpoint is there, takes the key and knows the model. Costs nothing anywhere.
 *
 * @param route what calls will ask for, such as `/chat/completions`.
 */
export async function checkEndpoint(
  client: OpenAI,
  endpoint: Endpoint,
  model: string,
  route: string,
  signal: AbortSignal,
): Promise<Health> {
  const { baseUrl, section } = endpoint;
  const asked = { signal, maxRetries: 0 };
  try {
    const models = await modelsOf(client, asked);
    // Where the address has a version, as all have, a list of models is proof enough.
    const hasRoute =
      (models !== undefined && /\/v\d+\w*$/.test(new URL(baseUrl).pathname)) ||
      (await hasRouteAt(client, route, asked));
    if (!hasRoute)
      return await missingRouteHealth(endpoint, route, async (address) => {
        if (!(await hasRouteAt(client, route, asked, address))) throw new Error('not there');
      });
    if (models === undefined) return { isOk: true, detail: `${baseUrl} answers.` };
    return knows(models, model)
      ? { isOk: true, detail: `${baseUrl} answers with ${model}.` }
      : {
          isOk: true,
          detail: `${baseUrl} answers, but does not list the model ${model}.`,
          remedy: `If calls fail, set ${section}.model to one of: ${models.slice(0, 8).join(', ')}.`,
        };
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    return healthOf(endpointError(error, endpoint));
  }
}

interface Asked {
  signal: AbortSignal;
  maxRetries: number;
}

const knows = (models: readonly string[], model: string): boolean =>
  models.length === 0 || models.some((id) => id === model || id.startsWith(`${model}:`));

/** Undefined where there is no list: small servers have none. @throws what the network and other refusals throw. */
async function modelsOf(client: OpenAI, asked: Asked, baseUrl = ''): Promise<string[] | undefined> {
  let answer: unknown;
  try {
    answer = await client.get<unknown>(`${baseUrl}/models`, asked);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  const { data } = (typeof answer === 'object' && answer !== null ? answer : {}) as { data?: unknown };
  if (!Array.isArray(data)) return undefined;
  return data.flatMap((each: unknown) => {
    const id = (each as { id?: unknown } | null)?.id;
    return typeof id === 'string' ? [id] : [];
  });
}

/** An empty request is refused before anything is done, but not as unknown. */
async function hasRouteAt(client: OpenAI, route: string, asked: Asked, baseUrl = ''): Promise<boolean> {
  try {
    const response = await client.post(baseUrl + route, { ...asked, body: {} }).asResponse();
    const type = response.headers.get('content-type') ?? '';
    await response.body?.cancel();
    // A page for people answers every address.
    return !type.includes('html');
  } catch (error) {
    if (isMissing(error)) return false;
    if (error instanceof APIError && error.status !== undefined && error.status !== 401 && error.status !== 403)
      return true;
    throw error;
  }
}

/** No such address; a model that is not known is another matter. */
const isMissing = (error: unknown): boolean =>
  error instanceof APIError && (error.status === 405 || (error.status === 404 && !/model/i.test(error.message)));

/**
 * What is wrong where an endpoint's address is unknown to its server, with the right address if it is near.
 *
 * @param route that was asked for. @param tryAt resolves where the route is at that address.
 */
export async function missingRouteHealth(
  { baseUrl, section }: Endpoint,
  route: string,
  tryAt: (baseUrl: string) => Promise<void>,
): Promise<Health> {
  let right: string | undefined;
  for (const address of neighboursOf(baseUrl)) {
    const isThere = await tryAt(address).then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    right = address;
    break;
  }
  return {
    isOk: false,
    detail: `${baseUrl} answers, but has no ${route} (404): every call would fail.`,
    remedy: right
      ? `Set ${section}.baseUrl to ${right}.`
      : `Set ${section}.baseUrl to the address before ${route}; it often ends in /v1.`,
  };
}

/** What people write for an address, and mean another: without the version, with it twice, with the whole path of an endpoint. */
export function neighboursOf(baseUrl: string): string[] {
  const { origin, pathname } = new URL(baseUrl);
  const bare = pathname
    .replace(/\/+$/, '')
    .replace(
      /\/(?:chat(?:\/completions)?|completions|responses|models|embeddings|realtime|voices|audio(?:\/(?:speech|transcriptions|translations|voices))?|text-to-speech(?:\/.*)?)$/,
      '',
    );
  const root = bare.replace(/(?:\/v\d+\w*)+$/, '');
  const paths = [
    bare,
    `${bare}/v1`,
    `${root}/v1`,
    root,
    `${root}/openai/v1`,
    `${root}/api/v1`,
    '/v1',
    `${root}/v1beta/openai`,
  ];
  return [...new Set(paths.map((path) => origin + path.replace(/\/+/g, '/')))].filter((each) => each !== baseUrl);
}

const isUnreachable = (error: unknown): boolean =>
  ['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH', 'EAI_AGAIN'].includes(
    (error as NodeJS.ErrnoException | undefined)?.code ?? '',
  );

function oneLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.;]+$/, '')
    .slice(0, 200);
}

/** Our errors say what is wrong and, after the last semicolon, what to do. */
export function healthOf({ message }: AppError): Health {
  const cut = message.lastIndexOf('; ');
  const remedy = message.slice(cut + 2);
  if (cut < 0) return { isOk: false, detail: message };
  return {
    isOk: false,
    detail: `${message.slice(0, cut)}.`,
    remedy: remedy.slice(0, 1).toUpperCase() + remedy.slice(1),
  };
}

/** Undefined where no answer came. */
export function httpStatus(error: unknown): number | undefined {
  return error instanceof APIError || error instanceof HttpRefused ? error.status : undefined;
}

/** Servers are known to quote the key they refuse. */
function withoutKey(text: string, key: string | undefined): string {
  return key === undefined || key.length < 4 ? text : text.replaceAll(key, '…');
}

/** The error without headers and bodies, which may hold the key and the caller's words. */
function redacted(error: unknown, key: string | undefined): Error {
  const plain = new Error(withoutKey(oneLine(error), key));
  if (error instanceof Error) plain.name = error.name;
  return plain;
}
