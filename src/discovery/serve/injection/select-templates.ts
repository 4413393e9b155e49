import type { Pod } from "../../../kube/index.ts";
import { gatewayTemplate } from "./gateway-template.ts";
import { sidecarTemplate } from "./sidecar-template.ts";
import type { Template } from "./template.ts";

const templates: Readonly<Record<string, Template>> = { sidecar: sidecarTemplate, gateway: gatewayTemplate };

/**
 * The templates that a pod asks for (annotation inject.istio.io/templates, names with commas between), in order;
 * without it `sidecar`. Throws RangeError for a name that is not known.
 */
export function selectTemplates(pod: Pod): readonly Template[] {
  const names = pod.metadata.annotations?.["inject.istio.io/templates"] ?? "sidecar";
  return names.split(",").map((word) => {
    const name = word.trim();
    const template = Object.hasOwn(templates, name) ? templates[name] : undefined;
    if (template === undefined) {
      const known = Object.keys(templates).join(", ");
      throw new RangeError(`there is no injection template "${name}"; known templates: ${known}`);
    }
    return template;
  });
}
