import { formatYaml, type KubeObject } from "../../kube/index.ts";

/** An object as its author would write it: without what the API server adds. */
export function yamlOf({ apiVersion, kind, metadata, status: _, ...rest }: KubeObject): string {
  const { name, namespace, labels, annotations = {} } = metadata;
  const { "kubectl.kubernetes.io/last-applied-configuration": __, ...kept } = annotations;
  return formatYaml({
    apiVersion,
    kind,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels === undefined ? {} : { labels }),
      ...(Object.keys(kept).length === 0 ? {} : { annotations: kept }),
    },
    ...rest,
  });
}
