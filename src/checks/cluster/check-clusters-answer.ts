import type { Find } from "../contracts.ts";

/** A cluster whose API does not answer: nothing can be said of it, and its control plane goes on with what it knew. */
export const checkClustersAnswer: Find = ({ unread, controlPlanes }) =>
  unread.map(({ name, primary, reason, fix, remedies }) => {
    const seen =
      primary === name ? undefined : controlPlanes?.get(primary)?.clusters.find(({ id }) => id === name);
    return {
      code: "cluster/not-answering",
      severity: "error",
      cluster: name,
      objects: [],
      effect: `changes in ${name} are not seen, and nothing of it could be checked`,
      cause: `the API of ${name} can't be read: ${reason}`,
      evidence: [
        `kubectl --context ${name} get namespaces  →  fails`,
        ...(seen === undefined
          ? []
          : [`istiod of ${primary} sees ${name} as: ${seen.problem ?? seen.syncStatus}`]),
      ],
      fix,
      ...(remedies === undefined ? {} : { remedies }),
    };
  });
