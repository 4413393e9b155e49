import type { Pod } from "../../../kube/index.ts";
import { booleanOf } from "./check-annotations.ts";
import { withProxyEnvironment } from "./proxy-in-pod.ts";

const mergeAnnotation = "prometheus.istio.io/merge-metrics";

/**
 * Lets Prometheus scrape the agent, which serves the app's metrics along with the proxy's: annotations
 * prometheus.io/{scrape,port,path} point to it, and what the app had there is told to the agent. Nothing changes
 * where the pod says scrape "false", or merging is off. Throws RangeError for a port that is none.
 */
export function mergePrometheus(
  pod: Pod,
  options: { readonly isOn: boolean; readonly statusPort: number },
): Pod {
  const annotations = pod.metadata.annotations ?? {};
  const port = given(annotations, "port");
  const scrape = given(annotations, "scrape");
  const path = given(annotations, "path");
  const isOn = booleanOf(annotations[mergeAnnotation] ?? "") ?? options.isOn;
  if (!isOn || booleanOf(scrape ?? "") === false) return pod;
  const agentPort = String(options.statusPort);
  // Pointing to the agent already: injected before, or its author takes care of it.
  if (port === agentPort) return pod;
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) > 0 && Number(port) < 65536))
    throw new RangeError(`annotation prometheus.io/port has the value "${port}": it is no port`);
  const others = Object.entries(annotations).filter(([name]) => fieldOf(name) === undefined);
  const merged: Pod = {
    ...pod,
    metadata: {
      ...pod.metadata,
      annotations: {
        ...Object.fromEntries(others),
        "prometheus.io/port": agentPort,
        "prometheus.io/path": "/stats/prometheus",
        "prometheus.io/scrape": "true",
      },
    },
  };
  if (port === undefined && scrape === undefined && path === undefined) return merged;
  const value = JSON.stringify({ scrape: scrape ?? "", path: path ?? "", port: port ?? "" });
  return withProxyEnvironment(merged, new Map([["ISTIO_PROMETHEUS_ANNOTATIONS", value]]));
}

/** "scrape", "port" or "path", for an annotation that Prometheus' usual rules take for it: they read "prometheus_io_port" too. */
function fieldOf(annotation: string): string | undefined {
  return /^prometheus_io_(scrape|port|path)$/.exec(annotation.replace(/[^a-zA-Z0-9_]/g, "_"))?.[1];
}

function given(annotations: Readonly<Record<string, string>>, field: string): string | undefined {
  return Object.entries(annotations).find(([name]) => fieldOf(name) === field)?.[1];
}
