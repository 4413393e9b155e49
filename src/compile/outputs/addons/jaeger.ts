import type { KubeObject } from "../../../kube/index.ts";
import type { Addon } from "../../../mesh/index.ts";
import { addonDeployment, addonService } from "./addon-objects.ts";

/** Jaeger's program with everything in one process; without a configuration of its own it keeps traces in memory. */
const image = "docker.io/jaegertracing/jaeger:2.17.0";

/**
 * Jaeger with the names that Istio's samples give it: the page at `tracing`, collectors at `zipkin` (which Istio's
 * default provider names) and `jaeger-collector`. A port of the mesh file leads to the page.
 */
export function jaegerObjects(addon: Addon): KubeObject[] {
  const labels = { app: "jaeger" };
  const health = { httpGet: { path: "/status", port: 13_133 } };
  return [
    addonDeployment("jaeger", addon, labels, {
      annotations: { "prometheus.io/scrape": "true", "prometheus.io/port": "8888" },
      spec: {
        containers: [
          {
            name: "jaeger",
            image,
            env: [{ name: "JAEGER_LISTEN_HOST", value: "0.0.0.0" }],
            ports: [
              { name: "http-query", containerPort: 16_686 },
              { name: "grpc-query", containerPort: 16_685 },
              { name: "http-zipkin", containerPort: 9411 },
              { name: "grpc-otel", containerPort: 4317 },
              { name: "http-otel", containerPort: 4318 },
            ],
            livenessProbe: health,
            readinessProbe: health,
            resources: { requests: { cpu: "10m" } },
          },
        ],
      },
    }),
    addonService(
      "tracing",
      addon,
      labels,
      [
        { name: "http-query", port: 80, targetPort: 16_686 },
        { name: "grpc-query", port: 16_685 },
      ],
      addon.port,
    ),
    addonService("zipkin", addon, labels, [{ name: "http-query", port: 9411 }]),
    addonService("jaeger-collector", addon, labels, [
      { name: "jaeger-collector-http", port: 14_268 },
      { name: "jaeger-collector-grpc", port: 14_250 },
      { name: "http-zipkin", port: 9411 },
      { name: "grpc-otel", port: 4317 },
      { name: "http-otel", port: 4318 },
    ]),
  ];
}
