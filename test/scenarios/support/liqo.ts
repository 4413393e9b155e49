import assert from "node:assert/strict";
import { eventually, type MeshOptions, type MeshUnderTest, run, startExample } from "./running-mesh.ts";

/** Clusters of the liqo example: the first places pods on the second. */
export const liqoClusters = ["consumer", "provider1"] as const;
export type LiqoCluster = (typeof liqoClusters)[number];

/** Namespace of its app, and the service as callers in any namespace name it. */
export const appNamespace = "fluidosmesh";
export const service = "http://s0.fluidosmesh";
/** The service's cluster in proxies. */
export const serviceCluster = "outbound|80||s0.fluidosmesh.svc.cluster.local";

export const kubiaLine = /^You've hit (s0-[a-z0-9]+)-[a-z0-9]+-[a-z0-9]{5}$/;

/** A running liqo example, with the ways of its callers. */
export interface LiqoMesh extends MeshUnderTest {
  /** kubectl in the app's namespace of the consumer, where everything of the app is applied. */
  app(...args: string[]): Promise<string>;
  /** `isthmus status -o json` */
  status(): Promise<LiqoStatus>;
  /** The URL at which a cluster's ingress gateway is reached from outside. */
  ingress(cluster: LiqoCluster): Promise<string>;
  /** Lines that `times` requests from outside through a cluster's ingress gateway give, each on a connection of its own. */
  fromOutside(cluster: LiqoCluster, times?: number, path?: string): Promise<readonly string[]>;
  /** The same from the client pod that runs in a cluster, asked at that cluster's API. */
  fromPod(cluster: LiqoCluster, times?: number, url?: string): Promise<readonly string[]>;
  /** Scales a Deployment of the app, and waits until its pods are as many. */
  scale(deployment: string, replicas: number): Promise<void>;
}

/** What these tests read of a status. */
export interface LiqoStatus {
  readonly clusters: readonly { readonly name: string; readonly state: string; readonly istiod: boolean }[];
  readonly gateways: readonly { readonly cluster: string; readonly kind: string; readonly url?: string }[];
  readonly peerings: readonly {
    readonly consumer: string;
    readonly provider: string;
    readonly state: string;
    readonly problem?: string;
    readonly resources: Readonly<Record<string, string>>;
    readonly roundTrip: { readonly toProvider?: number; readonly toConsumer?: number };
    readonly lastSeen?: string;
  }[];
  readonly proxies: readonly { readonly cluster: string; readonly pod: string; readonly state: string }[];
  readonly findings: readonly { readonly code: string; readonly cause: string }[];
}

/** Starts a copy of the example, changed by `prepare`. */
export async function startLiqo(
  changes: Partial<Pick<MeshOptions, "args" | "prepare">> = {},
): Promise<LiqoMesh> {
  const mesh = await startExample({
    example: "liqo",
    client: "deploy/curl-consumer",
    container: "curl",
    namespace: appNamespace,
    ...changes,
  });
  const app = (...args: string[]) => mesh.kubectl("consumer", "-n", appNamespace, ...args);
  const status = async () => JSON.parse((await mesh.isthmus("status", "-o", "json")).stdout) as LiqoStatus;
  const ingress = async (cluster: LiqoCluster) => {
    const { gateways } = await status();
    const url = gateways.find((one) => one.cluster === cluster && one.kind === "ingress")?.url;
    assert.ok(url !== undefined, `${cluster} has no ingress gateway that is reached from outside`);
    return url;
  };
  const known = new Map<LiqoCluster, string>();
  const curl = ["curl", "-sS", "--max-time", "20", "-H", "Connection: close"] as const;
  return {
    ...mesh,
    app,
    status,
    ingress,
    async fromOutside(cluster, times = 1, path = "/s0") {
      const [program, ...args] = curl;
      const url = known.get(cluster) ?? (await ingress(cluster));
      const { stdout, stderr } = await run(program, [...args, `${url}${path}?n=[1-${times}]`]);
      const lines = linesOf(stdout + stderr);
      // Only as long as it answers: a gateway may get another address.
      if (lines.length > 0 && lines.every((line) => kubiaLine.test(line))) known.set(cluster, url);
      else known.delete(cluster);
      return lines;
    },
    async fromPod(cluster, times = 1, url = service) {
      const names = await mesh.kubectl(
        cluster,
        ...["-n", appNamespace, "get", "pods", "-l", `app-t=curl-${cluster}`, "-o", "name"],
      );
      const pod = names.split("\n")[0] ?? "";
      const inPod = ["exec", pod, "-c", "curl", "--", ...curl, `${url}?n=[1-${times}]`];
      const { stdout, stderr } = await mesh.tryKubectl(cluster, ["-n", appNamespace, ...inPod]);
      return linesOf(stdout + stderr);
    },
    async scale(deployment, replicas) {
      await app("scale", `deployment/${deployment}`, `--replicas=${replicas}`);
      await eventually(async () => {
        const pods = await app("get", "pods", "-l", `app-t=${deployment}`, "-o", "name");
        return linesOf(pods).length === replicas;
      }, 20_000);
      await app("rollout", "status", `deployment/${deployment}`, "--timeout=60s");
    },
  };
}

function linesOf(text: string): readonly string[] {
  return text.split("\n").filter((line) => line !== "");
}

/** The Deployments whose pods answered, in alphabetical order. Every line must be one of kubia's. */
export function answeredBy(lines: readonly string[]): readonly string[] {
  const found = lines.map((line) => {
    const [, deployment] = kubiaLine.exec(line) ?? [];
    assert.ok(deployment !== undefined, `not an answer of s0: ${line}`);
    return deployment;
  });
  assert.ok(found.length > 0, "no answer at all");
  return [...new Set(found)].sort();
}
