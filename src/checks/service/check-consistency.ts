import { jsonEqual, type Service } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { groupBy } from "../group-by.ts";
import { reference } from "../object-reference.ts";
import { kubectl, listed } from "../text.ts";
import { isSystemNamespace } from "../view/labels.ts";

interface Placed {
  readonly service: Service;
  readonly cluster: ClusterView;
}

/** Services of one name that are not the same in all clusters: to the mesh they are one service. */
export const checkConsistency: Find = ({ clusters }) => {
  const placed = clusters.flatMap((cluster) =>
    cluster.services
      .filter(({ metadata }) => !isSystemNamespace(metadata.namespace ?? "") && !isOfKubernetes(metadata))
      .map((service): Placed => ({ service, cluster })),
  );
  return [
    ...groupBy(placed, ({ service: { metadata } }) => `${metadata.name}.${metadata.namespace}`),
  ].flatMap(([host, several]) => checkOne(host, several));
};

function checkOne(host: string, several: readonly Placed[]): Finding[] {
  const differing = aspects.filter(({ of }) =>
    several.some(({ service }) => !jsonEqual(of(service), of(several[0]?.service ?? service))),
  );
  const [first] = several;
  if (first === undefined || differing.length === 0) return [];
  const clusters = several.map(({ cluster }) => cluster.name);
  return [
    {
      code: "service/inconsistent",
      severity: "warning",
      cluster: first.cluster.name,
      objects: several.map(({ service, cluster }) => reference(cluster, service, differing[0]?.path)),
      effect: `calls to ${host} go different ways: ${listed(clusters)} are one service to the mesh, and not the same`,
      cause: `Service ${host} differs in ${listed(differing.map(({ name }) => name))}`,
      evidence: differing.flatMap(({ of, path }) =>
        several.map(({ service, cluster }) =>
          kubectl(
            cluster.name,
            `-n ${service.metadata.namespace} get service ${service.metadata.name} -o jsonpath={.${path}}`,
            JSON.stringify(of(service)),
          ),
        ),
      ),
      fix: `apply the same Service to ${listed(clusters)}`,
    },
  ];
}

/** What must not differ, as it is compared. Node ports and addresses are each cluster's own. */
const aspects: readonly {
  readonly name: string;
  readonly path: string;
  of(service: Service): unknown;
}[] = [
  {
    name: "being headless",
    path: "spec.clusterIP",
    of: ({ spec }) => (spec.clusterIP === "None" ? "None" : "(an address)"),
  },
  { name: "type", path: "spec.type", of: ({ spec }) => spec.type ?? "ClusterIP" },
  {
    name: "ports",
    path: "spec.ports",
    of: ({ spec }) =>
      (spec.ports ?? [])
        .map(({ name = "", port, targetPort = port, protocol = "TCP", appProtocol = "" }) => ({
          name,
          port,
          targetPort,
          protocol,
          appProtocol,
        }))
        .sort((a, b) => a.port - b.port || (a.name < b.name ? -1 : 1)),
  },
];

function isOfKubernetes({ name, namespace }: Service["metadata"]): boolean {
  return name === "kubernetes" && namespace === "default";
}
