import type { ChecksPage, Finding } from "../api.ts";
import type { Reader } from "../reader.ts";

/** What is wrong, in order of its effect on requests. */
export async function checksPage(reader: Reader): Promise<ChecksPage> {
  const findings = await reader.findings();
  const withIds = findings.map((finding) => ({ ...finding, id: idOf(finding) }));
  const firstSeen = reader.firstSeen(withIds.map(({ id }) => id));
  return {
    findings: withIds.map((finding) => ({
      ...finding,
      firstSeen: firstSeen.get(finding.id) ?? reader.clock.now(),
    })),
  };
}

/** The same for the same trouble with the same objects, whatever its texts say meanwhile. */
function idOf({ code, cluster, objects }: Finding): string {
  const [first] = objects;
  const about =
    first === undefined
      ? []
      : [first.cluster, first.kind, first.namespace ?? "", first.name, first.path ?? ""];
  return [code, cluster, ...about].join("|");
}
