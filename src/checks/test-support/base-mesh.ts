import { type KubeObject, parseYamlObjects } from "../../kube/index.ts";
import { checkObjects } from "../check-objects.ts";
import type { Finding } from "../contracts.ts";

/** Objects of the two clusters, as YAML, beside those of the base. */
export interface More {
  readonly fra?: string;
  readonly ash?: string;
}

const shared = `
apiVersion: v1
kind: Namespace
metadata: { name: istio-system }
---
apiVersion: v1
kind: Namespace
metadata: { name: sample, labels: { istio-injection: enabled } }
---
apiVersion: v1
kind: Service
metadata: { name: reviews, namespace: sample }
spec: { selector: { app: reviews }, ports: [{ name: http, port: 9080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: ratings, namespace: sample }
spec: { selector: { app: ratings }, ports: [{ name: http, port: 9080 }, { name: http-admin, port: 9090 }] }
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: { name: istio-sidecar-injector, labels: { istio.io/rev: default } }
webhooks:
- name: namespace.sidecar-injector.istio.io
  clientConfig: { service: { name: istiod, namespace: istio-system } }
  namespaceSelector: { matchLabels: { istio-injection: enabled } }
  objectSelector: { matchExpressions: [{ key: sidecar.istio.io/inject, operator: NotIn, values: ["false"] }] }
- name: object.sidecar-injector.istio.io
  clientConfig: { service: { name: istiod, namespace: istio-system } }
  namespaceSelector: { matchExpressions: [{ key: istio-injection, operator: DoesNotExist }, { key: istio.io/rev, operator: DoesNotExist }] }
  objectSelector: { matchLabels: { sidecar.istio.io/inject: "true" } }
---
apiVersion: v1
kind: Service
metadata: { name: istiod, namespace: istio-system, labels: { istio: pilot } }
spec: { selector: { app: istiod }, ports: [{ name: grpc-xds, port: 15012 }] }
---
`;

const workload = (version: string) => `
apiVersion: apps/v1
kind: Deployment
metadata: { name: reviews-${version}, namespace: sample }
spec:
  selector: { matchLabels: { app: reviews, version: ${version} } }
  template:
    metadata: { labels: { app: reviews, version: ${version} } }
    spec: { containers: [{ name: reviews, image: reviews }] }
---
`;

const gateway = `
apiVersion: apps/v1
kind: Deployment
metadata: { name: istio-ingressgateway, namespace: istio-system, labels: { istio: ingressgateway } }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  template:
    metadata: { labels: { istio: ingressgateway, app: ingress, sidecar.istio.io/inject: "true" } }
    spec: { containers: [{ name: istio-proxy, image: auto }] }
---
apiVersion: v1
kind: Service
metadata: { name: istio-ingressgateway, namespace: istio-system, labels: { istio: ingressgateway } }
spec: { selector: { istio: ingressgateway }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: https, port: 443 }] }
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: page, namespace: sample }
spec:
  selector: { istio: ingressgateway }
  servers: [{ port: { number: 80, name: http, protocol: HTTP }, hosts: [page.example.com] }]
---
`;

const objects = (yaml: string): KubeObject[] => parseYamlObjects(yaml).objects.map(({ object }) => object);

/**
 * What is found in a mesh of a primary fra and its remote ash once `more` is there: reviews v1 runs in fra, v2 in ash, an
 * ingress gateway in fra. Nothing is found in the mesh itself.
 */
export function findIn(
  { fra = "", ash = "" }: More,
  now = Date.parse("2026-01-01T00:00:00Z"),
): readonly Finding[] {
  return checkObjects(
    [
      {
        name: "fra",
        primary: "fra",
        network: undefined,
        reads: ["ash"],
        objects: objects(`${shared}${workload("v1")}${gateway}${fra}`).map((object) => ({ object })),
      },
      {
        name: "ash",
        primary: "fra",
        network: undefined,
        reads: [],
        objects: objects(`${shared}${workload("v2")}${ash}`).map((object) => ({ object })),
      },
    ],
    now,
  );
}
