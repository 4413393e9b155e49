import { matchesLabels } from "../../kube/index.ts";
import type { ExportedService } from "./exported-services.ts";

/**
 * The SPIFFE identities behind an exported name, which importers of another trust domain hold its endpoints to: what the
 * accounts of its pods, also of those that are only starting, are called in the exporters' trust domains. Undefined
 * where they are not all known, or where importer and exporters share a trust domain.
 */
export function identitiesBehind(
  exporters: readonly ExportedService[],
  importersTrustDomain: string | undefined,
): readonly string[] | undefined {
  if (importersTrustDomain === undefined) return undefined;
  if (exporters.every(({ cluster }) => cluster.trustDomain === importersTrustDomain)) return undefined;
  const identities = new Set<string>();
  for (const { cluster, service, namespace } of exporters) {
    const selector = service?.spec.selector ?? {};
    // Endpoints that somebody writes by hand are whoever's.
    if (cluster.trustDomain === undefined || Object.keys(selector).length === 0) return undefined;
    for (const { metadata, spec } of cluster.pods)
      if (metadata.namespace === namespace && matchesLabels(selector, metadata.labels))
        identities.add(
          `spiffe://${cluster.trustDomain}/ns/${namespace}/sa/${spec.serviceAccountName ?? "default"}`,
        );
  }
  return identities.size === 0 ? undefined : [...identities].sort();
}
