import { appContainers, type Overlay, type TemplateInput } from "./template.ts";

const defaultContainer = "kubectl.kubernetes.io/default-container";
const defaultLogsContainer = "kubectl.kubernetes.io/default-logs-container";

/** Labels that telemetry and the registry know a workload by. */
export function canonicalLabels({ pod, workload }: TemplateInput): Record<string, string> {
  const labels = pod.metadata.labels ?? {};
  const name =
    labels["service.istio.io/canonical-name"] ||
    labels["app.kubernetes.io/name"] ||
    labels["app"] ||
    workload.name;
  return {
    // A workload's name may be longer than a label's value, and a cut one must not end in a separator.
    "service.istio.io/canonical-name": name.slice(0, 63).replace(/^[-_.]+|[-_.]+$/g, ""),
    "service.istio.io/canonical-revision":
      labels["service.istio.io/canonical-revision"] ||
      labels["app.kubernetes.io/version"] ||
      labels["version"] ||
      "latest",
  };
}

/** The annotations that every template adds: its revision, and which container kubectl means by default. */
export function commonAnnotations({ pod, values }: TemplateInput): Overlay["metadata"]["annotations"] {
  const annotations = pod.metadata.annotations ?? {};
  const first = appContainers(pod)[0]?.name;
  const unlessSet = (name: string) =>
    first === undefined || annotations[name] !== undefined ? {} : { [name]: first };
  return {
    "istio.io/rev": values.revision,
    ...unlessSet(defaultLogsContainer),
    ...unlessSet(defaultContainer),
  };
}
