import { gunzipSync, gzipSync } from "node:zlib";
import {
  isJsonObject,
  type JsonObject,
  type KubeClient,
  type KubeObject,
  kinds,
  parseYamlObjects,
  type Secret,
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

/** A revision of a release, beside the Secret that is Helm's record of it. */
export interface HelmRevision {
  readonly release: HelmRelease;
  readonly record: Secret;
  /** Which apply of isthmus ran the helm that began it; undefined when somebody else did. */
  readonly apply: string | undefined;
  /** Whether the chart has hooks: those are all that a helm without --wait waits for. */
  readonly hasHooks: boolean;
}

/** Label of releases, given with `helm --labels`: which apply made the revision. Later revisions inherit it. */
export const applyLabel = "isthmus.dev/apply";

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
  const [newest] = await readRevisions(client, name, namespace);
  return newest?.release;
}

/** All revisions of a release that Helm remembers and that can be read, the newest first. */
export async function readRevisions(
  client: KubeClient,
  name: string,
  namespace: string,
): Promise<readonly HelmRevision[]> {
  const { items } = await client.list(kinds.secrets, {
    namespace,
    labelSelector: `owner=helm,name=${name}`,
  });
  const found = items
    .flatMap((record) => {
      const content = unpackRecord(record.data?.["release"] ?? "");
      return content === undefined ? [] : [{ record, content, release: releaseOf(content, namespace) }];
    })
    .sort((a, b) => a.release.revision - b.release.revision);
  const begun = new Set<string>();
  const revisions = found.map(({ record, content, release }): HelmRevision => {
    const label = record.metadata.labels?.[applyLabel];
    const apply = label === undefined || begun.has(label) ? undefined : label;
    if (label !== undefined) begun.add(label);
    const { hooks } = content;
    return { release, record, apply, hasHooks: Array.isArray(hooks) && hooks.length > 0 };
  });
  return revisions.reverse();
}

/** What a record holds: base64 in the Secret, base64 of Helm's, gzip, JSON. Undefined when it is something else. */
function unpackRecord(data: string): JsonObject | undefined {
  try {
    const packed = Buffer.from(Buffer.from(data, "base64").toString("latin1"), "base64");
    const text =
      packed[0] === 0x1f && packed[1] === 0x8b ? gunzipSync(packed, { maxOutputLength: mostBytes }) : packed;
    const value: unknown = JSON.parse(text.toString("utf8"));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A record with another state of its release, and what Helm is to say of it. */
export function recordWithStatus(record: Secret, status: string, description: string): Secret {
  const content = unpackRecord(record.data?.["release"] ?? "") ?? {};
  const { info } = content;
  const changed = { ...content, info: { ...(isJsonObject(info) ? info : {}), status, description } };
  const packed = gzipSync(JSON.stringify(changed)).toString("base64");
  return {
    ...record,
    metadata: { ...record.metadata, labels: { ...record.metadata.labels, status } },
    data: { release: Buffer.from(packed).toString("base64") },
  };
}

function releaseOf(content: JsonObject, namespace: string): HelmRelease {
  const field = (of: unknown, name: string) => (isJsonObject(of) ? of[name] : undefined);
  const metadata = field(field(content, "chart"), "metadata");
  const info = field(content, "info");
  const values = field(content, "config");
  return {
    name: String(field(content, "name") ?? ""),
    namespace,
    revision: Number(field(content, "version") ?? 0),
    status: String(field(info, "status") ?? "unknown"),
    chart: { name: String(field(metadata, "name") ?? ""), version: String(field(metadata, "version") ?? "") },
    firstDeployed: timeOf(field(info, "first_deployed")),
    lastDeployed: timeOf(field(info, "last_deployed")),
    values: isJsonObject(values) ? values : {},
    objects: objectsOf(String(field(content, "manifest") ?? "")),
    definitions: definitionsOf(field(field(content, "chart"), "files")),
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
