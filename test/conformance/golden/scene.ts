import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { create } from "@bufbuild/protobuf";
import { parseAllDocuments } from "yaml";
import {
  clusterKinds,
  configKinds,
  createChanges,
  createWorld,
  createWorldObjects,
  makeSnapshot,
  parseProxyNode,
  setClusterObject,
  setConfigObject,
  type World,
  type WorldObjects,
} from "../../../src/discovery/index.ts";
import { type KubeObject, kinds } from "../../../src/kube/index.ts";
import { type Node, NodeSchema } from "../../../src/xds/gen/envoy/config/core/v3/base_pb.js";
import type { Snapshot } from "../../../src/xds/index.ts";

/** A folder with objects of one or two clusters, proxies, and what Istio's control plane sent to each of them. */
export interface Scene {
  readonly name: string;
  readonly proxies: readonly {
    readonly name: string;
    readonly isRouter: boolean;
    readonly snapshot: Snapshot;
    readonly expected: unknown;
  }[];
}

/** Reads a scene and makes the snapshot of each of its proxies. Throws when the folder has not the form of one. */
export function readScene(folder: string): Scene {
  const world = readWorld(folder);
  const expected: unknown = JSON.parse(readFileSync(path.join(folder, "expected.json"), "utf8"));
  if (typeof expected !== "object" || expected === null)
    throw new Error(`${folder}/expected.json is no object`);
  const byName = new Map<string, unknown>(Object.entries(expected));
  const proxies = readdirSync(path.join(folder, "nodes"))
    .filter((file) => file.endsWith(".json"))
    .sort()
    .map((file) => {
      const name = file.slice(0, -".json".length);
      const proxy = parseProxyNode(readNode(path.join(folder, "nodes", file)));
      return {
        name,
        isRouter: proxy.type === "router",
        snapshot: makeSnapshot(world, proxy, () => {}),
        expected: byName.get(name),
      };
    });
  return { name: path.basename(folder), proxies };
}

/** The objects of a scene's clusters, indexed. Throws on objects that can't be used. */
export function readWorld(folder: string): World {
  return createWorld(readObjects(folder), (problem) => {
    throw new Error(problem);
  });
}

function readObjects(folder: string): WorldObjects {
  const objects = createWorldObjects("cluster1", "istio-system");
  const changes = createChanges();
  for (const file of readdirSync(folder).sort()) {
    const cluster = /^(.+)\.k8s\.yaml$/.exec(file)?.[1];
    if (cluster === undefined) continue;
    for (const object of readYaml(path.join(folder, file))) {
      const kind = clusterKinds.find((name) => kinds[name].kind === object.kind);
      if (kind !== undefined) setClusterObject(objects, cluster, kind, object, false, changes);
    }
  }
  for (const object of readYaml(path.join(folder, "config.yaml"))) {
    const kind = configKinds.find((name) => kinds[name].kind === object.kind);
    if (kind !== undefined) setConfigObject(objects, kind, object, false, changes);
  }
  const text = (name: string) =>
    existsSync(path.join(folder, name)) ? readFileSync(path.join(folder, name), "utf8") : "";
  objects.mesh = text("mesh.yaml");
  objects.meshNetworks = text("networks.yaml");
  return objects;
}

function readYaml(file: string): KubeObject[] {
  if (!existsSync(file)) return [];
  return parseAllDocuments(readFileSync(file, "utf8")).flatMap((document) => {
    const object: unknown = document.toJS();
    return typeof object === "object" && object !== null && "kind" in object ? [object as KubeObject] : [];
  });
}

/** A node as the scenes write it: locality beside the metadata. */
export function readNode(file: string): Node {
  const { id, cluster, region, zone, subzone, metadata } = JSON.parse(readFileSync(file, "utf8"));
  return create(NodeSchema, {
    id,
    cluster,
    locality: { region: region ?? "", zone: zone ?? "", subZone: subzone ?? "" },
    metadata: metadata ?? {},
  });
}
