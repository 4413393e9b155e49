import { type Container, type Pod, quantityMillis } from "../../kube/index.ts";

/**
 * The field of the pod that a fieldRef names, or undefined when Kubernetes has no such field. The pod's status
 * must already name its addresses.
 */
export function podField(pod: Pod, fieldPath: string): string | undefined {
  const { metadata, spec, status } = pod;
  const subscript = /^metadata\.(labels|annotations)\['(.*)'\]$/.exec(fieldPath);
  if (subscript !== null) {
    const [, map, name = ""] = subscript;
    return (map === "labels" ? metadata.labels : metadata.annotations)?.[name] ?? "";
  }
  switch (fieldPath) {
    case "metadata.name":
      return metadata.name;
    case "metadata.namespace":
      return metadata.namespace ?? "";
    case "metadata.uid":
      return metadata.uid ?? "";
    case "metadata.labels":
      return formatMap(metadata.labels);
    case "metadata.annotations":
      return formatMap(metadata.annotations);
    case "spec.nodeName":
      return spec.nodeName ?? "";
    case "spec.serviceAccountName":
      return spec.serviceAccountName ?? "default";
    case "status.hostIP":
      return status?.hostIP ?? "";
    case "status.hostIPs":
      return (status?.hostIPs ?? []).map(({ ip }) => ip).join(",");
    case "status.podIP":
      return status?.podIP ?? "";
    case "status.podIPs":
      return (status?.podIPs ?? []).map(({ ip }) => ip).join(",");
    default:
      return undefined;
  }
}

/** Labels or annotations in the form of a downward API file: sorted `key="value"` lines, values quoted as Go does. */
function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
    .join("\n");
}

/**
 * The number that a resourceFieldRef names ("limits.cpu", divided by `divisor` and rounded up). A limit that the
 * container does not set is what the node can give. Undefined when the resource or divisor makes no sense.
 */
export function resourceField(
  container: Container,
  resource: string,
  divisor: string | undefined,
  allocatable: Readonly<Record<string, string>>,
): string | undefined {
  const parts = /^(limits|requests)\.(.+)$/.exec(resource);
  if (parts === null) return undefined;
  const [, side, name = ""] = parts;
  const { limits, requests } = container.resources ?? {};
  const quantity =
    side === "limits"
      ? (limits?.[name] ?? allocatable[name] ?? "0")
      : (requests?.[name] ?? limits?.[name] ?? "0");
  const value = quantityMillis(quantity);
  const unit = quantityMillis(divisor === undefined || divisor === "0" ? "1" : divisor);
  if (value === undefined || unit === undefined || unit <= 0) return undefined;
  return String(Math.ceil(value / unit));
}
