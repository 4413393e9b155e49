import { gunzipSync, gzipSync } from "node:zlib";
import { formatYaml, type KubeClient, type KubeObject, kinds, readCrds } from "../../kube/index.ts";
import type { Helm } from "../helm/helm-cli.ts";
import { findRelease } from "../helm/helm-release.ts";
import { releaseRecord } from "../helm/release-record.ts";

const keep = "helm.sh/resource-policy";

/**
 * What helm does to a cluster when it installs charts of Istio's names, with few objects: records, objects that bear the release's
 * name, definitions that outlive it. `clients` are by context.
 */
export function createFakeHelm(
  clients: ReadonlyMap<string, KubeClient>,
): Helm & { readonly installs: string[] } {
  const installs: string[] = [];
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
      const annotations = {
        "meta.helm.sh/release-name": name,
        "meta.helm.sh/release-namespace": namespace,
      };
      const objects = objectsOf(chart, namespace).map((object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
      }));
      for (const object of objects) await client.apply(kindOf(object), object, "helm");
      const at = new Date(0);
      const record = releaseRecord({
        ...{ name, namespace, values, first: at, last: at, objects },
        chart: { name: chart, version },
      });
      await client.apply(kinds.secrets, withDefinitions(record, objects), "helm");
    },
    preview: async (chart) => objectsOf(chart.chart, chart.namespace),
    async uninstall({ name, namespace }, { context }) {
      const client = clientOf(context);
      const release = await findRelease(client, name, namespace);
      for (const object of release?.objects ?? [])
        if (object.metadata.annotations?.[keep] === undefined)
          await client.delete(kindOf(object), object.metadata.name, { namespace });
      await client.delete(kinds.secrets, `sh.helm.release.v1.${name}.v1`, { namespace });
    },
  };
}

/** Helm's own records list definitions too, where a chart has them among its templates. */
function withDefinitions(record: KubeObject, objects: readonly KubeObject[]): KubeObject {
  const { release = "" } = (record["data"] ?? {}) as Readonly<Record<string, string>>;
  const packed = Buffer.from(Buffer.from(release, "base64").toString("latin1"), "base64");
  const manifest = objects.map((object) => `---\n${formatYaml(object)}`).join("");
  const whole = { ...JSON.parse(gunzipSync(packed).toString("utf8")), manifest };
  const repacked = gzipSync(JSON.stringify(whole)).toString("base64");
  return { ...record, data: { release: Buffer.from(repacked).toString("base64") } };
}

function objectsOf(chart: string, namespace: string): readonly KubeObject[] {
  if (chart !== "base")
    return [
      { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "istio", namespace }, data: { mesh: "{}" } },
    ];
  const reader = {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "istio-reader-service-account", namespace },
  };
  const definitions = readCrds("istio")
    .filter(({ name }) => name === "virtualservices.networking.istio.io")
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

function kindOf({ kind }: KubeObject) {
  if (kind === "CustomResourceDefinition") return kinds.customResourceDefinitions;
  return kind === "ServiceAccount" ? kinds.serviceAccounts : kinds.configMaps;
}
