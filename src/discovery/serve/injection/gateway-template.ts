import { proxyContainer, readinessProbe } from "./proxy-container.ts";
import { proxyEnvironment } from "./proxy-environment.ts";
import { canonicalLabels, commonAnnotations } from "./proxy-metadata.ts";
import { proxyVolumes } from "./proxy-volumes.ts";
import type { Overlay, TemplateInput } from "./template.ts";

/** Istio's template `gateway`: the pod is nothing but a proxy, and nothing is redirected to it. */
export function gatewayTemplate(input: TemplateInput): Overlay {
  const { values, workload, proxyConfig } = input;
  return {
    metadata: { labels: canonicalLabels(input), annotations: commonAnnotations(input) },
    spec: {
      // Gateways listen on ports such as 80 and 443 without further rights.
      securityContext: { sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }] },
      containers: [
        {
          ...proxyContainer(input, "router"),
          securityContext: { runAsUser: 1337, runAsGroup: 1337 },
          env: proxyEnvironment(input, {
            workloadName: workload.name,
            interceptionMode: proxyConfig.interceptionMode,
          }),
          readinessProbe: readinessProbe(input),
        },
      ],
      volumes: proxyVolumes(input),
      ...(values.imagePullSecrets.length === 0
        ? {}
        : { imagePullSecrets: values.imagePullSecrets.map((name) => ({ name })) }),
    },
  };
}
