import { type Container, isJsonObject, type JsonObject } from "../../../kube/index.ts";
import { initContainer } from "./init-container.ts";
import { isNativeSidecar } from "./native-sidecar.ts";
import { proxyContainer, readinessProbe } from "./proxy-container.ts";
import { proxyEnvironment } from "./proxy-environment.ts";
import { canonicalLabels, commonAnnotations } from "./proxy-metadata.ts";
import { proxyVolumeMounts, proxyVolumes } from "./proxy-volumes.ts";
import { interceptionModeOf, proxyResources } from "./sidecar-settings.ts";
import { type Overlay, setting, type TemplateInput } from "./template.ts";
import { userVolumeMounts, userVolumes } from "./user-volumes.ts";

/**
 * Istio's template `sidecar`: a proxy beside the app's containers, and an init container that redirects the pod's
 * connections to it. The app's HTTP probes stay as they are: whoever runs these pods reaches the app on an address
 * past the proxy, so that nothing has to answer probes in the app's name.
 */
export function sidecarTemplate(input: TemplateInput): Overlay {
  const { pod, values, workload } = input;
  const labels = pod.metadata.labels ?? {};
  const interceptionMode = interceptionModeOf(input);
  const redirection = interceptionMode === "NONE" ? [] : [initContainer(input)];
  const isNative = isNativeSidecar(pod);
  const proxy: Container = {
    ...proxyContainer(input, "sidecar"),
    ...(isNative ? { restartPolicy: "Always" } : {}),
    ...lifecycle(input),
    env: proxyEnvironment(input, {
      workloadName: labels["service.istio.io/workload-name"] || workload.name,
      interceptionMode,
    }),
    ...probes(input),
    securityContext: securityContext(input, interceptionMode),
    resources: proxyResources(input),
    volumeMounts: [...proxyVolumeMounts(input), ...userVolumeMounts(pod)],
  };
  return {
    metadata: {
      labels: {
        "security.istio.io/tlsMode": labels["security.istio.io/tlsMode"] || "istio",
        ...canonicalLabels(input),
      },
      annotations: commonAnnotations(input),
    },
    spec: {
      ...(isNative
        ? { initContainers: [...redirection, proxy], containers: [] }
        : { ...(redirection.length === 0 ? {} : { initContainers: redirection }), containers: [proxy] }),
      volumes: [...proxyVolumes(input), ...userVolumes(pod)],
      ...(values.imagePullSecrets.length === 0
        ? {}
        : { imagePullSecrets: values.imagePullSecrets.map((name) => ({ name })) }),
    },
  };
}

/** Containers start in order, and a postStart hook holds up the next: the app waits for a ready proxy. */
function lifecycle({ values, proxyConfig }: TemplateInput): Pick<Container, "lifecycle"> {
  const own = values.proxy["lifecycle"];
  if (isJsonObject(own) && Object.keys(own).length > 0) return { lifecycle: own };
  return values.holdApplicationUntilProxyStarts || proxyConfig.holdApplicationUntilProxyStarts
    ? { lifecycle: { postStart: { exec: { command: ["pilot-agent", "wait"] } } } }
    : {};
}

/** Port 0 of the status server turns the probes off. */
function probes(input: TemplateInput): Pick<Container, "startupProbe" | "readinessProbe"> {
  if (setting(input, "status.sidecar.istio.io/port", "statusPort") === "0") return {};
  const startup = input.values.proxy["startupProbe"];
  const { enabled = true, failureThreshold = 600 } = isJsonObject(startup) ? startup : {};
  const readiness = readinessProbe(input);
  return {
    ...(enabled === false
      ? {}
      : {
          startupProbe: {
            httpGet: { path: "/healthz/ready", port: 15021 },
            initialDelaySeconds: 0,
            periodSeconds: 1,
            timeoutSeconds: 3,
            failureThreshold: Number(failureThreshold),
          },
        }),
    readinessProbe: readiness,
  };
}

function securityContext(input: TemplateInput, interceptionMode: string): JsonObject {
  const { privileged, seccompProfile } = input.values.proxy;
  const added = [
    ...(interceptionMode === "TPROXY" ? ["NET_ADMIN"] : []),
    ...(setting(input, "sidecar.istio.io/capNetBindService", "capNetBindService") === "true"
      ? ["NET_BIND_SERVICE"]
      : []),
  ];
  const needsRoot = added.length > 0;
  return {
    allowPrivilegeEscalation: privileged === true,
    capabilities: { ...(needsRoot ? { add: added } : {}), drop: ["ALL"] },
    privileged: privileged === true,
    readOnlyRootFilesystem: true,
    runAsGroup: 1337,
    runAsNonRoot: !needsRoot,
    runAsUser: needsRoot ? 0 : 1337,
    ...(isJsonObject(seccompProfile) && Object.keys(seccompProfile).length > 0 ? { seccompProfile } : {}),
  };
}
