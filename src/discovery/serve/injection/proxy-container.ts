import type { Container, Probe } from "../../../kube/index.ts";
import { proxyImage } from "./proxy-image.ts";
import { proxyVolumeMounts } from "./proxy-volumes.ts";
import { numberSetting, proxyContainerName, setting, type TemplateInput } from "./template.ts";

/** What the proxy's container is in every template; a template adds variables, probes and rights. */
export function proxyContainer(input: TemplateInput, role: "sidecar" | "router"): Container {
  const { values } = input;
  return {
    name: proxyContainerName,
    image: proxyImage(input, "proxyImage"),
    ...(values.imagePullPolicy === "" ? {} : { imagePullPolicy: values.imagePullPolicy }),
    ports: [{ containerPort: 15090, protocol: "TCP", name: "http-envoy-prom" }],
    args: [
      "proxy",
      role,
      "--domain",
      `$(POD_NAMESPACE).svc.${String(values.proxy["clusterDomain"])}`,
      `--proxyLogLevel=${setting(input, "sidecar.istio.io/logLevel", "logLevel")}`,
      `--proxyComponentLogLevel=${setting(input, "sidecar.istio.io/componentLogLevel", "componentLogLevel")}`,
      agentLogLevel(input),
      ...(values.logAsJson ? ["--log_as_json"] : []),
    ],
    volumeMounts: proxyVolumeMounts(input),
  };
}

/** The argument that sets the log level of the agent. */
export function agentLogLevel({ pod, values }: TemplateInput): string {
  return `--log_output_level=${pod.metadata.annotations?.["sidecar.istio.io/agentLogLevel"] ?? values.logLevel}`;
}

const readinessAnnotation = "readiness.status.sidecar.istio.io/";

/** Asks the proxy whether it has its configuration. */
export function readinessProbe(input: TemplateInput): Probe {
  return {
    httpGet: { path: "/healthz/ready", port: 15021 },
    initialDelaySeconds: numberSetting(
      input,
      `${readinessAnnotation}initialDelaySeconds`,
      "readinessInitialDelaySeconds",
    ),
    periodSeconds: numberSetting(input, `${readinessAnnotation}periodSeconds`, "readinessPeriodSeconds"),
    timeoutSeconds: 3,
    failureThreshold: numberSetting(
      input,
      `${readinessAnnotation}failureThreshold`,
      "readinessFailureThreshold",
    ),
  };
}
