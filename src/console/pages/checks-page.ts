import { remedyCommand } from "../../checks/index.ts";
import type { ChecksPage } from "../api.ts";
import { findingId } from "../finding-id.ts";
import type { Reader } from "../reader.ts";

/** What is wrong, in order of its effect on requests. */
export async function checksPage(reader: Reader): Promise<ChecksPage> {
  const findings = (await reader.findings()).map((finding) => ({ ...finding, id: findingId(finding) }));
  const firstSeen = reader.firstSeen(findings.map(({ id }) => id));
  return {
    findings: findings.map((finding) => ({
      ...finding,
      firstSeen: firstSeen.get(finding.id) ?? reader.clock.now(),
      commands: (finding.remedies ?? []).map(remedyCommand),
    })),
  };
}
