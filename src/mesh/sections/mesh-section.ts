import { field, object } from "../schema/object.ts";
import type { Read } from "../schema/reader.ts";
import { oneOf, text } from "../schema/values.ts";
import { clustersSection } from "./cluster-section.ts";
import { gatewaysSection } from "./gateways-section.ts";
import { imagesSection } from "./images-section.ts";
import { istioSection } from "./istio-section.ts";
import { manifestsSection } from "./manifests-section.ts";
import { namespacesSection } from "./namespaces-section.ts";
import { peeringsSection } from "./peerings-section.ts";
import { remoteCredentialsSection } from "./remote-credentials-section.ts";
import { telemetrySection } from "./telemetry-section.ts";
import { trustSection } from "./trust-section.ts";
import { workspacesSection } from "./workspaces-section.ts";

/** The whole file. */
export const meshSection = object("the mesh file has", {
  apiVersion: field(oneOf("isthmus.dev/v1alpha1"), "Version of this format.", {
    required: true,
    examples: ["isthmus.dev/v1alpha1"],
  }),
  kind: field(oneOf("Mesh"), "Kind of this file.", { required: true, examples: ["Mesh"] }),
  name: field(
    text({
      pattern: /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/,
      code: "mesh/bad-name",
      what: "a mesh's name",
      hint: "use letters, digits, hyphens, dots and underscores, at most 63",
    }),
    "Name of the mesh (Istio's mesh ID); the folder's name when not given.",
    { examples: ["demo"] },
  ),
  istio: field(istioSection, "Istio, mesh-wide."),
  trust: field(trustSection, "Certificates, mesh-wide."),
  remoteCredentials: field(remoteCredentialsSection, "With what control planes read other clusters."),
  discovery: field(
    oneOf("endpoints", "exports"),
    "`endpoints`: services of the same name and namespace are one service in all clusters. `exports`: only exported ones are seen by other clusters.",
    { default: "endpoints" },
  ),
  hostSuffix: field(
    text({
      pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
      code: "mesh/bad-name",
      what: "a host suffix",
      hint: "use a DNS name such as global or mesh.example.org",
    }),
    "DNS suffix of exported services. Only with `discovery: exports`.",
    { default: "global" },
  ),
  gateways: field(gatewaysSection, "Gateways of every workload cluster.", { examples: [{ ingress: true }] }),
  namespaces: field(namespacesSection, "Namespaces of every workload cluster, with sidecar injection.", {
    examples: [["sample"]],
  }),
  manifests: field(
    manifestsSection,
    "Manifests of every workload cluster: paths, or maps with `file` or `chart`. Applied in this order.",
    {
      examples: [["app/"]],
    },
  ),
  clusters: field(clustersSection, "The clusters, by name.", {
    required: true,
    examples: [{ east: {}, west: {} }],
  }),
  peerings: field(peeringsSection, "Clusters that may place pods on another."),
  workspaces: field(
    workspacesSection,
    "Tenants: namespaces over clusters, with import, export and isolation.",
  ),
  registry: field(
    text({
      pattern: /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?(:\d{1,5})?(\/[a-z0-9]+([._-]+[a-z0-9]+)*)*$/,
      code: "mesh/bad-value",
      what: "a registry",
      hint: "write it as in an image's name, without a scheme: ghcr.io/shop",
    }),
    "Real clusters: where the images `isthmus/manager` and `isthmus/agent` are pulled from; docker.io when not given.",
    { examples: ["ghcr.io/shop"] },
  ),
  telemetry: field(telemetrySection, "What is kept of the mesh's traffic, in the embedded engine."),
  images: field(
    imagesSection,
    "Programs that stand in for container images in the embedded engine, by image name (`*` matches any letters).",
  ),
});

/** The file as it is written. */
export type WrittenMesh = Read<typeof meshSection>;
