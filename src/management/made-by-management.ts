import type { KubeObject } from "../kube/index.ts";
import { conversionLabels } from "./conversion/convert-gloo.ts";
import { federationLabels } from "./federation/federate.ts";
import { workspaceLabels } from "./workspaces/isolation.ts";

const marks = [federationLabels, workspaceLabels, conversionLabels];

/**
 * Whether the management plane made the object of what users declared: names for exported services, policies of
 * workspaces. It goes with what it was made of, or with the mesh.
 */
export function isMadeByManagement({ metadata: { labels, managedFields = [] } }: KubeObject): boolean {
  const isMarked = marks.some((mark) =>
    Object.entries(mark).every(([name, value]) => labels?.[name] === value),
  );
  return (
    isMarked &&
    managedFields.some(
      ({ manager = "", operation }) => operation === "Apply" && manager.startsWith("isthmus-"),
    )
  );
}
