import type { KubeObject } from "../../kube/index.ts";

/** A Secret that is in Git only as what Sealed Secrets made of it. */
export interface SealedFile {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  /** Where it is expected, in the folder of a unit. */
  readonly file: string;
}

/** Where a Secret of a unit's folder is expected once it is sealed. */
export function sealedFile({ metadata }: KubeObject, cluster: string, folder: string): SealedFile {
  const { name, namespace = "default" } = metadata;
  return { cluster, namespace, name, file: `${folder}/${namespace}.${name}.sealed.yaml` };
}

/** The script with which people seal them: only they have the Secrets, and each cluster its own key. */
export function sealScript(files: readonly SealedFile[]): string {
  const lines = [
    "#!/usr/bin/env bash",
    "# Written by isthmus compile: seals the mesh's Secrets for their clusters, of which the contexts are called as in the mesh file.",
    "#   ./seal.sh FOLDER      with FOLDER/CLUSTER/NAMESPACE/NAME.yaml, each a Secret; keep it out of Git",
    "set -euo pipefail",
    'secrets="$(cd "${1:?name the folder with the Secrets}" && pwd)"',
    'cd "$(dirname "$0")"',
    "seal() {",
    '  kubeseal --context "$1" --namespace "$2" --format yaml < "$secrets/$1/$2/$3.yaml" > "$4.new"',
    '  mv "$4.new" "$4"',
    '  echo "$4"',
    "}",
    ...files.map(({ cluster, namespace, name, file }) => `seal ${cluster} ${namespace} ${name} ${file}`),
  ];
  return `${lines.join("\n")}\n`;
}
