import { create } from "@bufbuild/protobuf";
import { parseAllDocuments } from "yaml";
import { type KubeObject, kinds } from "../../../kube/index.ts";
import { NodeSchema } from "../../../xds/gen/envoy/config/core/v3/base_pb.js";
import {
  clusterKinds,
  configKinds,
  createChanges,
  createWorldObjects,
  setClusterObject,
  setConfigObject,
  type WorldObjects,
} from "../objects.ts";
import { type ProxyNode, parseProxyNode } from "../proxy-node.ts";
import { makeSnapshot, type ProxySnapshot } from "../snapshot.ts";
import { createWorld, type World } from "../world.ts";

/** Objects of cluster "c1" and Istio's, written as YAML documents; `mesh` is MeshConfig as YAML. */
export function objectsOf(yaml: string, mesh = ""): WorldObjects {
  const objects = createWorldObjects("c1", "istio-system");
  for (const object of parseObjects(yaml)) putObject(objects, object);
  objects.mesh = mesh;
  return objects;
}

export function parseObjects(yaml: string): KubeObject[] {
  return parseAllDocuments(yaml).flatMap((document) => {
    const object: unknown = document.toJS();
    return typeof object === "object" && object !== null && "kind" in object ? [object as KubeObject] : [];
  });
}

/** Puts an object where its kind belongs, and gives what changed by it. */
export function putObject(objects: WorldObjects, object: KubeObject, isGone = false) {
  const changes = createChanges();
  const inCluster = clusterKinds.find((name) => kinds[name].kind === object.kind);
  const inConfig = configKinds.find((name) => kinds[name].kind === object.kind);
  if (inCluster !== undefined) setClusterObject(objects, "c1", inCluster, object, isGone, changes);
  else if (inConfig !== undefined) setConfigObject(objects, inConfig, object, isGone, changes);
  else throw new Error(`${object.kind} is not an object of a world`);
  return changes;
}

/** A World that must not have problems. */
export function worldOf(yaml: string, mesh = ""): World {
  return createWorld(objectsOf(yaml, mesh), (problem) => {
    throw new Error(problem);
  });
}

/** A proxy in namespace "sample" of cluster "c1". */
export function proxyOf(
  options: {
    readonly type?: "sidecar" | "router";
    readonly name?: string;
    readonly namespace?: string;
    readonly address?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly locality?: string;
    /** The names of a stock Envoy's extensions; without, it is an Istio proxy. */
    readonly extensions?: readonly string[];
  } = {},
): ProxyNode {
  const { type = "sidecar", name = "client", namespace = "sample", address = "10.1.0.9" } = options;
  const [region = "", zone = "", subZone = ""] = (options.locality ?? "").split("/");
  return parseProxyNode(
    create(NodeSchema, {
      id: `${type}~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      locality: { region, zone, subZone },
      extensions: (options.extensions ?? []).map((extension) => ({ name: extension })),
      metadata: {
        CLUSTER_ID: "c1",
        NAMESPACE: namespace,
        NAME: name,
        LABELS: { ...options.labels },
        INSTANCE_IPS: address,
      },
    }),
  );
}

/** What a proxy gets in the world of these objects. */
export function snapshotOf(yaml: string, proxy: ProxyNode = proxyOf(), mesh = ""): ProxySnapshot {
  return makeSnapshot(worldOf(yaml, mesh), proxy, (problem) => {
    throw new Error(problem);
  });
}

/** A Service of namespace "sample" with endpoints, as YAML; port "http" 80 unless `ports` says otherwise. */
export function service(name: string, addresses: readonly string[] = [], ports = "{name: http, port: 80}") {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: sample}
spec: {clusterIP: 10.96.0.${name.length}, selector: {app: ${name}}, ports: [${ports}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: sample, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [${addresses.map((address) => `{addresses: [${address}], conditions: {ready: true}}`).join(", ")}]
ports: [{name: http, port: 8080}]
---
`;
}
