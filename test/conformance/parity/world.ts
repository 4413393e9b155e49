import { parseAllDocuments } from "yaml";
import {
  clusterKinds,
  configKinds,
  createChanges,
  createWorld,
  createWorldObjects,
  setClusterObject,
  setConfigObject,
  type World,
} from "../../../src/discovery/index.ts";
import { type KubeObject, kinds } from "../../../src/kube/index.ts";

/** An app that answers requests and remembers them. */
export interface AppPlace {
  /** Last part of its address 127.B.1.x. */
  readonly host: number;
  readonly port: number;
  readonly speaks: "http" | "http2" | "tcp" | "mtls" | "https";
  readonly service: string;
  readonly version?: string;
  /** region/zone */
  readonly locality?: string;
}

/** The apps of the world, each a pod without a sidecar. */
export const apps = {
  a: { host: 21, port: 8080, speaks: "http", service: "web", version: "v1", locality: "r1/z1" },
  b: { host: 22, port: 8080, speaks: "http", service: "web", version: "v2", locality: "r1/z2" },
  c: { host: 23, port: 8080, speaks: "http", service: "web", version: "v3", locality: "r2/z3" },
  s: { host: 31, port: 8080, speaks: "http", service: "solo", version: "v1" },
  o: { host: 32, port: 8080, speaks: "http", service: "other" },
  g: { host: 33, port: 8080, speaks: "http2", service: "grpc" },
  t: { host: 34, port: 9000, speaks: "tcp", service: "tcp", version: "v1" },
  u: { host: 35, port: 9000, speaks: "tcp", service: "tcp", version: "v2" },
  m: { host: 36, port: 8080, speaks: "mtls", service: "secure" },
  h: { host: 37, port: 8443, speaks: "https", service: "" },
  /** The server's own, behind its sidecar. */
  i: { host: 2, port: 8080, speaks: "http", service: "server" },
  j: { host: 2, port: 9000, speaks: "tcp", service: "server" },
} as const satisfies Record<string, AppPlace>;
export type AppName = keyof typeof apps;

/** The pods with a proxy under test, and the one that calls them. */
export const pods = {
  client: { host: 1, labels: { app: "client" }, type: "sidecar" },
  server: { host: 2, labels: { app: "server" }, type: "sidecar" },
  gateway: { host: 3, labels: { istio: "ingressgateway" }, type: "router" },
  caller: { host: 4, labels: { app: "caller" }, type: "none" },
} as const;

/** Services by name: the last part of their ClusterIP 127.B.128.x. "gone" has an endpoint where nobody listens. */
export const services: Readonly<Record<string, number>> = {
  web: 11,
  solo: 12,
  other: 13,
  grpc: 14,
  tcp: 15,
  secure: 16,
  gone: 17,
  empty: 18,
  server: 19,
  gateway: 20,
};

const portOf: Readonly<Record<string, string>> = {
  other: "{name: http, port: 80, targetPort: 8080}, {name: http-alt, port: 8080, targetPort: 8080}",
  grpc: "{name: grpc, port: 80, targetPort: 8080}",
  tcp: "{name: tcp, port: 9000, targetPort: 9000}",
  server: "{name: http, port: 80, targetPort: 8080}, {name: tcp, port: 9000, targetPort: 9000}",
  gateway:
    "{name: http, port: 80, targetPort: 8080}, {name: https, port: 443, targetPort: 8443}, " +
    "{name: tcp, port: 9000, targetPort: 9000}, {name: tls, port: 15443, targetPort: 15443}",
};
const http = "{name: http, port: 80, targetPort: 8080}";

/** MeshConfig of every case. */
const mesh = `
accessLogFile: /dev/stdout
accessLogEncoding: JSON
accessLogFormat: >-
  {"flags": "%RESPONSE_FLAGS%", "status": "%RESPONSE_CODE%", "details": "%RESPONSE_CODE_DETAILS%",
  "cluster": "%UPSTREAM_CLUSTER_RAW%", "route": "%ROUTE_NAME%", "host": "%UPSTREAM_HOST%",
  "attempts": "%UPSTREAM_REQUEST_ATTEMPT_COUNT%", "sent": "%BYTES_SENT%", "received": "%BYTES_RECEIVED%",
  "protocol": "%PROTOCOL%", "path": "%REQ(:PATH)%", "authority": "%REQ(:AUTHORITY)%", "method": "%REQ(:METHOD)%",
  "transportFailure": "%UPSTREAM_TRANSPORT_FAILURE_REASON%", "terminated": "%CONNECTION_TERMINATION_DETAILS%",
  "sni": "%REQUESTED_SERVER_NAME%", "peer": "%DOWNSTREAM_PEER_URI_SAN%", "grpc": "%GRPC_STATUS%",
  "local": "%DOWNSTREAM_LOCAL_ADDRESS%", "began": "%START_TIME(%s.%3f)%"}
`;

/** The address blocks that tables write as 127.B and 127.O: the stage's own, and that of the servers outside. */
export interface Blocks {
  readonly block: number;
  readonly outside: number;
}

export function atBlocks(text: string, { block, outside }: Blocks): string {
  return text.replaceAll("127.B.", `127.${block}.`).replaceAll("127.O.", `127.${outside}.`);
}

/** The world's objects with those of a case. Throws on an object that is not discovery's, or that it reports. */
export function worldWith(
  blocks: Blocks,
  extra: { readonly objects?: string; readonly mesh?: string },
  secrets: string,
): World {
  const objects = createWorldObjects("c1", "istio-system");
  for (const document of parseAllDocuments(
    atBlocks(`${worldObjects()}\n---\n${secrets}\n---\n${extra.objects ?? ""}`, blocks),
  )) {
    if (document.errors[0] !== undefined) throw document.errors[0];
    const object: unknown = document.toJS();
    if (typeof object !== "object" || object === null) continue;
    const typed = object as KubeObject;
    const inCluster = clusterKinds.find((name) => kinds[name].kind === typed.kind);
    const inConfig = configKinds.find((name) => kinds[name].kind === typed.kind);
    if (inCluster !== undefined) setClusterObject(objects, "c1", inCluster, typed, false, createChanges());
    else if (inConfig !== undefined) setConfigObject(objects, inConfig, typed, false, createChanges());
    else throw new Error(`${typed.kind} is not an object that discovery reads`);
  }
  objects.mesh = `${mesh}\n${atBlocks(extra.mesh ?? "", blocks)}`;
  return createWorld(objects, (problem) => {
    throw new Error(problem);
  });
}

function worldObjects(): string {
  const zones = new Set(Object.values(apps).flatMap((app) => ("locality" in app ? [app.locality] : [])));
  return [
    ...["istio-system", "shop", "vendor"].map(
      (name) => `{apiVersion: v1, kind: Namespace, metadata: {name: ${name}}}`,
    ),
    ...[...zones].map((zone) => {
      const [region = "", part = ""] = zone.split("/");
      return `{apiVersion: v1, kind: Node, metadata: {name: ${part}, labels: {topology.kubernetes.io/region: ${region}, topology.kubernetes.io/zone: ${part}}}}`;
    }),
    ...Object.entries(services).map(([name, ip]) => serviceObject(name, ip)),
    ...Object.entries(pods).map(([name, { host, labels, type }]) =>
      podObject(name, host, {
        ...labels,
        ...(type === "none" ? {} : { "security.istio.io/tlsMode": "istio" }),
      }),
    ),
    ...Object.entries(apps)
      .filter(([, { host, service }]) => service !== "" && host !== pods.server.host)
      .map(([name, app]: [string, AppPlace]) =>
        podObject(
          name,
          app.host,
          {
            app: app.service,
            version: app.version ?? "v1",
            ...(app.speaks === "mtls" ? { "security.istio.io/tlsMode": "istio" } : {}),
          },
          app.locality?.split("/")[1],
        ),
      ),
    ...Object.keys(services).map((name) => sliceObject(name)),
  ].join("\n---\n");
}

function serviceObject(name: string, ip: number): string {
  return `{apiVersion: v1, kind: Service, metadata: {name: ${name}, namespace: shop},
  spec: {clusterIP: 127.B.128.${ip}, selector: {${name === "gateway" ? "istio: ingressgateway" : `app: ${name}`}}, ports: [${portOf[name] ?? http}]}}`;
}

function podObject(name: string, host: number, labels: Record<string, string>, node = "z1"): string {
  return `{apiVersion: v1, kind: Pod, metadata: {name: ${name}, namespace: shop, labels: ${JSON.stringify(labels)}},
  spec: {serviceAccountName: ${name}, nodeName: ${node}, containers: [{name: app, image: app}]},
  status: {phase: Running, podIP: 127.B.1.${host}, podIPs: [{ip: 127.B.1.${host}}]}}`;
}

function sliceObject(service: string): string {
  const members: readonly (readonly [string, number, string])[] =
    service === "gone"
      ? [["gone", 39, "z1"]]
      : service === "gateway" || service === "server"
        ? [[service, pods[service].host, "z1"]]
        : Object.entries(apps).flatMap(([name, app]: [string, AppPlace]) =>
            app.service === service ? [[name, app.host, app.locality?.split("/")[1] ?? "z1"] as const] : [],
          );
  const endpoints = members.map(
    ([name, host, zone]) =>
      `{addresses: [127.B.1.${host}], conditions: {ready: true}, zone: ${zone}, nodeName: ${zone}, targetRef: {kind: Pod, name: ${name}, namespace: shop}}`,
  );
  const ports = (portOf[service] ?? http).match(/\{[^}]*\}/g)?.map((port) => {
    const [, name, , target] = /name: ([\w-]+), port: (\d+), targetPort: (\d+)/.exec(port) ?? [];
    return `{name: ${name}, port: ${target}, protocol: TCP}`;
  });
  return `{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, addressType: IPv4,
  metadata: {name: ${service}-1, namespace: shop, labels: {kubernetes.io/service-name: ${service}}},
  endpoints: [${endpoints.join(", ")}], ports: [${ports?.join(", ")}]}`;
}
