import type { KubeObject } from "../../kube/index.ts";
import type { ResourceType } from "../registry/resource-type.ts";

export interface TableOptions {
  readonly includeObject: "Metadata" | "Object" | "None";
  readonly now: number;
}

export function toTable(_type: ResourceType, objects: readonly KubeObject[], options: TableOptions): object {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: {},
    columnDefinitions: [
      { name: "Name", type: "string", format: "name", description: "", priority: 0 },
      { name: "Created At", type: "date", format: "", description: "", priority: 0 },
    ],
    rows: objects.map((object) => ({
      cells: [object.metadata.name, object.metadata.creationTimestamp],
      object:
        options.includeObject === "Object"
          ? object
          : { kind: "PartialObjectMetadata", apiVersion: "meta.k8s.io/v1", metadata: object.metadata },
    })),
  };
}
