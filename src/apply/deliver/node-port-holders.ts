import { type ApiError, type KubeClient, type KubeObject, kinds, type Service } from "../../kube/index.ts";

/**
 * Who has the node ports for which a Service was refused, in words: "30001 is the Service monitoring/grafana's". Empty
 * when it was refused for something else.
 */
export async function nodePortHolders(
  client: KubeClient,
  object: KubeObject,
  refusal: ApiError,
): Promise<string> {
  if (object.kind !== "Service") return "";
  const { ports = [] } = (object as Service).spec;
  const refused = (refusal.status.details?.causes ?? []).flatMap(({ field = "" }) => {
    const [, index] = /^spec\.ports\[(\d+)\]\.nodePort$/.exec(field) ?? [];
    return ports[Number(index)]?.nodePort ?? [];
  });
  if (refused.length === 0) return "";
  const { items } = await client.list(kinds.services);
  const held = refused.flatMap((port) =>
    items
      .filter(
        ({ metadata, spec }) =>
          spec.ports?.some(({ nodePort }) => nodePort === port) === true &&
          !(metadata.name === object.metadata.name && metadata.namespace === object.metadata.namespace),
      )
      .map(({ metadata }) => `${port} is the Service ${metadata.namespace}/${metadata.name}'s`),
  );
  return held.join(", ");
}
