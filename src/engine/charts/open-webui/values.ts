import type { Release } from "../chart-stand-in.ts";
import { count, isOn, list, section, text, texts, type Values } from "../read-values.ts";

/**
 * Values of the chart open-webui that its stand-in reads; everything else passes by unread (ollama's own workload, redis,
 * ingress and single sign-on among it). Defaults as the chart has them.
 */
export interface OpenWebuiValues {
  readonly release: string;
  readonly namespace: string;
  readonly name: string;
  /** Of the Service, which is named after the release. */
  readonly fullname: string;
  readonly image: string;
  readonly replicas: number;
  readonly pipelines: { readonly enabled: boolean; readonly port: number; readonly image: string };
  readonly persistence: {
    readonly enabled: boolean;
    readonly size: string;
    readonly existingClaim: string;
    readonly storageClass: string;
    readonly accessModes: readonly string[];
  };
  readonly service: {
    readonly type: string;
    readonly port: number;
    readonly containerPort: number;
    readonly nodePort: number | undefined;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations: Readonly<Record<string, string>>;
  };
  /** Where the pod finds its models, pipelines first; undefined when enableOpenaiApi is off. */
  readonly openaiUrls: readonly string[] | undefined;
  readonly extraEnvVars: readonly unknown[];
  readonly extraEnvFrom: readonly unknown[];
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  /** Fields of the pod's spec: nodeSelector, tolerations, affinity. */
  readonly placement: Values;
  readonly resources: Values;
}

const chart = "open-webui";
const defaultTag = "main";

export function readOpenWebuiValues({ name: release, namespace, version, values }: Release): OpenWebuiValues {
  const image = section(values, "image");
  const service = section(values, "service");
  const persistence = section(values, "persistence");
  const pipelines = section(values, "pipelines");
  const pipelinesImage = section(pipelines, "image");
  const name = text(values["nameOverride"], chart);
  const pipelinesPort = count(section(pipelines, "service")["port"], 9099);
  const hasPipelines = isOn(pipelines["enabled"], true);
  const domain = text(values["clusterDomain"], "cluster.local");
  const urls = list<string>(values["openaiBaseApiUrls"]);
  const url = text(values["openaiBaseApiUrl"], "");
  const { nodeSelector, tolerations, affinity } = values;
  return {
    release,
    namespace,
    name,
    fullname: text(values["fullnameOverride"], release.includes(name) ? release : `${release}-${name}`),
    image: `${text(image["repository"], "ghcr.io/open-webui/open-webui")}:${text(image["tag"], version ?? defaultTag)}`,
    replicas: count(values["replicaCount"], 1),
    pipelines: {
      enabled: hasPipelines,
      port: pipelinesPort,
      image: `${text(pipelinesImage["repository"], "ghcr.io/open-webui/pipelines")}:${text(pipelinesImage["tag"], defaultTag)}`,
    },
    persistence: {
      enabled: isOn(persistence["enabled"], true) && text(persistence["provider"], "local") === "local",
      size: text(persistence["size"], "2Gi"),
      existingClaim: text(persistence["existingClaim"], ""),
      storageClass: text(persistence["storageClass"], ""),
      accessModes: list<string>(persistence["accessModes"]),
    },
    service: {
      type: text(service["type"], "ClusterIP"),
      port: count(service["port"], 80),
      containerPort: count(service["containerPort"], 8080),
      nodePort: text(service["nodePort"], "") === "" ? undefined : count(service["nodePort"], 0),
      labels: texts(section(service, "labels")),
      annotations: texts(section(service, "annotations")),
    },
    openaiUrls: isOn(values["enableOpenaiApi"], true)
      ? [
          ...(hasPipelines ? [`http://${chart}-pipelines.${namespace}.svc.${domain}:${pipelinesPort}`] : []),
          ...(urls.length > 0 ? urls : url === "" ? [] : [url]),
        ]
      : undefined,
    extraEnvVars: list(values["extraEnvVars"]),
    extraEnvFrom: list(values["extraEnvFrom"]),
    podLabels: texts(section(values, "podLabels")),
    podAnnotations: texts(section(values, "podAnnotations")),
    placement: { nodeSelector, tolerations, affinity },
    resources: section(values, "resources"),
  };
}
