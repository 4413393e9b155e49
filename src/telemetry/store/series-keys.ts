import { randomBytes } from "node:crypto";

/**
 * Creates a function that gives texts a number of 53 bits, so that long label texts need not be kept to be known again.
 * Different in every process, so that nobody can choose label values that take another series' number.
 */
export function createSeriesKeys(): (text: string) => number {
  const seed = randomBytes(8);
  const [first, second] = [seed.readInt32LE(0), seed.readInt32LE(4)];
  return (text) => {
    let a = first;
    let b = second;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      a = Math.imul(a ^ code, 0x85ebca6b);
      b = Math.imul(b ^ code, 0xc2b2ae35);
      a ^= a >>> 15;
      b ^= b >>> 13;
    }
    return (a >>> 0) * 0x20_0000 + (b >>> 11);
  };
}
