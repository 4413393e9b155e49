import type { KubeObject } from "../../kube/index.ts";
import type { Find, Finding } from "../contracts.ts";
import { reference } from "../object-reference.ts";
import { listed } from "../text.ts";
import { istioKinds } from "../view/read-kinds.ts";

/** Istio's objects in a remote cluster: nobody reads them there. */
export const checkIgnoredRules: Find = ({ clusters }) =>
  clusters
    .filter(({ name, primary }) => name !== primary)
    .flatMap((cluster): Finding[] => {
      const { name, primary } = cluster;
      const rules = istioKinds.flatMap((kind): readonly KubeObject[] => cluster[kind]);
      const [first] = rules;
      if (first === undefined) return [];
      const names = rules.map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
      const get = (cluster: string) =>
        `kubectl --context ${cluster} -n ${first.metadata.namespace} get ${first.kind.toLowerCase()} ${first.metadata.name}`;
      return [
        {
          code: "traffic/ignored-on-remote",
          severity: "warning",
          cluster: name,
          objects: rules.map((rule) => reference(cluster, rule)),
          effect: `${listed(names)} in ${name} ${rules.length === 1 ? "has" : "have"} no effect`,
          cause: `${name} is remote: Istio reads configuration from ${primary}`,
          evidence: [`${get(name)}  →  is there`],
          fix: `apply ${rules.length === 1 ? "it" : "them"} to ${primary} instead (kubectl --context ${primary} apply -f FILE), and delete ${rules.length === 1 ? "it" : "them"} in ${name}`,
        },
      ];
    });
