import type { Diagnostic } from "../base/index.ts";
import type { Compiled } from "../compile/index.ts";
import type { PodSpec } from "../kube/index.ts";

/** Tells the images of compiled workloads that nothing here can stand in for: one warning each, not an end. */
export function imageWarnings(compiled: Compiled, hasNoStandIn: (image: string) => boolean): Diagnostic[] {
  const warnings = new Map<string, Diagnostic>();
  for (const [cluster, items] of compiled.clusters) {
    for (const item of items) {
      if (item.kind !== "object") continue;
      const spec = podSpecOf(item.object["spec"]);
      for (const { image } of spec?.containers ?? []) {
        if (image === undefined || !hasNoStandIn(image)) continue;
        const { kind, metadata } = item.object;
        warnings.set(`${cluster} ${image}`, {
          severity: "warning",
          code: "mesh/no-stand-in",
          path: ["clusters", cluster],
          message: `${cluster}: no stand-in for image ${image} of ${kind} ${metadata.name}, its pods will not start`,
          hint: "map it to a command of yours with images: in the mesh file",
        });
      }
    }
  }
  return [...warnings.values()];
}

function podSpecOf(spec: unknown): PodSpec | undefined {
  const { template, containers } = (spec ?? {}) as {
    readonly template?: { readonly spec?: PodSpec };
    readonly containers?: unknown;
  };
  if (template?.spec?.containers !== undefined) return template.spec;
  return Array.isArray(containers) ? (spec as PodSpec) : undefined;
}
