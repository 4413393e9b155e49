import { gzipSync } from "node:zlib";
import { formatYaml, type JsonObject, type KubeObject } from "../../kube/index.ts";

/** A chart that was applied without Helm. */
export interface AppliedChart {
  readonly name: string;
  readonly namespace: string;
  readonly chart: { readonly name: string; readonly version: string };
  readonly values: JsonObject;
  readonly objects: readonly KubeObject[];
  /** When it was first applied, and when last. */
  readonly first: Date;
  readonly last: Date;
}

/**
 * The record that Helm 3 would have of the release (a Secret of type helm.sh/release.v1), so that stock helm lists it, shows
 * its values and uninstalls it. As with Helm's own crds/ folders, CustomResourceDefinitions are no part of the release.
 */
export function releaseRecord(applied: AppliedChart): KubeObject {
  const { name, namespace, chart, values, objects, first, last } = applied;
  const release = {
    name,
    namespace,
    version: 1,
    info: {
      first_deployed: first.toISOString(),
      last_deployed: last.toISOString(),
      deleted: "",
      description: "Applied by isthmus",
      status: "deployed",
    },
    chart: {
      metadata: { ...chart, appVersion: chart.version, apiVersion: "v2" },
      lock: null,
      templates: [],
      values: {},
      schema: null,
      files: [],
    },
    config: values,
    manifest: releaseObjects(objects)
      .map((object) => `---\n${formatYaml(object)}`)
      .join(""),
  };
  const packed = gzipSync(JSON.stringify(release)).toString("base64");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: {
      ...recordReference(name, namespace).metadata,
      labels: {
        name,
        owner: "helm",
        status: "deployed",
        version: "1",
        modifiedAt: String(Math.floor(last.getTime() / 1000)),
      },
    },
    type: "helm.sh/release.v1",
    data: { release: Buffer.from(packed).toString("base64") },
  };
}

/** What of a chart's objects belongs to its release. */
export function releaseObjects(objects: readonly KubeObject[]): readonly KubeObject[] {
  return objects.filter(({ kind }) => kind !== "CustomResourceDefinition");
}

/** The record by name. It is the first revision's: whoever goes on with helm makes the next ones. */
export function recordReference(release: string, namespace: string): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: `sh.helm.release.v1.${release}.v1`, namespace },
  };
}

/** The release that a Secret is a record of, by the Secret's name. */
export function releaseOfRecord(secret: string): string | undefined {
  return /^sh\.helm\.release\.v1\.(.+)\.v\d+$/.exec(secret)?.[1];
}
