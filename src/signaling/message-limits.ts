/** How much fits into one message, for the page and the server alike. Characters are UTF-16 code units; bytes are those of UTF-8. Pure: the browser shares this file. */

/** Of a message as it is sent; more is answered with an error. */
export const MAX_MESSAGE_BYTES = 256 * 1024;
/** Of a typed turn. */
export const MAX_SAY_CHARACTERS = 4000;
/** Of a text to be spoken as it stands; the server's `speech.maxCharacters` may allow less. */
export const MAX_SPEAK_CHARACTERS = 100_000;
/** … which leaves room for how JSON writes it. A Chinese character has three. */
export const MAX_SPEAK_BYTES = 200_000;

/** @returns whether the text, alone, fits into a message. */
export const fitsMessage = (text: string): boolean => new TextEncoder().encode(text).length <= MAX_SPEAK_BYTES;
