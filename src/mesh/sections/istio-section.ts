import { labelValue } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import { freeMap, text, version } from "../schema/values.ts";

/** `istio`: mesh-wide, and per cluster laid over the mesh-wide one. */
export const istioSection = object("istio has", {
  version: field(
    version(),
    "Istio version: installed on real clusters, reported by the embedded control plane. Always in quotes when it has only two parts.",
    { examples: ["1.31.1"], default: "1.31.1" },
  ),
  revision: field(
    text(labelValue("a revision")),
    "Istio revision. Namespaces are then labelled `istio.io/rev` instead of `istio-injection`.",
    {
      examples: ["stable"],
    },
  ),
  charts: field(
    text(),
    "Real clusters: where Istio's charts base and istiod are, a repository (https:// or oci://) or a folder that holds both. Istio's own repository when not given.",
    { examples: ["oci://registry.example.com/istio"] },
  ),
  meshConfig: field(freeMap(), "Istio's MeshConfig, passed through untouched.", {
    examples: [{ accessLogFile: "/dev/stdout" }],
  }),
  values: field(freeMap(), "Values of Istio's istiod chart, passed through untouched.", {
    examples: [{ pilot: { autoscaleEnabled: false } }],
  }),
});
