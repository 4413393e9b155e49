import type { KubeObject } from "../../../kube/index.ts";
import type { Addon } from "../../../mesh/index.ts";

export interface AddonPort {
  readonly name: string;
  readonly port: number;
  /** Default `port`. */
  readonly targetPort?: number;
}

/** A Service of an add-on. With `nodePort` its first port is reached at every node too. */
export function addonService(
  name: string,
  { namespace }: Addon,
  labels: Readonly<Record<string, string>>,
  ports: readonly AddonPort[],
  nodePort?: number,
): KubeObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels },
    spec: {
      type: nodePort === undefined ? "ClusterIP" : "NodePort",
      selector: labels,
      ports: ports.map(({ name: portName, port, targetPort = port }, index) => ({
        name: portName,
        port,
        targetPort,
        protocol: "TCP",
        ...(index === 0 && nodePort !== undefined ? { nodePort } : {}),
      })),
    },
  };
}

/** The Deployment of an add-on: one pod without a sidecar, whose template has `labels` too. */
export function addonDeployment(
  name: string,
  { namespace }: Addon,
  labels: Readonly<Record<string, string>>,
  template: {
    readonly annotations?: Readonly<Record<string, string>>;
    readonly spec: Readonly<Record<string, unknown>>;
  },
): KubeObject {
  const { annotations, spec } = template;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: {
          labels: { ...labels, "sidecar.istio.io/inject": "false" },
          ...(annotations === undefined ? {} : { annotations }),
        },
        spec,
      },
    },
  };
}
