import type { Release } from "../chart-stand-in.ts";
import { count, isOn, section, text, texts, type Values } from "../read-values.ts";

/** One of cert-manager's three programs. */
export interface CertManagerPart {
  readonly replicas: number;
  readonly image: string;
  readonly podLabels: Readonly<Record<string, string>>;
  readonly podAnnotations: Readonly<Record<string, string>>;
  /** Fields of the pod's spec: nodeSelector, tolerations, affinity. */
  readonly placement: Values;
  readonly resources: Values;
}

/**
 * Values of the chart cert-manager that its stand-in reads; everything else passes by unread. Defaults as the chart has
 * them: without crds.enabled, or its older name installCRDs, there are no definitions.
 */
export interface CertManagerValues {
  readonly release: string;
  readonly namespace: string;
  /** "v1.18.2" */
  readonly version: string;
  readonly name: string;
  readonly crds: { readonly enabled: boolean; readonly keep: boolean };
  readonly clusterResourceNamespace: string;
  readonly controller: CertManagerPart;
  readonly webhook: CertManagerPart;
  /** undefined when it is switched off. */
  readonly cainjector: CertManagerPart | undefined;
}

const defaultVersion = "v1.18.2";

export function readCertManagerValues({
  name: release,
  namespace,
  version,
  values,
}: Release): CertManagerValues {
  const crds = section(values, "crds");
  const tag = version === undefined ? defaultVersion : `v${version.replace(/^v/, "")}`;
  const part = (own: Values, program: string): CertManagerPart => {
    const image = section(own, "image");
    const repository = text(image["repository"], `quay.io/jetstack/cert-manager-${program}`);
    const { nodeSelector, tolerations, affinity } = own;
    return {
      replicas: count(own["replicaCount"], 1),
      image: `${repository}:${text(image["tag"], tag)}`,
      podLabels: texts(section(own, "podLabels")),
      podAnnotations: texts(section(own, "podAnnotations")),
      placement: { nodeSelector, tolerations, affinity },
      resources: section(own, "resources"),
    };
  };
  const cainjector = section(values, "cainjector");
  const nameOverride = text(values["nameOverride"], "cert-manager");
  return {
    release,
    namespace,
    version: tag,
    name: text(
      values["fullnameOverride"],
      release.includes(nameOverride) ? release : `${release}-${nameOverride}`,
    ),
    crds: {
      enabled: isOn(crds["enabled"], false) || isOn(values["installCRDs"], false),
      keep: isOn(crds["keep"], true),
    },
    clusterResourceNamespace: text(values["clusterResourceNamespace"], namespace),
    controller: part(values, "controller"),
    webhook: part(section(values, "webhook"), "webhook"),
    cainjector: isOn(cainjector["enabled"], true) ? part(cainjector, "cainjector") : undefined,
  };
}
