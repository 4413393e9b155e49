import { isJsonObject, type Kubeconfig, readKubeconfig } from "../../kube/index.ts";

/**
 * Refuses the kubeconfig of a remote secret that would make the control plane run programs or read files of its own
 * machine, as istiod does: whoever may write the Secret must not get more than access to another cluster. Throws with
 * everything that is wrong.
 */
export function checkRemoteKubeconfig(text: string): void {
  const found = forbidden(readKubeconfig(text, "the kubeconfig"));
  if (found.length === 0) return;
  throw new Error(
    `not allowed in the kubeconfig of a remote secret: ${found.join(", ")}; write certificates and keys into it (…-data), or use a token`,
  );
}

const userFields = ["exec", "auth-provider", "tokenFile", "client-certificate", "client-key"] as const;
const clusterFields = ["certificate-authority"] as const;

function forbidden({ users, clusters }: Kubeconfig): string[] {
  const named = (
    kind: string,
    entries: ReadonlyMap<string, Readonly<Record<string, unknown>>>,
    fields: readonly string[],
  ) =>
    [...entries].flatMap(([name, entry]) =>
      fields
        .filter((field) => entry[field] !== undefined && !isOidc(field, entry[field]))
        .map((field) => `${kind} "${name}" has ${field}`),
    );
  return [...named("user", users, userFields), ...named("cluster", clusters, clusterFields)];
}

/** OpenID Connect runs nothing and reads nothing. */
const isOidc = (field: string, value: unknown) =>
  field === "auth-provider" && isJsonObject(value) && value["name"] === "oidc";
