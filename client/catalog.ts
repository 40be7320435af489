/** What the server has to offer: faces and voices. Out: lists, and the voice that fits the visitor's language. */
import type { PortraitInfo, VoiceInfo } from '../src/signaling/protocol.ts';

const GREETINGS: Record<string, string> = {
  en: 'Hello! I was a still picture a moment ago. Type something, and I will say it.',
  de: 'Hallo! Eben war ich noch ein Bild. Schreib etwas, und ich sage es.',
  es: '¡Hola! Hace un momento era solo una imagen. Escribe algo y lo diré.',
  fr: 'Bonjour ! Il y a un instant, je n’étais qu’une image. Écrivez, et je parlerai.',
  it: 'Ciao! Un momento fa ero solo un quadro. Scrivi qualcosa e lo dirò.',
  pt: 'Olá! Há um momento eu era só uma imagem. Escreva algo e eu direi.',
};

const languageOf = (tag: string): string => tag.toLowerCase().split('-')[0]!;

/** What is swallowed by the network is asked for again, not waited for. */
const ANSWER_LIMIT_MS = 20_000;

async function getJson<T>(path: string): Promise<T> {
  return readJson(await fetch(path, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) }));
}

async function readJson<T>(response: Response): Promise<T> {
  if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
  return (await response.json()) as T;
}

/** @throws Error when the server does not answer. */
export function fetchPortraits(): Promise<PortraitInfo[]> {
  return getJson('api/portraits');
}

/** One face, listed or not; undefined when the server has none of that id. @throws Error as above. */
export async function fetchPortrait(id: string): Promise<PortraitInfo | undefined> {
  const response = await fetch(`api/portraits/${encodeURIComponent(id)}`);
  if (response.status === 404) return undefined;
  return readJson(response);
}

/** By title. @throws Error when the server does not answer. */
export async function fetchVoices(): Promise<VoiceInfo[]> {
  return (await getJson<VoiceInfo[]>('api/voices')).toSorted((a, b) => a.title.localeCompare(b.title));
}

/** Where most who speak it live: "fr" → "fr-FR"; the tag itself where nobody knows. */
function atHome(tag: string): string {
  try {
    const { language, region } = new Intl.Locale(tag).maximize();
    return region ? `${language}-${region}` : tag;
  } catch {
    return tag;
  }
}

/** @param language BCP 47. @returns the voice of that country, else of the language, as it is spoken where most speak it. */
export function voiceFor(voices: readonly VoiceInfo[], language: string): VoiceInfo | undefined {
  const base = languageOf(language);
  for (const tag of [language, atHome(language), base, atHome(base)]) {
    const found = voices.find((voice) => voice.language.toLowerCase() === tag.toLowerCase());
    if (found) return found;
  }
  return voices.find((voice) => languageOf(voice.language) === base);
}

/** Something to say for a face of which nothing was asked yet. */
export function greetingOf(voice: VoiceInfo | undefined): string {
  return GREETINGS[languageOf(voice?.language ?? 'en')] ?? GREETINGS.en!;
}
