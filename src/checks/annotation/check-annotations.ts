import { isIPv4, isIPv6 } from "node:net";
import { type KubeObject, parseQuantity } from "../../kube/index.ts";
import type { ClusterView, Find, Finding } from "../contracts.ts";
import { findingAbout } from "../finding-about.ts";
import { named } from "../object-reference.ts";
import { type Form, knownAnnotations } from "./known-annotations.ts";

/** Those that Istio's own parts set. */
const setByIstio = new Set([
  "sidecar.istio.io/status",
  "gateway.istio.io/controller-version",
  "istio.io/rev",
]);
const inject = "sidecar.istio.io/inject";

/** Istio's annotations that nobody reads there, that do not exist, or whose value makes no sense. */
export const checkAnnotations: Find = ({ clusters }) =>
  clusters.flatMap((cluster) => {
    const objects: readonly KubeObject[] = [
      ...cluster.namespaces,
      ...cluster.services,
      ...cluster.deployments,
      // What a Deployment's pods have comes from its template.
      ...cluster.pods.filter(({ metadata }) => (metadata.ownerReferences ?? []).length === 0),
    ];
    const templates = cluster.deployments.map((deployment) => ({
      object: deployment,
      kind: "Pod",
      metadata: deployment.spec.template.metadata ?? {},
      place: "spec.template.metadata.annotations",
    }));
    return [
      ...objects.map((object) => ({
        object,
        kind: object.kind,
        metadata: object.metadata,
        place: "metadata.annotations",
      })),
      ...templates,
    ].flatMap((holder) => checkHolder(holder, cluster));
  });

/** Something with annotations: an object, or the template in it. */
interface Holder {
  readonly object: KubeObject;
  readonly kind: string;
  readonly metadata: Partial<KubeObject["metadata"]>;
  readonly place: string;
}

function checkHolder(holder: Holder, cluster: ClusterView): Finding[] {
  return Object.entries(holder.metadata.annotations ?? {})
    .filter(([name]) => isIstios(name) && !setByIstio.has(name))
    .flatMap(([name, value]) => checkOne(name, value, holder, cluster));
}

function checkOne(name: string, value: string, holder: Holder, cluster: ClusterView): Finding[] {
  const { object, kind, metadata, place } = holder;
  const known = Object.hasOwn(knownAnnotations, name) ? knownAnnotations[name] : undefined;
  const where = `${named(object)} of ${cluster.name}`;
  const find = (
    code: Finding["code"],
    severity: Finding["severity"],
    words: Pick<Finding, "effect" | "cause" | "fix">,
  ) => findingAbout(cluster, object, `${place}["${name}"]`, { code, severity, ...words, seen: value });
  if (known === undefined) {
    return [
      find("annotation/unknown", "warning", {
        effect: `${name} has no effect on ${object.metadata.name}`,
        cause: `${where} has an annotation of Istio's form that Istio does not know`,
        fix: "correct its name, or remove it",
      }),
    ];
  }
  const findings: Finding[] = [];
  if (known.deprecated !== undefined && !(name === inject && metadata.labels?.[inject] !== undefined)) {
    findings.push(
      find("annotation/deprecated", "info", {
        effect: `${name} may have no effect in a later version of Istio`,
        cause: `${where} has the deprecated annotation ${name}`,
        fix: known.deprecated === "" ? "remove it" : `use ${known.deprecated}`,
      }),
    );
  }
  if (known.kinds === undefined) return findings;
  if (!known.kinds.includes(kind)) {
    findings.push(
      find("annotation/misplaced", "warning", {
        effect: `${name} has no effect on ${object.metadata.name}`,
        cause: `${where} has ${name}, which is for ${known.kinds.join(", ")} only`,
        fix:
          known.kinds.includes("Pod") && kind === "Deployment"
            ? "move it to spec.template.metadata.annotations"
            : `move it to a ${known.kinds[0]}`,
      }),
    );
  } else if (known.form !== undefined && !hasForm[known.form](value)) {
    findings.push(
      find("annotation/invalid", "warning", {
        effect: `pods of ${object.metadata.name} are refused, or ${name} is passed over`,
        cause: `${where} has ${name}: ${JSON.stringify(value)}, which is not ${formNames[known.form]}`,
        fix: `write ${formNames[known.form]}`,
      }),
    );
  }
  return findings;
}

function isIstios(name: string): boolean {
  return name === "kubernetes.io/ingress.class" || (name.split("/")[0] ?? "").endsWith("istio.io");
}

const formNames: Readonly<Record<Form, string>> = {
  boolean: '"true" or "false"',
  number: "a whole number",
  port: "a port",
  ports: "ports, separated by commas",
  "ports-or-all": 'ports, separated by commas, or "*"',
  ranges: "address ranges (10.0.0.0/8), separated by commas",
  "ranges-or-all": 'address ranges (10.0.0.0/8), separated by commas, or "*"',
  mode: "REDIRECT, TPROXY or NONE",
  quantity: "a quantity, such as 100m or 128Mi",
};

const isPort = (text: string) => /^\d{1,5}$/.test(text.trim()) && Number(text) <= 65_535;
const each = (text: string, test: (item: string) => boolean) =>
  text.trim() === "" || text.split(",").every(test);

const hasForm: Readonly<Record<Form, (text: string) => boolean>> = {
  boolean: (text) => /^(1|0|t|f|true|false)$/i.test(text),
  number: (text) => /^\d{1,10}$/.test(text),
  port: isPort,
  ports: (text) => each(text, isPort),
  "ports-or-all": (text) => text === "*" || each(text, isPort),
  ranges: (text) => each(text, isRange),
  "ranges-or-all": (text) => text === "*" || each(text, isRange),
  mode: (text) => ["REDIRECT", "TPROXY", "NONE"].includes(text),
  quantity: (text) => parseQuantity(text) !== undefined,
};

function isRange(text: string): boolean {
  const [address = "", bits = ""] = text.split("/");
  if (!/^\d{1,3}$/.test(bits)) return false;
  return (isIPv4(address) && Number(bits) <= 32) || (isIPv6(address) && Number(bits) <= 128);
}
