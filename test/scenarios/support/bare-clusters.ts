import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { formatYaml, readCrds } from "../../../src/kube/index.ts";
import { findKubectls } from "../../support/tools.ts";
import { dataplane, isthmus, patientUp, type Result, run } from "./running-mesh.ts";

/** What a bare cluster is like. */
export interface BareCluster {
  /** All of them have one, or none: then pods of all reach each other. */
  readonly network?: string;
  readonly region?: string;
  readonly zone?: string;
  /** Kubernetes version that it reports. */
  readonly kubernetes?: string;
}

export interface BareClustersOptions {
  /** By name, which is the context too. */
  readonly clusters: Readonly<Record<string, BareCluster>>;
}

/** Clusters that a process of its own runs, with nothing in them but what Kubernetes brings. */
export interface BareClusters {
  /** Contexts are called as the clusters. */
  readonly kubeconfig: string;
  /** Runs kubectl on a cluster; rejects when it fails, with what it said. */
  kubectl(cluster: string, ...args: string[]): Promise<string>;
  /** The same, but gives the result whatever it is. `input` goes to stdin. */
  tryKubectl(cluster: string, args: readonly string[], input?: string): Promise<Result>;
  /** Stops one cluster, whose address then answers 503, and starts it again. */
  stopCluster(cluster: string): Promise<void>;
  startCluster(cluster: string): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts clusters as a cloud gives them, for what knows clusters by a kubeconfig only. Images of Istio, of gateways and
 * of the examples run there as on any embedded cluster, whoever installs them. Rejects when they don't start.
 */
export async function startBareClusters({ clusters }: BareClustersOptions): Promise<BareClusters> {
  const folder = mkdtempSync(path.join(tmpdir(), "isthmus-bare-"));
  const file = { apiVersion: "isthmus.dev/v1alpha1", kind: "Mesh", name: "bare", clusters };
  writeFileSync(path.join(folder, "mesh.yaml"), formatYaml(file));
  const program = (...args: string[]) => run(process.execPath, [isthmus, ...args], { cwd: folder });
  const must = async (...args: string[]) => {
    const result = await program(...args);
    if (result.code !== 0) throw new Error(`isthmus ${args.join(" ")} failed:\n${result.stderr}`);
  };
  try {
    await must("up", "--bare", "--detach", ...patientUp, ...dataplane);
  } catch (reason) {
    rmSync(folder, { recursive: true, force: true });
    throw reason;
  }
  const kubeconfig = path.join(folder, ".isthmus/kubeconfig");
  const kubectlPath = findKubectls().at(-1)?.path ?? "kubectl";
  const cache = path.join(folder, ".home");
  const tryKubectl = (cluster: string, args: readonly string[], input?: string) =>
    run(
      kubectlPath,
      ["--kubeconfig", kubeconfig, "--context", cluster, "--cache-dir", cache, ...args],
      input === undefined ? {} : { input },
    );
  return {
    kubeconfig,
    tryKubectl,
    async kubectl(cluster, ...args) {
      const result = await tryKubectl(cluster, args);
      if (result.code !== 0)
        throw new Error(`kubectl --context ${cluster} ${args.join(" ")} failed:\n${result.stderr}`);
      return result.stdout;
    },
    stopCluster: (cluster) => must("cluster", "stop", cluster),
    startCluster: (cluster) => must("cluster", "start", cluster),
    async stop() {
      await program("down");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Writes Helm charts of Istio's names (base, istiod, gateway) into `folder`: they take the values that matter to a mesh,
 * and what they install is run by the stand-ins for Istio's images.
 */
export function writeIstioCharts(folder: string): void {
  cpSync(path.join(import.meta.dirname, "../testdata/charts"), folder, { recursive: true });
  const definitions = readCrds("istio").map(({ name, spec }) =>
    formatYaml({
      apiVersion: "apiextensions.k8s.io/v1",
      kind: "CustomResourceDefinition",
      // As Istio's own chart has it: they outlive the release.
      metadata: { name, annotations: { "helm.sh/resource-policy": "keep" } },
      spec,
    }),
  );
  mkdirSync(path.join(folder, "base/files"), { recursive: true });
  writeFileSync(path.join(folder, "base/files/crds.yaml"), definitions.join("---\n"));
}
