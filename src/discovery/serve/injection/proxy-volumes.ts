import type { Container } from "../../../kube/index.ts";
import type { Overlay, TemplateInput } from "./template.ts";

/** The volumes of a proxy: its token, the mesh's root certificate, what it writes, and what it is told of its pod. */
export function proxyVolumes({ values }: TemplateInput): Overlay["spec"]["volumes"] {
  return [
    { name: "workload-socket", emptyDir: {} },
    { name: "credential-socket", emptyDir: {} },
    { name: "workload-certs", emptyDir: {} },
    { name: "istio-envoy", emptyDir: { medium: "Memory" } },
    { name: "istio-data", emptyDir: {} },
    {
      name: "istio-podinfo",
      downwardAPI: {
        items: [
          { path: "labels", fieldRef: { fieldPath: "metadata.labels" } },
          { path: "annotations", fieldRef: { fieldPath: "metadata.annotations" } },
        ],
      },
    },
    {
      name: "istio-token",
      projected: {
        sources: [
          {
            serviceAccountToken: {
              path: "istio-token",
              expirationSeconds: 43_200,
              audience: values.tokenAudience,
            },
          },
        ],
      },
    },
    ...(hasRootVolume(values) ? [{ name: "istiod-ca-cert", configMap: { name: "istio-ca-root-cert" } }] : []),
  ];
}

/** Where a proxy's container has its volumes. */
export function proxyVolumeMounts({ values }: TemplateInput): NonNullable<Container["volumeMounts"]> {
  return [
    { name: "workload-socket", mountPath: "/var/run/secrets/workload-spiffe-uds" },
    { name: "credential-socket", mountPath: "/var/run/secrets/credential-uds" },
    { name: "workload-certs", mountPath: "/var/run/secrets/workload-spiffe-credentials" },
    ...(hasRootVolume(values) ? [{ name: "istiod-ca-cert", mountPath: "/var/run/secrets/istio" }] : []),
    { name: "istio-data", mountPath: "/var/lib/istio/data" },
    { name: "istio-envoy", mountPath: "/etc/istio/proxy" },
    { name: "istio-token", mountPath: "/var/run/secrets/tokens" },
    { name: "istio-podinfo", mountPath: "/etc/istio/pod" },
  ];
}

/** Only roots of istiod's own are handed out in ConfigMaps. */
function hasRootVolume({ certificateProvider }: TemplateInput["values"]): boolean {
  return certificateProvider === "istiod";
}
