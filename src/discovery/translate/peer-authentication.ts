import type { PeerAuthentication } from "./config-types.ts";
import type { MeshConfig } from "./mesh-config.ts";
import { selects } from "./objects.ts";
import { oldestFirst } from "./virtual-services.ts";

/** What a port accepts: only mTLS, both, or only plain connections. */
export type MtlsMode = "STRICT" | "PERMISSIVE" | "DISABLE";

/** PeerAuthentications, asked for a workload. */
export interface PeerPolicies {
  /** Of the namespace or, failing that, the mesh; undefined when nobody said. */
  namespaceMode(namespace: string): MtlsMode | undefined;
  /** Remembered by the `labels` object, which belongs to one workload. */
  forWorkload(namespace: string, labels: Readonly<Record<string, string>>): WorkloadMtls;
}

export interface WorkloadMtls {
  readonly mode: MtlsMode;
  /** Only where a port differs. */
  readonly ports: ReadonlyMap<number, MtlsMode>;
  modeForPort(port: number): MtlsMode;
}

export function createPeerPolicies(
  objects: Iterable<PeerAuthentication>,
  mesh: Pick<MeshConfig, "rootNamespace">,
): PeerPolicies {
  const general = new Map<string, MtlsMode | undefined>();
  const selective: PeerAuthentication[] = [];
  for (const object of oldestFirst(objects)) {
    const namespace = object.metadata.namespace ?? "";
    const labels = object.spec?.selector?.matchLabels ?? {};
    if (Object.keys(labels).length > 0) selective.push(object);
    else if (!general.has(namespace)) general.set(namespace, parseMode(object.spec?.mtls?.mode));
  }
  const known = new WeakMap<object, WorkloadMtls>();
  const namespaceMode = (namespace: string) => general.get(namespace) ?? general.get(mesh.rootNamespace);
  return {
    namespaceMode,
    forWorkload(namespace, labels) {
      const before = known.get(labels);
      if (before !== undefined) return before;
      const own = selective.find(
        ({ metadata, spec }) =>
          metadata.namespace === namespace && selects(spec?.selector?.matchLabels, labels),
      );
      const inherited = namespaceMode(namespace) ?? "PERMISSIVE";
      const mode = parseMode(own?.spec?.mtls?.mode) ?? inherited;
      const ports = new Map<number, MtlsMode>();
      for (const [port, { mode: of }] of Object.entries(own?.spec?.portLevelMtls ?? {}))
        ports.set(Number(port), parseMode(of) ?? mode);
      const made: WorkloadMtls = { mode, ports, modeForPort: (port) => ports.get(port) ?? mode };
      known.set(labels, made);
      return made;
    },
  };
}

function parseMode(mode: string | undefined): MtlsMode | undefined {
  return mode === "STRICT" || mode === "PERMISSIVE" || mode === "DISABLE" ? mode : undefined;
}
