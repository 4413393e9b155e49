import type { Find, Finding } from "../contracts.ts";
import { kubectl } from "../text.ts";
import { systemNamespace } from "../view/labels.ts";

/** As much of a token's life is left when it is not renewed in time, which is at half of it. */
const late = 1 / 3;

/** Tokens with which a control plane reads other clusters that have ended, or end soon since nobody renews them. */
export const checkTokenLives: Find = (mesh) =>
  mesh.clusters.flatMap((cluster) =>
    cluster.remoteSecrets.flatMap(({ name: secret, lives }) =>
      [...(lives ?? [])].flatMap(([other, { issuedAt, expiresAt }]): Finding[] => {
        const left = expiresAt - mesh.now;
        if (left > (expiresAt - issuedAt) * late) return [];
        const hasEnded = left <= 0;
        const end = new Date(expiresAt).toISOString();
        return [
          {
            code: hasEnded ? "credential/expired" : "credential/expiring",
            severity: hasEnded ? "error" : "warning",
            cluster: cluster.name,
            objects: [{ cluster: cluster.name, kind: "Secret", namespace: systemNamespace, name: secret }],
            effect: hasEnded
              ? `changes in ${other} are not seen in ${cluster.name}, or not any more when a connection breaks`
              : `from ${end} on, changes in ${other} are not seen in ${cluster.name}`,
            cause: `the token for ${other} in ${secret} ${hasEnded ? "ended" : "ends"} ${end}, and nobody has renewed it`,
            evidence: [
              kubectl(
                cluster.name,
                `-n ${systemNamespace} get secret ${secret}`,
                `a token of ${new Date(issuedAt).toISOString()}, until ${end}`,
              ),
            ],
            fix: "isthmus apply makes a new one (here isthmus up); with a management cluster its manager does, whose log says what keeps it: kubectl -n gloo-mesh logs deploy/gloo-mesh-mgmt-server",
          },
        ];
      }),
    ),
  );
