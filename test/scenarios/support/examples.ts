import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type MeshOptions, type MeshUnderTest, startExample } from "./running-mesh.ts";

/** The service of both examples, as its callers name it, and the cluster of that name in their proxies. */
export const hello = "helloworld.sample:5000/hello";
export const helloCluster = "outbound|5000||helloworld.sample.svc.cluster.local";

type Changes = Partial<Pick<MeshOptions, "args" | "prepare">>;

/** Clusters of the oke example. */
export const okeClusters = ["fra", "ash"] as const;

export function startOke(changes: Changes = {}): Promise<MeshUnderTest> {
  return startExample({
    example: "oke",
    client: "deploy/curl",
    container: "curl",
    namespace: "sample",
    ...changes,
  });
}

/** The aks example without its traffic rules: most checks are about the mesh before them. */
export function startAks(changes: Changes = {}): Promise<MeshUnderTest> {
  return startExample({
    example: "aks",
    client: "deploy/sleep",
    container: "sleep",
    namespace: "sample",
    ...changes,
    prepare(folder) {
      edit(path.join(folder, "mesh.yaml"), /^.*file: traffic\/.*\n/gm, "");
      changes.prepare?.(folder);
    },
  });
}

/** Changes a file. Throws when there is nothing to change: the test would be about something else. */
export function edit(file: string, from: RegExp | string, to: string): void {
  const before = readFileSync(file, "utf8");
  const after = before.replace(from, to);
  if (after === before) throw new Error(`nothing in ${file} is like ${from}`);
  writeFileSync(file, after);
}
