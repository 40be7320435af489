/** New inputs from known ones: bytes and words changed, moved, repeated, two inputs joined. Pure but for the random numbers it is given. */

const BYTES = [0x00, 0x01, 0x0a, 0x20, 0x22, 0x7f, 0x80, 0xff];
/** What breaks readers of text: other digits, joiners, marks of direction, half of a pair, letters that grow when their case changes. */
const TEXTS = [
  '\u0000',
  '٣',
  '\u200d',
  '\u202e',
  '\ud83d',
  'ß',
  'İ',
  'é',
  '👩‍👩‍👧',
  '-1',
  '1e999',
  '9007199254740993',
  '__proto__',
];
const MAX_REPEATS = 64;

export class Mutator {
  readonly #random: () => number;
  readonly #words: readonly Uint8Array[];
  readonly #maxBytes: number;

  constructor(random: () => number, words: readonly string[], maxBytes: number) {
    this.#random = random;
    this.#words = [...words, ...TEXTS].map((word) => Buffer.from(word));
    this.#maxBytes = maxBytes;
  }

  /** @param other a second input, for what joins two. */
  mutate(input: Uint8Array, other: Uint8Array): Uint8Array {
    let bytes = input;
    const steps = 1 + Math.floor(this.#random() ** 2 * 6);
    for (let step = 0; step < steps; step++) bytes = this.#once(bytes, other);
    return bytes.subarray(0, this.#maxBytes);
  }

  #once(bytes: Uint8Array, other: Uint8Array): Uint8Array {
    const at = this.#below(bytes.length + 1);
    const length = Math.min(bytes.length - at, 1 + Math.floor(this.#random() ** 3 * 64));
    const [before, piece, after] = [
      bytes.subarray(0, at),
      bytes.subarray(at, at + length),
      bytes.subarray(at + length),
    ];
    switch (this.#below(10)) {
      case 0:
        return Buffer.concat([before, piece.map((byte) => byte ^ (1 << this.#below(8))), after]);
      case 1:
        return Buffer.concat([before, after]);
      case 2:
        return Buffer.concat([before, this.#pick(this.#words), bytes.subarray(at)]);
      case 3:
        return Buffer.concat([before, this.#pick(this.#words), after]);
      case 4:
        return Buffer.concat([before, ...Array(1 + this.#below(MAX_REPEATS)).fill(piece), after]);
      case 5:
        return Buffer.concat([before, other.subarray(this.#below(other.length + 1))]);
      case 6: {
        const from = this.#below(other.length + 1);
        return Buffer.concat([before, other.subarray(from, from + length), bytes.subarray(at)]);
      }
      case 7:
        return Buffer.concat([before, piece.map(() => BYTES[this.#below(BYTES.length)]!), after]);
      case 8:
        return Buffer.concat([before, piece.map(() => this.#below(256)), after]);
      default:
        return Buffer.concat([before, this.#number(piece), after]);
    }
  }

  /** A number of the text in the place of another, or four bytes of a binary field. */
  #number(piece: Uint8Array): Uint8Array {
    const number = [0, 1, -1, 255, 65_535, 2 ** 31 - 1, 2 ** 32 - 1][this.#below(7)]!;
    if (this.#random() < 0.5) return Buffer.from(String(number));
    const field = Buffer.alloc(4);
    if (this.#random() < 0.5) field.writeUInt32LE(number >>> 0);
    else field.writeUInt32BE(number >>> 0);
    return Buffer.concat([field, piece.subarray(4)]);
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#below(from.length)]!;
  }
}
