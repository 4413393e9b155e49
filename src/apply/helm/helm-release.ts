import { gunzipSync } from "node:zlib";
import {
  isJsonObject,
  type JsonObject,
  type KubeClient,
  type KubeObject,
  kinds,
  parseYamlObjects,
} from "../../kube/index.ts";

/** A release of a Helm chart, as Helm 3 keeps it in the cluster: a Secret of type helm.sh/release.v1 for each revision. */
export interface HelmRelease {
  readonly name: string;
  readonly namespace: string;
  readonly revision: number;
  /** "deployed", "failed", "pending-upgrade" … */
  readonly status: string;
  readonly chart: { readonly name: string; readonly version: string };
  readonly firstDeployed: Date;
  readonly lastDeployed: Date;
  /** What was given beside the chart's defaults. */
  readonly values: JsonObject;
  /** What the release consists of; the chart's own CRDs are not listed. */
  readonly objects: readonly KubeObject[];
  /** The chart's own CRDs: of its folder crds/, which Helm installs and never takes away. */
  readonly definitions: readonly KubeObject[];
}

/** Most bytes of a release when it is unpacked; Helm's own limit of a Secret is 1 MiB packed. */
const mostBytes = 64 * 1024 * 1024;

/**
 * The release of that name as Helm left it last, or undefined when Helm has none. Undefined too when its record can't be
 * read: Helm itself would install anew.
 */
export async function findRelease(
  client: KubeClient,
  name: string,
  namespace: string,
): Promise<HelmRelease | undefined> {
  const { items } = await client.list(kinds.secrets, {
    namespace,
    labelSelector: `owner=helm,name=${name}`,
  });
  const [newest] = items
    .map(({ data }) => decode(data?.["release"] ?? "", namespace))
    .filter((release) => release !== undefined)
    .sort((a, b) => b.revision - a.revision);
  return newest;
}

/** Base64 in the Secret, base64 of Helm's, gzip, JSON. */
function decode(data: string, namespace: string): HelmRelease | undefined {
  let value: unknown;
  try {
    const packed = Buffer.from(Buffer.from(data, "base64").toString("latin1"), "base64");
    const text =
      packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed, { maxOutputLength: mostBytes }) : packed;
    value = JSON.parse(text.toString("utf8"));
  } catch {
    return undefined;
  }
  const field = (of: unknown, name: string) => (isJsonObject(of) ? of[name] : undefined);
  const metadata = field(field(value, "chart"), "metadata");
  const info = field(value, "info");
  const values = field(value, "config");
  return {
    name: String(field(value, "name") ?? ""),
    namespace,
    revision: Number(field(value, "version") ?? 0),
    status: String(field(info, "status") ?? "unknown"),
    chart: { name: String(field(metadata, "name") ?? ""), version: String(field(metadata, "version") ?? "") },
    firstDeployed: timeOf(field(info, "first_deployed")),
    lastDeployed: timeOf(field(info, "last_deployed")),
    values: isJsonObject(values) ? values : {},
    objects: objectsOf(String(field(value, "manifest") ?? "")),
    definitions: definitionsOf(field(field(value, "chart"), "files")),
  };
}

/** The files of a chart that are no templates: names, and contents in base64. */
function definitionsOf(files: unknown): HelmRelease["definitions"] {
  return (Array.isArray(files) ? (files as readonly unknown[]) : []).flatMap((file) => {
    const { name, data } = (isJsonObject(file) ? file : {}) as Readonly<Record<string, unknown>>;
    if (typeof name !== "string" || typeof data !== "string" || !name.startsWith("crds/")) return [];
    return objectsOf(Buffer.from(data, "base64").toString("utf8"));
  });
}

/** 1970 for what is no time. */
function timeOf(value: unknown): Date {
  return new Date(Date.parse(String(value)) || 0);
}

function objectsOf(manifest: string): HelmRelease["objects"] {
  return parseYamlObjects(manifest).objects.map(({ object }) => object);
}
