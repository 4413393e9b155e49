import { readFileSync } from "node:fs";
import path from "node:path";
import type { KubeObject } from "../../../kube/index.ts";
import { createWorldObjects } from "../../translate/objects.ts";
import { keysToFetch } from "../../translate/request-authentication.ts";
import { makeSnapshot } from "../../translate/snapshot.ts";
import { parseObjects, proxyOf, putObject } from "../../translate/test-support/make-world.ts";
import { createWorld } from "../../translate/world.ts";
import { istioKinds } from "./istio-schemas.ts";
import { recordReads } from "./record-reads.ts";
import { rulesOfPolicies } from "./traffic-policies.ts";

const scene = path.join(import.meta.dirname, "../testdata/fields-that-run.yaml");
/** A provider of traces is asked for its tags only where it can be reached. */
const mesh =
  "extensionProviders: [{name: zipkin, zipkin: {service: web.sample.svc.cluster.local, port: 80}}]";

/** A Service over the scene's pods of two regions. It has a port for TCP too, whose rules are read at other places. */
function policyService(name: string): string {
  return `
apiVersion: v1
kind: Service
metadata: {name: ${name}, namespace: sample}
spec: {clusterIP: 10.97.0.${name.replace(/\D/g, "")}, ports: [{name: http, port: 80}, {name: tcp, port: 9000}, {name: tcp-other, port: 9001}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: sample, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: tcp, port: 9000}, {name: tcp-other, port: 9001}]
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}, nodeName: n1, targetRef: {kind: Pod, name: web-1, namespace: sample}}
- {addresses: [10.1.0.2], conditions: {ready: true}, nodeName: n2, targetRef: {kind: Pod, name: web-2, namespace: sample}}
---`;
}

/** The fields of each kind that discovery asks for while it makes the configurations of some proxies. */
export function fieldReads(): ReadonlyMap<string, ReadonlySet<string>> {
  const schemas = new Map(istioKinds().map(({ kind, spec }) => [kind, spec]));
  const reads = new Map([...schemas.keys()].map((kind) => [kind, new Set<string>()]));
  const objects = createWorldObjects("c1", "istio-system");
  const rules = rulesOfPolicies() as unknown as readonly KubeObject[];
  const services = [...new Set(rules.map(({ metadata }) => metadata.name))].map(policyService).join("");
  for (const object of [...parseObjects(`${readFileSync(scene, "utf8")}---${services}`), ...rules]) {
    const schema = object.apiVersion.includes("istio.io/") ? schemas.get(object.kind) : undefined;
    const ofKind = reads.get(object.kind);
    const read =
      schema === undefined || ofKind === undefined
        ? object
        : { ...object, spec: recordReads((object as { readonly spec?: unknown }).spec, schema, ofKind) };
    putObject(objects, read as KubeObject);
  }
  objects.mesh = mesh;
  const ignore = () => {}; // Together the objects make no sense; they are there to be read.
  const world = createWorld(objects, ignore);
  keysToFetch(world.rules.requestAuthentications);
  // A proxy without extensions is Istio's, the other a stock Envoy, which gets other filters.
  for (const extensions of [[], ["envoy.filters.http.router"]]) {
    const proxies = [
      proxyOf({ extensions, labels: { app: "client" }, locality: "r1/z1" }),
      proxyOf({ extensions, name: "web-1", labels: { app: "web" }, address: "10.1.0.1" }),
      proxyOf({
        extensions,
        type: "router",
        name: "gateway-1",
        labels: { app: "gateway", "gateway.networking.k8s.io/gateway-name": "gateway" },
        address: "10.1.0.5",
      }),
    ];
    for (const proxy of proxies) makeSnapshot(world, proxy, ignore);
  }
  return reads;
}
