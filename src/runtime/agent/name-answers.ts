import { type DnsAnswer, type DnsQuestion, recordTypes, shuffled } from "../../dns/index.ts";
import type { NameTable } from "../../xds/gen/istio/networking/nds/v1/nds_pb.js";

/**
 * Answers a question by discovery's name table; undefined for what the table doesn't have, which is for others to
 * answer. It knows addresses only: questions of other types are for others too.
 */
export type NameAnswers = (question: DnsQuestion) => DnsAnswer | undefined;

interface Entry {
  readonly v4: readonly string[];
  readonly v6: readonly string[];
}

/**
 * Answers as Istio's DNS proxy beside a sidecar does. Kubernetes Services have short forms too (reviews,
 * reviews.sample, reviews.sample.svc) as far as the pod's search path allows them, "*.example.com" stands for every
 * name below, and a name with the first suffix of the search path behind it is an alias of the name without, so that
 * a pod's first question finds it. A name without an address of the family that was asked for exists all the same.
 */
export function createNameAnswers(
  table: () => NameTable | undefined,
  pod: { readonly namespace: string; readonly domain: string },
): NameAnswers {
  let indexed: NameTable | undefined;
  let index = new Map<string, Entry>();
  const suffix = `.${pod.namespace}.svc.${pod.domain}`;
  return ({ name, type }) => {
    const current = table();
    if (current === undefined || (type !== recordTypes.A && type !== recordTypes.AAAA)) return undefined;
    if (current !== indexed) {
      index = indexOf(current, pod);
      indexed = current;
    }
    const own = find(index, name);
    if (own !== undefined) return { exists: true, records: addresses(name, type, own) };
    if (!name.endsWith(suffix)) return undefined;
    const target = name.slice(0, -suffix.length);
    const found = find(index, target);
    if (found === undefined) return undefined;
    const records = addresses(target, type, found);
    return {
      exists: true,
      records: records.length === 0 ? [] : [{ name, type: "CNAME", target }, ...records],
    };
  };
}

function find(index: ReadonlyMap<string, Entry>, name: string): Entry | undefined {
  const found = index.get(name);
  if (found !== undefined) return found;
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    const wildcard = index.get(`*${name.slice(dot)}`);
    if (wildcard !== undefined) return wildcard;
  }
  return undefined;
}

function addresses(name: string, type: number, { v4, v6 }: Entry): DnsAnswer["records"] {
  return type === recordTypes.A
    ? shuffled([...v4]).map((address) => ({ name, type: "A" as const, address }))
    : shuffled([...v6]).map((address) => ({ name, type: "AAAA" as const, address }));
}

function indexOf(
  { table }: NameTable,
  pod: { readonly namespace: string; readonly domain: string },
): Map<string, Entry> {
  const index = new Map<string, Entry>();
  const entryOf = (ips: readonly string[]): Entry => ({
    v4: ips.filter((address) => !address.includes(":")),
    v6: ips.filter((address) => address.includes(":")),
  });
  const entries = Object.entries(table).map(([host, info]) => ({
    host: host.toLowerCase(),
    info,
    entry: entryOf(info.ips),
  }));
  // Full names first: a short form never hides one.
  for (const { host, entry } of entries) index.set(host, entry);
  for (const { host, info, entry } of entries) {
    const { registry, shortname, namespace } = info;
    if (registry !== "Kubernetes" || shortname === "" || !host.endsWith(`.${pod.domain}`)) continue;
    const forms = [`${shortname}.${namespace}`, `${shortname}.${namespace}.svc`];
    if (namespace === pod.namespace) forms.push(shortname);
    for (const form of forms) if (!index.has(form)) index.set(form, entry);
  }
  return index;
}
