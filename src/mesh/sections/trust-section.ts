import { field, object } from "../schema/object.ts";
import type { Read } from "../schema/reader.ts";
import { flag, oneOf, text } from "../schema/values.ts";
import { manifestsSection } from "./manifests-section.ts";

/** `trust.issuer`. */
const issuerSection = object("an issuer has", {
  name: field(
    text({
      pattern: /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/,
      code: "mesh/bad-name",
      what: "an issuer's name",
      hint: "use small letters, digits, hyphens and dots",
    }),
    "Name of the issuer.",
    {
      required: true,
      examples: ["mesh-ca"],
    },
  ),
  kind: field(
    oneOf("Issuer", "ClusterIssuer"),
    "`Issuer`: one in istio-system. `ClusterIssuer`: one of the cluster.",
    { default: "Issuer" },
  ),
  duration: field(
    text({
      pattern: /^[1-9]\d{0,5}h$/,
      code: "mesh/bad-value",
      what: "how long a CA lives",
      hint: "use hours, such as 8760h",
    }),
    "How long the CA of a cluster lives; cert-manager renews it when a third is left. cert-manager's own default is 2160h.",
    { examples: ["8760h"] },
  ),
  manifests: field(
    manifestsSection,
    "What the issuer needs, applied before anything of Istio: the chart cert-manager, the issuer itself. Not needed where it is there.",
    { examples: [["issuer.yaml"]] },
  ),
});

export type WrittenIssuer = Read<typeof issuerSection>;

/** `trust`: mesh-wide, and per cluster laid over the mesh-wide one. */
export const trustSection = object("trust has", {
  cacerts: field(
    text(),
    "Folder with Istio's four CA files (`ca-cert.pem`, `ca-key.pem`, `root-cert.pem`, `cert-chain.pem`), or with one such folder per cluster. Without it a root is generated and kept in the state folder.",
    { examples: ["certs/"] },
  ),
  issuer: field(
    issuerSection,
    "cert-manager issues the CA of each cluster that runs a control plane, from an issuer with this name in it. All of them must lead to one root. In place of `cacerts`.",
  ),
  domain: field(
    text({
      pattern: /^[a-z0-9]([-a-z0-9._]{0,251}[a-z0-9])?$/,
      code: "mesh/bad-name",
      what: "a trust domain",
      hint: "use small letters, digits, dots and hyphens",
    }),
    "Trust domain: the first part of every workload identity, `spiffe://<domain>/ns/…`.",
    { default: "cluster.local" },
  ),
  exchangeRoots: field(
    flag(),
    "Clusters with roots of their own believe each other's: every `root-cert.pem` gets the roots of all clusters. Any of them can then vouch for identities of every trust domain. Mesh-wide only.",
    { default: false },
  ),
  allowDifferentRoots: field(
    flag(),
    "Lets clusters start although their root certificates differ, to show what then happens.",
    {
      default: false,
    },
  ),
});
