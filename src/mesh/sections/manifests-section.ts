import { dnsLabel } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import { eitherOf, freeMap, listOf, mapped, text, version } from "../schema/values.ts";

/** One entry as it is written: a path, or a map with `file` or `chart`. */
export interface WrittenManifest {
  readonly file?: string;
  readonly namespace?: string;
  readonly selector?: string;
  readonly chart?: string;
  readonly repo?: string;
  readonly name?: string;
  readonly version?: string;
  readonly values?: string;
  readonly set?: Readonly<Record<string, unknown>>;
}

/** `manifests`. Which fields go together is checked by checkManifests. */
export const manifestsSection = listOf(
  eitherOf<WrittenManifest>({
    what: "a path or a map",
    scalar: mapped(text(), (file) => ({ file })),
    map: object("manifests have", {
      file: field(text(), "A YAML file, a folder (with its kustomization.yaml, when it has one), or a URL.", {
        examples: ["helloworld.yaml", "traffic/"],
      }),
      namespace: field(
        text(dnsLabel("a namespace")),
        "As `kubectl -n`: for objects that name none; for a chart, where it is installed.",
        {
          examples: ["sample"],
        },
      ),
      selector: field(text(), "As `kubectl -l`: only objects with these labels.", {
        examples: ["version=v1"],
      }),
      chart: field(text(), "A Helm chart.", { examples: ["cert-manager"] }),
      repo: field(text(), "Repository of the chart.", { examples: ["https://charts.jetstack.io"] }),
      name: field(
        text(dnsLabel("a release name")),
        "Release name of the chart; the chart's own name when not given.",
      ),
      version: field(version(), "Version of the chart.", { examples: ["1.18.2"] }),
      values: field(text(), "File with values for the chart."),
      set: field(freeMap(), "Values for the chart; a dot in a name goes one level deeper.", {
        examples: [{ "crds.enabled": true }],
      }),
    }),
  }),
);
