import { randomUUID } from "node:crypto";
import { gunzipSync, gzipSync } from "node:zlib";
import { IsthmusError } from "../../base/index.ts";
import { formatYaml, type KubeClient, type KubeObject, kinds, readCrds } from "../../kube/index.ts";
import type { Helm } from "../helm/helm-cli.ts";
import { applyLabel, readRevisions, recordWithStatus } from "../helm/helm-release.ts";
import { releaseRecord } from "../helm/release-record.ts";

const keep = "helm.sh/resource-policy";

/**
 * What helm does to a cluster when it installs charts of Istio's names, with few objects: a record that says that it is at work,
 * objects that bear the release's name, the record as it is in the end; definitions that outlive it. As helm does, it refuses a
 * release that somebody seems to work on. `clients` are by context.
 */
export function createFakeHelm(
  clients: ReadonlyMap<string, KubeClient>,
): Helm & { readonly installs: string[] } {
  const installs: string[] = [];
  const apply = randomUUID().slice(0, 8);
  const clientOf = (context: string): KubeClient => {
    const client = clients.get(context);
    if (client === undefined) throw new Error(`no context ${context}`);
    return client;
  };
  return {
    installs,
    async install({ name, namespace, chart, version = "0.0.0", values }, { context }) {
      const client = clientOf(context);
      installs.push(`${context}/${name}`);
      const [last] = await readRevisions(client, name, namespace);
      if (last !== undefined && /^pending-|^uninstalling/.test(last.release.status))
        throw new IsthmusError("tool/failed", "another operation (install/upgrade/rollback) is in progress");
      const annotations = {
        "meta.helm.sh/release-name": name,
        "meta.helm.sh/release-namespace": namespace,
      };
      const objects = objectsOf(chart, namespace, values).map((object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
      }));
      const at = new Date(0);
      const content = releaseRecord({
        ...{ name, namespace, values, first: at, last: at, objects },
        chart: { name: chart.split("/").at(-1) ?? chart, version },
      });
      const revision = (last?.release.revision ?? 0) + 1;
      const write = async (status: string) =>
        client.apply(kinds.secrets, recordOf(content, objects, { name, revision, status, apply }), "helm");
      await write(last === undefined ? "pending-install" : "pending-upgrade");
      for (const object of objects) await client.apply(kindOf(object), object, "helm");
      for (const { kind, metadata } of last?.release.status === "deployed" ? last.release.objects : [])
        if (!objects.some((object) => object.kind === kind && object.metadata.name === metadata.name))
          await client.delete(kindOf({ kind }), metadata.name, { namespace });
      await write("deployed");
    },
    preview: async (chart) => objectsOf(chart.chart, chart.namespace, chart.values),
    async uninstall({ name, namespace }, { context }) {
      const client = clientOf(context);
      const revisions = await readRevisions(client, name, namespace);
      const [last] = revisions;
      if (last !== undefined)
        await client.replace(
          kinds.secrets,
          recordWithStatus(last.record, "uninstalling", "Deletion in progress"),
        );
      for (const object of last?.release.objects ?? [])
        if (object.metadata.annotations?.[keep] === undefined)
          await client.delete(kindOf(object), object.metadata.name, { namespace });
      for (const { record } of revisions.toReversed())
        await client.delete(kinds.secrets, record.metadata.name, { namespace });
    },
  };
}

interface Revision {
  readonly name: string;
  readonly revision: number;
  readonly status: string;
  readonly apply: string;
}

/** Helm's own records list definitions too, where a chart has them among its templates. */
function recordOf(
  record: KubeObject,
  objects: readonly KubeObject[],
  { name, revision, status, apply }: Revision,
): KubeObject {
  const { release = "" } = (record["data"] ?? {}) as Readonly<Record<string, string>>;
  const packed = Buffer.from(Buffer.from(release, "base64").toString("latin1"), "base64");
  const manifest = objects.map((object) => `---\n${formatYaml(object)}`).join("");
  const content = JSON.parse(gunzipSync(packed).toString("utf8"));
  const whole = { ...content, manifest, version: revision, info: { ...content.info, status } };
  const repacked = gzipSync(JSON.stringify(whole)).toString("base64");
  return {
    ...record,
    metadata: {
      ...record.metadata,
      name: `sh.helm.release.v1.${name}.v${revision}`,
      labels: { ...record.metadata.labels, status, version: String(revision), [applyLabel]: apply },
    },
    data: { release: Buffer.from(repacked).toString("base64") },
  };
}

/** `values.extra` names a ConfigMap that the chart has beside its own. */
function objectsOf(
  chart: string,
  namespace: string,
  values: Readonly<Record<string, unknown>>,
): readonly KubeObject[] {
  const configMap = (name: string): KubeObject => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace },
    data: { mesh: "{}" },
  });
  if (chart !== "base")
    return ["istio", ...(typeof values["extra"] === "string" ? [values["extra"]] : [])].map(configMap);
  const reader = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "istio-reader-service-account", namespace },
  };
  const definitions = readCrds("istio")
    .filter(({ name }) => /^(virtualservices|gateways)\.networking\.istio\.io$/.test(name))
    .map(
      ({ name, spec }): KubeObject => ({
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name, annotations: { [keep]: "keep" } },
        spec,
      }),
    );
  return [reader, ...definitions];
}

function kindOf({ kind }: Pick<KubeObject, "kind">) {
  if (kind === "CustomResourceDefinition") return kinds.customResourceDefinitions;
  return kind === "ServiceAccount" ? kinds.serviceAccounts : kinds.configMaps;
}
