const mask = 0xffff_ffff_ffff_ffffn;
const prime1 = 0x9e37_79b1_85eb_ca87n;
const prime2 = 0xc2b2_ae3d_27d4_eb4fn;
const prime3 = 0x1656_67b1_9e37_79f9n;
const prime4 = 0x85eb_ca77_c2b2_ae63n;
const prime5 = 0x27d4_eb2f_1656_67c5n;

/**
 * XXH64 of a text's bytes (latin1), the hash by which Envoy spreads requests over hosts: the same request goes to the
 * same host whichever proxy sends it.
 */
export function xxHash64(text: string, seed = 0n): bigint {
  const bytes = Buffer.from(text, "latin1");
  const { length } = bytes;
  let at = 0;
  let hash: bigint;
  if (length >= 32) {
    const lanes: [bigint, bigint, bigint, bigint] = [
      (seed + prime1 + prime2) & mask,
      (seed + prime2) & mask,
      seed,
      (seed - prime1) & mask,
    ];
    for (; at + 32 <= length; at += 32) {
      for (const [i, lane] of lanes.entries()) lanes[i] = round(lane, bytes.readBigUInt64LE(at + i * 8));
    }
    const [a, b, c, d] = lanes;
    hash = (rotated(a, 1n) + rotated(b, 7n) + rotated(c, 12n) + rotated(d, 18n)) & mask;
    for (const lane of lanes) hash = ((hash ^ round(0n, lane)) * prime1 + prime4) & mask;
  } else hash = (seed + prime5) & mask;
  hash = (hash + BigInt(length)) & mask;
  for (; at + 8 <= length; at += 8) {
    hash = (rotated(hash ^ round(0n, bytes.readBigUInt64LE(at)), 27n) * prime1 + prime4) & mask;
  }
  if (at + 4 <= length) {
    hash = (rotated(hash ^ ((BigInt(bytes.readUInt32LE(at)) * prime1) & mask), 23n) * prime2 + prime3) & mask;
    at += 4;
  }
  for (; at < length; at++)
    hash = (rotated(hash ^ ((BigInt(bytes[at] ?? 0) * prime5) & mask), 11n) * prime1) & mask;
  hash = ((hash ^ (hash >> 33n)) * prime2) & mask;
  hash = ((hash ^ (hash >> 29n)) * prime3) & mask;
  return hash ^ (hash >> 32n);
}

/** The hash of a request that is hashed by one thing more. */
export function combineHashes(before: bigint | undefined, next: bigint): bigint {
  return before === undefined ? next : rotated(before, 1n) ^ next;
}

function round(lane: bigint, input: bigint): bigint {
  return (rotated((lane + input * prime2) & mask, 31n) * prime1) & mask;
}

function rotated(value: bigint, by: bigint): bigint {
  return ((value << by) | (value >> (64n - by))) & mask;
}
