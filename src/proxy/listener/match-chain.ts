import {
  type FilterChainMatch,
  FilterChainMatch_ConnectionSourceType as SourceType,
} from "../../xds/gen/envoy/config/listener/v3/listener_components_pb.js";
import { ConfigError } from "../config/config-error.ts";
import { type AddressTest, compileRange } from "../filters/cidr.ts";

/** What is known of a connection when its filter chain is chosen. */
export interface ConnectionFacts {
  readonly destinationAddress: string;
  readonly destinationPort: number;
  readonly sni: string | undefined;
  readonly transport: "tls" | "raw_buffer";
  readonly protocols: readonly string[];
  readonly sourceAddress: string;
  readonly sourcePort: number;
}

interface Range {
  readonly bits: number;
  /** As it is written: what makes it another one than those of the same length. */
  readonly prefix: string;
  readonly test: AddressTest;
}

interface Criteria<T> {
  readonly chain: T;
  readonly port: number | undefined;
  readonly destination: readonly Range[];
  readonly names: readonly string[];
  readonly transport: string;
  readonly protocols: readonly string[];
  readonly directSource: readonly Range[];
  readonly sourceType: SourceType;
  readonly source: readonly Range[];
  readonly sourcePorts: readonly number[];
}

/** How well a criterion fits: -1 not at all, 0 it does not care, else the more the better. */
type Score<T> = (criteria: Criteria<T>, facts: ConnectionFacts) => number;

/**
 * Envoy's order (FilterChainMatch): at each step the chains that fit best stay in, and there is no way back: a
 * chain that lost at the port can't win by its server name.
 */
const steps: readonly Score<unknown>[] = [
  ({ port }, { destinationPort }) => (port === undefined ? 0 : port === destinationPort ? 1 : -1),
  ({ destination }, facts) => bestRange(destination, facts.destinationAddress),
  ({ names }, { sni }) => bestName(names, sni),
  ({ transport }, facts) => (transport === "" ? 0 : transport === facts.transport ? 1 : -1),
  ({ protocols }, facts) =>
    protocols.length === 0 ? 0 : facts.protocols.some((protocol) => protocols.includes(protocol)) ? 1 : -1,
  ({ directSource }, facts) => bestRange(directSource, facts.sourceAddress),
  ({ sourceType }, facts) => sourceFit(sourceType, facts),
  ({ source }, facts) => bestRange(source, facts.sourceAddress),
  ({ sourcePorts }, facts) =>
    sourcePorts.length === 0 ? 0 : sourcePorts.includes(facts.sourcePort) ? 1 : -1,
];

/** Chooses a chain for a connection; undefined when none fits. */
export type ChainMatcher<T> = (facts: ConnectionFacts) => T | undefined;

/** Compiles the matches of a listener's chains. Throws ConfigError, also on two chains with the same match. */
export function compileChainMatcher<T>(
  chains: readonly { readonly match: FilterChainMatch | undefined; readonly chain: T }[],
  where: string,
): ChainMatcher<T> {
  const all = chains.map(({ match, chain }) => compileCriteria(match, chain, where));
  const seen = new Set<string>();
  for (const criteria of all) {
    const key = JSON.stringify({ ...criteria, chain: undefined });
    if (seen.has(key))
      throw new ConfigError(`${where}: multiple filter chains with the same matching rules are defined`);
    seen.add(key);
  }
  // A gateway has a chain per service, told apart by exact names: look those up instead of trying each.
  const byNameOnly = all.every(({ port, destination }) => port === undefined && destination.length === 0);
  const named = new Map<string, Criteria<T>[]>();
  const others: Criteria<T>[] = [];
  for (const criteria of byNameOnly ? all : []) {
    const { names } = criteria;
    if (names.length === 0 || names.some((name) => name.startsWith("*"))) others.push(criteria);
    else for (const name of names) named.set(name, [...(named.get(name) ?? []), criteria]);
  }
  return (facts) => {
    const exact = facts.sni === undefined ? undefined : named.get(facts.sni);
    let left = byNameOnly ? (exact ?? others) : all;
    for (const step of steps) {
      if (left.length === 0) return undefined;
      left = bestOf(left, step as Score<T>, facts);
    }
    return left[0]?.chain;
  };
}

function bestOf<T>(
  candidates: readonly Criteria<T>[],
  step: Score<T>,
  facts: ConnectionFacts,
): Criteria<T>[] {
  let best = 0;
  let kept: Criteria<T>[] = [];
  for (const criteria of candidates) {
    const score = step(criteria, facts);
    if (score < best) continue;
    if (score > best) kept = [];
    best = score;
    kept.push(criteria);
  }
  return kept;
}

function compileCriteria<T>(match: FilterChainMatch | undefined, chain: T, where: string): Criteria<T> {
  if (match?.addressSuffix) throw new ConfigError(`${where}: address_suffix is not supported`);
  const ranges = (list: FilterChainMatch["prefixRanges"]): Range[] =>
    list.map(({ addressPrefix, prefixLen }) => ({
      bits: prefixLen ?? 0,
      prefix: addressPrefix,
      test: compileRange(addressPrefix, prefixLen, where),
    }));
  const names = (match?.serverNames ?? []).map((name) => name.toLowerCase());
  for (const name of names) {
    if (name.lastIndexOf("*") > 0 || (name.startsWith("*") && name.length > 1 && name[1] !== ".")) {
      throw new ConfigError(`${where}: partial wildcards are not supported in server_names: ${name}`);
    }
  }
  return {
    chain,
    port: match?.destinationPort,
    destination: ranges(match?.prefixRanges ?? []),
    names,
    transport: match?.transportProtocol ?? "",
    protocols: match?.applicationProtocols ?? [],
    directSource: ranges(match?.directSourcePrefixRanges ?? []),
    sourceType: match?.sourceType ?? SourceType.ANY,
    source: ranges(match?.sourcePrefixRanges ?? []),
    sourcePorts: match?.sourcePorts ?? [],
  };
}

function bestRange(ranges: readonly Range[], address: string): number {
  if (ranges.length === 0) return 0;
  let best = -1;
  for (const { bits, test } of ranges) if (bits + 1 > best && test(address)) best = bits + 1;
  return best;
}

function bestName(names: readonly string[], sni: string | undefined): number {
  if (names.length === 0) return 0;
  let best = -1;
  for (const name of names) {
    if (name === sni) return Number.MAX_SAFE_INTEGER;
    if (name === "*") best = Math.max(best, 1);
    else if (name.startsWith("*.") && sni?.endsWith(name.slice(1))) best = Math.max(best, name.length);
  }
  return best;
}

function sourceFit(type: SourceType, facts: ConnectionFacts): number {
  if (type === SourceType.ANY) return 0;
  const isLocal =
    facts.sourceAddress === facts.destinationAddress ||
    facts.sourceAddress === "::1" ||
    facts.sourceAddress.startsWith("127.");
  return (type === SourceType.SAME_IP_OR_LOOPBACK) === isLocal ? 1 : -1;
}
