import type {
  ClusterView,
  Find,
  Finding,
  MeshView,
  ObjectReference,
  RegisteredCluster,
} from "../contracts.ts";
import { readyControlPlanes } from "../istiod/check-control-planes.ts";
import { mendedBy } from "../remedy.ts";
import { kubectl, listed } from "../text.ts";
import { systemNamespace } from "../view/labels.ts";

const refusal = /unauthorized|forbidden|certificate|\b40[13]\b/i;
const read = `-n ${systemNamespace} get secrets -l istio/multiCluster=true`;

/** The Secrets with which a control plane reads other clusters: missing, twice, refused there, or leading nowhere. */
export const checkCredentials: Find = (mesh) =>
  mesh.clusters.flatMap((cluster) => [
    ...duplicates(cluster),
    ...cluster.reads.flatMap((other) => credential(cluster, other, mesh)),
  ]);

function duplicates({ name, remoteSecrets }: ClusterView): Finding[] {
  const clusters = new Set(remoteSecrets.flatMap((secret) => secret.clusters));
  return [...clusters].flatMap((other) => {
    const secrets = remoteSecrets.filter((secret) => secret.clusters.includes(other)).map((one) => one.name);
    const superfluous = secrets.find((secret) => secret !== `istio-remote-secret-${other}`);
    if (secrets.length < 2 || superfluous === undefined) return [];
    return [
      {
        code: "credential/duplicate",
        severity: "error",
        cluster: name,
        objects: secrets.map((secret) => secretReference(name, secret)),
        effect: `istiod of ${name} reads only one API as ${other}: ours the older Secret's, upstream's the one that it saw first`,
        cause: `the Secrets ${listed(secrets)} of ${name} both hold a credential for ${other}; one of them is not used`,
        evidence: [kubectl(name, read, listed(secrets))],
        ...mendedBy([
          {
            kind: "delete",
            cluster: name,
            objects: { kind: "Secret", namespace: systemNamespace, names: [superfluous] },
          },
        ]),
      },
    ];
  });
}

function credential(cluster: ClusterView, other: string, mesh: MeshView): Finding[] {
  const { name, remoteSecrets } = cluster;
  const isRemote = [...mesh.clusters, ...mesh.unread].some(
    (one) => one.name === other && one.primary === name,
  );
  const effect = `${name} finds no pods of ${other}${isRemote ? `, and proxies of ${other} that connect anew are refused` : ""}`;
  const renew = `make it anew: istioctl create-remote-secret --context ${other} --name ${other} | kubectl --context ${name} apply -f -  (isthmus up does it too)`;
  const secret = remoteSecrets.find(({ clusters }) => clusters.includes(other));
  if (secret === undefined) {
    return [
      {
        code: "credential/missing",
        severity: "error",
        cluster: name,
        objects: [],
        effect,
        cause: `${other}: no credential. No Secret of ${name} labelled istio/multiCluster=true has the key ${other}`,
        evidence: [kubectl(name, read, listed(remoteSecrets.map((one) => one.name)))],
        fix: renew,
      },
    ];
  }
  const lines = mesh.controlPlanes?.get(name)?.clusters.filter(({ id }) => id === other) ?? [];
  // Of two Secrets for one cluster, said elsewhere, the one that is in use counts.
  const line = lines.find(({ syncStatus }) => syncStatus !== "unusable") ?? lines[0];
  // Of a cluster that nobody can read the reason is known; and without an istiod its word is an old one.
  if (
    line === undefined ||
    readyControlPlanes(cluster).length === 0 ||
    mesh.unread.some((one) => one.name === other)
  )
    return [];
  const trouble = troubleOf(line);
  if (trouble === undefined) return [];
  const life = secret.lives?.get(other);
  // Why it is refused is known then, and said: checkTokenLives.
  if (trouble === "refused" && life !== undefined && life.expiresAt <= mesh.now) return [];
  const evidence = [
    `istiod of ${name}, /debug/clusterz  →  ${other} ${line.syncStatus}${line.problem === undefined ? "" : `: ${line.problem}`}`,
    kubectl(name, `-n ${systemNamespace} get secret ${secret.name}`, "is there"),
  ];
  const reason = line.problem ?? line.syncStatus;
  switch (trouble) {
    case "refused":
      return [
        {
          code: "credential/refused",
          severity: "error",
          cluster: name,
          objects: [secretReference(name, secret.name)],
          effect: `changes in ${other} are not seen in ${name}${isRemote ? `, and proxies of ${other} that connect anew are refused` : ""}`,
          cause: `unauthorized: the API of ${other} does not take the credential in ${secret.name} (${reason})`,
          evidence,
          fix: renew,
        },
      ];
    case "unreachable":
      return [
        {
          code: "credential/unreachable",
          severity: "error",
          cluster: name,
          objects: [secretReference(name, secret.name)],
          effect: `changes in ${other} are not seen in ${name}${isRemote ? `, and proxies of ${other} that connect anew are refused` : ""}`,
          cause: `istiod of ${name} can't reach the API of ${other} at the address in ${secret.name} (${reason})`,
          evidence,
          fix: `correct the server's address in the kubeconfig, or open the way to it; ${renew}`,
        },
      ];
    case "unusable":
      return [
        {
          code: "credential/unusable",
          severity: "error",
          cluster: name,
          objects: [secretReference(name, secret.name)],
          effect,
          cause: `the kubeconfig in ${secret.name} can't be used: ${reason}`,
          evidence,
          fix: renew,
        },
      ];
  }
}

function secretReference(cluster: string, name: string): ObjectReference {
  return { cluster, kind: "Secret", namespace: systemNamespace, name };
}

function troubleOf({ syncStatus, problem = "" }: RegisteredCluster) {
  if (syncStatus === "synced" || syncStatus === "syncing") return undefined;
  if (syncStatus === "unusable") return "unusable";
  return refusal.test(problem) ? "refused" : "unreachable";
}

/** Why a control plane can't check tokens of a cluster's pods, in words; undefined when it can. */
export function credentialTrouble(cluster: ClusterView, other: string, mesh: MeshView): string | undefined {
  return credential(cluster, other, mesh)[0]?.cause;
}
