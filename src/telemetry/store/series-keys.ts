import { randomBytes } from "node:crypto";

/**
 * Creates a function that gives texts a number of 53 bits, so that long label texts need not be kept to be known again.
 * Different in every process, so that nobody can choose label values that take another series' number.
 */
export function createSeriesKeys(): (text: string) => number {
  const seed = randomBytes(8);
  const start: State = [seed.readInt32LE(0), seed.readInt32LE(4)];
  // The buckets of a histogram stand one below the other and differ after their last comma.
  let known = "";
  let knownState = start;
  return (text) => {
    const head = text.slice(0, text.lastIndexOf(",") + 1);
    if (head !== known) {
      knownState = mix(start, head, 0);
      known = head;
    }
    const [a, b] = mix(knownState, text, head.length);
    return (a >>> 0) * 0x20_0000 + (b >>> 11);
  };
}

type State = readonly [number, number];

/** The state after the characters of `text` from `from` on. */
function mix([first, second]: State, text: string, from: number): State {
  let a = first;
  let b = second;
  for (let i = from; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 0x85ebca6b);
    b = Math.imul(b ^ code, 0xc2b2ae35);
    a ^= a >>> 15;
    b ^= b >>> 13;
  }
  return [a, b];
}
