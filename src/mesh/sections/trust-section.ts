import { field, object } from "../schema/object.ts";
import { flag, text } from "../schema/values.ts";

/** `trust`: mesh-wide, and per cluster laid over the mesh-wide one. */
export const trustSection = object("trust has", {
  cacerts: field(
    text(),
    "Folder with Istio's four CA files (`ca-cert.pem`, `ca-key.pem`, `root-cert.pem`, `cert-chain.pem`), or with one such folder per cluster. Without it a root is generated and kept in the state folder.",
    { examples: ["certs/"] },
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
