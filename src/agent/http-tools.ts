/**
 * HTTP functions that a model may call, as declared in the configuration. In: a function's name and the arguments as the model wrote them;
 * out: text for the model, always: what the server said, or what was wrong. Nothing a model writes can change host, method or headers.
 */
import { z } from 'zod';
import type { Config, Secrets } from '../config.ts';
import { AppError } from '../errors.ts';
import type { Caller } from './brain.ts';

export type ToolSettings = Config['tools'][number];

/** More than a model can make use of. */
const MAX_RESULT_CHARS = 16_000;
const MAX_BODY_BYTES = 256 * 1024;
const SESSION_HEADER = 'x-visavis-session';

interface Tool {
  settings: ToolSettings;
  schema: z.ZodType;
  headers: Record<string, string>;
  /** Values that must not come back in a result. */
  secretValues: string[];
}

export class HttpTools {
  private readonly tools = new Map<string, Tool>();

  /** @throws AppError CONFIG_INVALID naming the tool: a schema that is none, a variable that is not set, a name given twice. */
  constructor(declared: readonly ToolSettings[], secrets: Secrets) {
    for (const settings of declared) {
      const refuse = (why: string): AppError =>
        new AppError('CONFIG_INVALID', `The tool "${settings.name}" ${why}; see tools in the configuration.`);
      if (this.tools.has(settings.name)) throw refuse('is declared twice');
      let schema: z.ZodType;
      try {
        schema = z.fromJSONSchema({ type: 'object', ...settings.parameters } as Parameters<typeof z.fromJSONSchema>[0]);
      } catch (cause) {
        throw new AppError(
          'CONFIG_INVALID',
          `The tool "${settings.name}" has parameters that are no JSON schema (${String(cause)}); see tools in the configuration.`,
          { cause },
        );
      }
      const secretValues: string[] = [];
      const headers = Object.fromEntries(
        Object.entries(settings.headers).map(([name, value]) => [
          name,
          value.replaceAll(/\$\{(\w+)\}/g, (_, variable: string) => {
            const secret = secrets(variable);
            if (secret === undefined) throw refuse(`needs the environment variable ${variable}, which is not set`);
            secretValues.push(secret);
            return secret;
          }),
        ]),
      );
      this.tools.set(settings.name, { settings, schema, headers, secretValues });
    }
  }

  get isEmpty(): boolean {
    return this.tools.size === 0;
  }

  /** For the model: what there is to call. */
  get declarations(): { name: string; description: string; parameters: Record<string, unknown> }[] {
    return [...this.tools.values()].map(({ settings: { name, description, parameters } }) => ({
      name,
      description,
      parameters: { type: 'object', ...parameters },
    }));
  }

  /**
   * @param argumentsJson as the model wrote them; not to be trusted.
   * @param caller for whom; told in the header `x-visavis-session`.
   * @returns text for the model. Throws only the signal's reason.
   */
  async call(name: string, argumentsJson: string, signal: AbortSignal, caller?: Caller): Promise<string> {
    const tool = this.tools.get(name);
    if (!tool) return `Error: there is no function "${name}". There is: ${[...this.tools.keys()].join(', ')}.`;
    const given = parseArguments(tool.schema, argumentsJson);
    if (typeof given === 'string') return given;
    const { settings, headers, secretValues } = tool;
    const request = buildRequest(settings, given);
    if (typeof request === 'string') return request;
    const limit = AbortSignal.timeout(settings.timeoutMs);
    try {
      const response = await fetch(request.url, {
        method: settings.method,
        headers: {
          accept: 'application/json, text/plain',
          ...(caller ? { [SESSION_HEADER]: caller.sessionId } : {}),
          ...request.headers,
          ...headers,
        },
        ...(request.body === undefined ? {} : { body: request.body }),
        // A redirect could carry the headers to somebody else.
        redirect: 'error',
        signal: AbortSignal.any([signal, limit]),
      });
      const text = await bodyText(response, secretValues);
      return response.ok ? text || 'Done.' : `Error ${response.status}: ${text}`;
    } catch {
      if (signal.aborted) throw signal.reason;
      return limit.aborted
        ? `Error: no answer within ${settings.timeoutMs} ms.`
        : 'Error: the service could not be reached.';
    }
  }
}

function parseArguments(schema: z.ZodType, json: string): Record<string, unknown> | string {
  let value: unknown;
  try {
    value = JSON.parse(json.trim() || '{}');
  } catch {
    return 'Error: the arguments are not valid JSON.';
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) return `Error: the arguments do not fit: ${z.prettifyError(parsed.error)}`;
  return parsed.data as Record<string, unknown>;
}

/** Parameters named in the address go there; the others into the query (GET, DELETE) or the JSON body. */
function buildRequest(
  { url: template, method }: ToolSettings,
  given: Record<string, unknown>,
): { url: URL; headers: Record<string, string>; body?: string } | string {
  const rest = { ...given };
  let problem: string | undefined;
  const url = new URL(
    template.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      delete rest[name];
      const value = given[name];
      const text = typeof value === 'object' || value === undefined ? '' : String(value);
      // "." and ".." would climb out of the path, encoded or not.
      if (text === '' || /^\.{1,2}$/.test(text)) problem = `Error: the parameter "${name}" is missing or not usable.`;
      return encodeURIComponent(text);
    }),
  );
  if (problem !== undefined) return problem;
  if (method === 'GET' || method === 'DELETE') {
    for (const [name, value] of Object.entries(rest))
      if (value !== undefined && value !== null)
        url.searchParams.append(name, typeof value === 'object' ? JSON.stringify(value) : String(value));
    return { url, headers: {} };
  }
  return { url, headers: { 'content-type': 'application/json' }, body: JSON.stringify(rest) };
}

/** The beginning of the answer, without the secrets: they go before it is cut, lest a half of one stays. */
async function bodyText(response: Response, secretValues: readonly string[]): Promise<string> {
  const longestSecret = Math.max(0, ...secretValues.map(({ length }) => length));
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  let isWhole = true;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    text += decoder.decode(piece, { stream: true });
    // Leaving the loop cancels the download.
    isWhole = text.length <= MAX_RESULT_CHARS + longestSecret && bytes <= MAX_BODY_BYTES;
    if (!isWhole) break;
  }
  if (isWhole) text += decoder.decode();
  const clean = secretValues.reduce((rest, value) => rest.replaceAll(value, '…'), text);
  if (isWhole && clean.length <= MAX_RESULT_CHARS) return clean;
  // What came last may be the beginning of a secret.
  const sure = isWhole ? clean.length : Math.max(0, clean.length - longestSecret);
  return `${clean.slice(0, Math.min(sure, MAX_RESULT_CHARS))} … (cut off here)`;
}
