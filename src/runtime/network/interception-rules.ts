import type { Destination } from "../contracts.ts";

/** Which of a pod's connections the sidecar gets. */
export interface InterceptionRules {
  interceptsOutbound(to: Destination): boolean;
  interceptsInbound(port: number): boolean;
}

const prefix = "traffic.sidecar.istio.io/";

/** Ports of the sidecar itself, which no rule of Istio's ever redirects. */
const sidecarPorts: ReadonlySet<number> = new Set([
  15000, 15001, 15004, 15006, 15008, 15020, 15021, 15053, 15090,
]);

/**
 * Reads Istio's annotations traffic.sidecar.istio.io/{include,exclude}{Outbound,Inbound}Ports and
 * …OutboundIPRanges as istio-iptables does; values that are no number or range are passed over.
 */
export function parseInterceptionRules(
  annotations: Readonly<Record<string, string>> = {},
): InterceptionRules {
  const ports = (name: string) => parsePorts(annotations[prefix + name]);
  const ranges = (name: string) => parseRanges(annotations[prefix + name]);
  const excludedPorts = ports("excludeOutboundPorts").set;
  const includedPorts = ports("includeOutboundPorts").set;
  const excludedRanges = ranges("excludeOutboundIPRanges");
  const includedRanges = ranges("includeOutboundIPRanges");
  const includesAll = annotations[`${prefix}includeOutboundIPRanges`] === undefined;
  const excludedInbound = ports("excludeInboundPorts").set;
  const includedInbound = ports("includeInboundPorts");
  return {
    interceptsOutbound({ address, port }) {
      if (excludedPorts.has(port)) return false;
      const number = addressNumber(address);
      if (number !== undefined && excludedRanges.some((range) => range(number))) return false;
      if (includedPorts.has(port) || includesAll) return true;
      return number !== undefined && includedRanges.some((range) => range(number));
    },
    interceptsInbound(port) {
      if (sidecarPorts.has(port) || excludedInbound.has(port)) return false;
      return includedInbound.isAll || includedInbound.set.has(port);
    },
  };
}

function parsePorts(text: string | undefined): { isAll: boolean; set: ReadonlySet<number> } {
  const words = (text ?? "").split(",").map((word) => word.trim());
  const numbers = words.map(Number).filter((port) => Number.isInteger(port) && port > 0 && port < 65536);
  return { isAll: text === undefined || words.includes("*"), set: new Set(numbers) };
}

function parseRanges(text: string | undefined): ((address: number) => boolean)[] {
  const ranges: ((address: number) => boolean)[] = [];
  for (const word of (text ?? "").split(",").map((part) => part.trim())) {
    if (word === "*") ranges.push(() => true);
    const [address = "", bits = "32"] = word.split("/");
    const base = addressNumber(address);
    const length = Number(bits);
    if (base === undefined || !Number.isInteger(length) || length < 0 || length > 32) continue;
    const size = 2 ** (32 - length);
    const first = Math.floor(base / size);
    ranges.push((number) => Math.floor(number / size) === first);
  }
  return ranges;
}

function addressNumber(address: string): number | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (match === null) return undefined;
  const parts = match.slice(1).map(Number);
  if (parts.some((part) => part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}
