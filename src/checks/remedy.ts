import { unreachable } from "../base/index.ts";

/** Objects of one kind and namespace that a remedy is about. */
export interface RemediedObjects {
  readonly kind: "Namespace" | "Service" | "Pod" | "Secret" | "Deployment";
  /** Absent for Namespaces. */
  readonly namespace?: string;
  readonly names: readonly string[];
}

/** One step that mends what was found, as it stands: nobody has to choose or fill in anything. */
export type Remedy =
  | {
      readonly kind: "label";
      readonly cluster: string;
      readonly objects: RemediedObjects;
      readonly label: string;
      readonly value: string;
    }
  | { readonly kind: "delete"; readonly cluster: string; readonly objects: RemediedObjects }
  | {
      readonly kind: "scale";
      readonly cluster: string;
      readonly objects: RemediedObjects;
      readonly replicas: number;
    }
  | { readonly kind: "start"; readonly cluster: string };

/** The remedies, and the same as commands: what is told and what can be done never differ. */
export function mendedBy(remedies: readonly Remedy[]): {
  readonly fix: string;
  readonly remedies: readonly Remedy[];
} {
  return { fix: remedies.map(remedyCommand).join(" && "), remedies };
}

/** The command that does it. */
export function remedyCommand(remedy: Remedy): string {
  switch (remedy.kind) {
    case "label":
      return kubectlFor(remedy, "label", `${remedy.label}=${remedy.value} --overwrite`);
    case "delete":
      return kubectlFor(remedy, "delete");
    case "scale":
      return kubectlFor(remedy, "scale", `--replicas=${remedy.replicas}`);
    case "start":
      return `isthmus cluster start ${remedy.cluster}`;
    default:
      return unreachable(remedy);
  }
}

const words = {
  Namespace: "ns",
  Service: "service",
  Pod: "pods",
  Secret: "secret",
  Deployment: "deployment",
} as const;

function kubectlFor(
  { cluster, objects }: { readonly cluster: string; readonly objects: RemediedObjects },
  verb: string,
  ...more: readonly string[]
): string {
  const place = objects.namespace === undefined ? [] : ["-n", objects.namespace];
  return [
    "kubectl",
    "--context",
    cluster,
    ...place,
    verb,
    words[objects.kind],
    ...objects.names,
    ...more,
  ].join(" ");
}
