/** What an address of a cluster's block 127.B.0.0/16 stands for. */
export type AddressKind = "api" | "pod" | "shadow" | "service" | "node" | "loadBalancer" | "reserved";

/** An address of a cluster's block, taken apart. */
export interface Place {
  /** B of 127.B.0.0/16. */
  readonly block: number;
  readonly kind: AddressKind;
}

/** Where connections that the proxy makes to its own app come from, as in Istio. */
export const inboundSource = "127.0.0.6";

const firstPod = 2;
const pastLastPod = 64 * 256 - 1;

/** How many addresses the pod range has at most; those that end in 0 or 255 are never given out. */
export const podRangeSize = pastLastPod - firstPod;

/** Pod address number `index` of a block (0 is 127.B.0.2), or undefined where that address is never given out. */
export function podAddress(block: number, index: number): string | undefined {
  const offset = firstPod + index;
  const last = offset & 255;
  if (offset >= pastLastPod || last === 0 || last === 255) return undefined;
  return `127.${block}.${offset >> 8}.${last}`;
}

/** The address on which the app of the pod at `address` listens: 127.B.x.y is shadowed by 127.B.(x+64).y. */
export function shadowOf(address: string): string {
  const [, block = 0, third = 0, fourth = 0] = address.split(".").map(Number);
  return `127.${block}.${third + 64}.${fourth}`;
}

/** The first address of the cluster's node range; what leaves a cluster without a pod's own address comes from it. */
export function nodeAddress(block: number): string {
  return `127.${block}.254.1`;
}

/** Takes an IPv4 address of 127.0.0.0/8 apart; undefined for everything else, 127.0.x.y included. */
export function placeOf(address: string): Place | undefined {
  if (!address.startsWith("127.")) return undefined;
  const parts = address.split(".");
  const block = Number(parts[1]);
  const third = Number(parts[2]);
  const fourth = Number(parts[3]);
  if (parts.length !== 4 || !(block > 0 && block < 256 && third >= 0 && third < 256)) return undefined;
  return { block, kind: kindOf(third, fourth) };
}

function kindOf(third: number, fourth: number): AddressKind {
  if (third === 0 && fourth === 1) return "api";
  if (third < 64) return "pod";
  if (third < 128) return "shadow";
  if (third < 192) return "service";
  if (third === 254) return "node";
  return third === 255 ? "loadBalancer" : "reserved";
}

/** The IPv4 form of an address as Node reports it ("::ffff:127.0.0.1"). */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return "";
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

/** Whether the text is 127.x.y.z. */
export function isLoopback(address: string): boolean {
  return address.startsWith("127.");
}
