import type { Pod } from "../../../kube/index.ts";
import { proxyContainerName } from "./template.ts";

/** Annotation that says of one pod whether its proxy is a native sidecar. */
export const nativeSidecarAnnotation = "sidecar.istio.io/nativeSidecar";

/**
 * Whether a pod's sidecar is a native one: an init container that starts before the others, stays, and is ended after
 * the app's containers. The annotation decides, as upstream. Without it those pods get one that are to end by
 * themselves, such as a Job's: an ordinary container would keep them running for ever.
 */
export function isNativeSidecar({ metadata, spec }: Pod): boolean {
  switch (metadata.annotations?.[nativeSidecarAnnotation]) {
    case "true":
      return true;
    case "false":
      return false;
    default:
      return spec.restartPolicy === "Never" || spec.restartPolicy === "OnFailure";
  }
}

/**
 * The pod with what its author wrote for the proxy's container among the init containers, where a native sidecar's
 * template has it: customizations are written under `containers` wherever the proxy ends up.
 */
export function withProxyAmongInitContainers(pod: Pod): Pod {
  const { containers, initContainers = [] } = pod.spec;
  const own = containers.filter(({ name }) => name === proxyContainerName);
  if (own.length === 0) return pod;
  return {
    ...pod,
    spec: {
      ...pod.spec,
      containers: containers.filter(({ name }) => name !== proxyContainerName),
      initContainers: [...initContainers, ...own],
    },
  };
}
