import { generated, type KubeObject } from "../../kube/index.ts";
import type { Cluster, Mesh } from "../../mesh/index.ts";
import type { CompiledItem } from "../compiled.ts";

/** A line of a cluster's `exports`: one Service, or "*" for all of a namespace. */
export interface ExportLine {
  readonly service: string;
  readonly namespace: string;
}

export function exportsOf({ exports }: Cluster): readonly ExportLine[] {
  return exports.map((line) => {
    const [service = "", namespace = ""] = line.split(".");
    return { service, namespace };
  });
}

/**
 * With `discovery: exports`, what a cluster offers to others, as objects of the Multi-Cluster Services API (KEP-1645).
 * A namespace of which everything is offered has an annotation instead: which Services that are is seen in the cluster.
 */
export function serviceExports(cluster: Cluster, mesh: Mesh): CompiledItem[] {
  if (mesh.discovery !== "exports") return [];
  const field = `clusters.${cluster.name}.exports`;
  const exported = exportsOf(cluster).flatMap(({ service, namespace }, index): CompiledItem[] => {
    const from = `${field}[${index}]`;
    return service === "*"
      ? []
      : [
          {
            kind: "object",
            wave: "exposure",
            from,
            object: generated(serviceExport(service, namespace), from),
          },
        ];
  });
  const definition = generated(serviceExportDefinition, "discovery");
  return [{ kind: "object", wave: "control-plane", from: "discovery", object: definition }, ...exported];
}

function serviceExport(name: string, namespace: string): KubeObject {
  return {
    apiVersion: "multicluster.x-k8s.io/v1alpha1",
    kind: "ServiceExport",
    metadata: { name, namespace },
  };
}

const conditionSchema = {
  type: "object",
  required: ["type", "status"],
  properties: {
    type: { type: "string", maxLength: 316 },
    status: { type: "string", enum: ["True", "False", "Unknown"] },
    reason: { type: "string", maxLength: 1024 },
    message: { type: "string", maxLength: 32_768 },
    lastTransitionTime: { type: "string", format: "date-time" },
    observedGeneration: { type: "integer", format: "int64", minimum: 0 },
  },
};

/** The kind by which clusters offer Services to each other (KEP-1645). */
export const serviceExportDefinition: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "serviceexports.multicluster.x-k8s.io" },
  spec: {
    group: "multicluster.x-k8s.io",
    scope: "Namespaced",
    names: {
      kind: "ServiceExport",
      listKind: "ServiceExportList",
      plural: "serviceexports",
      singular: "serviceexport",
      shortNames: ["svcex"],
    },
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [
          { name: "Ready", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].status' },
          { name: "Message", type: "string", jsonPath: '.status.conditions[?(@.type=="Ready")].message' },
          { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
        ],
        schema: {
          openAPIV3Schema: {
            type: "object",
            properties: {
              apiVersion: { type: "string" },
              kind: { type: "string" },
              metadata: { type: "object" },
              spec: {
                type: "object",
                properties: {
                  exportedLabels: { type: "object", additionalProperties: { type: "string" } },
                  exportedAnnotations: { type: "object", additionalProperties: { type: "string" } },
                },
              },
              status: {
                type: "object",
                properties: {
                  conditions: {
                    type: "array",
                    items: conditionSchema,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["type"],
                  },
                },
              },
            },
          },
        },
      },
    ],
  },
};
