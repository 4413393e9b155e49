/** Short ways to write the objects of cases, as YAML. Documents are separated. */

/** A VirtualService of sidecars for `host`, a Service of the world, with `http` in YAML's flow form. */
export function virtualService(host: string, http: string, more = ""): string {
  return `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: ${host.replaceAll(/[^a-z0-9]/g, "-")}, namespace: shop}
spec:
  hosts: ["${host}"]
  ${more}
  http: ${http}
`;
}

/** A DestinationRule for `host` with its spec's other fields in YAML's flow form. */
export function destinationRule(host: string, fields: string): string {
  return `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: ${host}, namespace: shop}
spec: {host: ${host}, ${fields}}
`;
}

/** Subsets v1, v2 and v3 of web: its apps a, b and c. */
export const webSubsets =
  "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}, {name: v3, labels: {version: v3}}]";

/** A route to everything of `host`. */
export const to = (host: string, more = "") =>
  `{route: [{destination: {host: ${host}}}]${more === "" ? "" : `, ${more}`}}`;
