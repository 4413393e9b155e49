import { nearestName } from "../../base/index.ts";
import { dnsLabel } from "../schema/names.ts";
import { field, object } from "../schema/object.ts";
import type { Reader } from "../schema/reader.ts";
import { eitherOf, integer, listOf, mapped, oneOf, text, wrongType } from "../schema/values.ts";

/** Names of the add-ons that exist. */
export const addonNames = ["prometheus", "grafana", "jaeger", "kiali"] as const;
export type AddonName = (typeof addonNames)[number];

/** One add-on as it is written. */
export interface WrittenAddon {
  readonly name: AddonName;
  readonly port?: number;
  readonly namespace?: string;
  readonly dashboards?: readonly string[];
}

const nodePort = integer(30_000, 32_767, "a NodePort");

const addonSettings = eitherOf<Omit<WrittenAddon, "name">>({
  what: "a NodePort or a map",
  scalar: mapped(nodePort, (port) => ({ port })),
  map: object("add-ons have", {
    port: field(nodePort, "NodePort that it is reached at.", { examples: [30_000] }),
    namespace: field(text(dnsLabel("a namespace")), "Namespace that it runs in.", {
      default: "istio-system",
    }),
    dashboards: field(listOf(text()), "Dashboard files for grafana.", { examples: [["dashboard.json"]] }),
  }),
});

const byName: Reader<readonly WrittenAddon[]> = {
  schema: {
    type: "object",
    properties: Object.fromEntries(addonNames.map((name) => [name, addonSettings.schema])),
    additionalProperties: false,
  },
  read(node, path, problems) {
    if (node.kind !== "map") {
      wrongType(node, path, problems, "a list or a map");
      return undefined;
    }
    return [...node.entries].flatMap(([written, { key, value }]) => {
      const name = addonNames.find((known) => known === written);
      if (name === undefined) {
        const near = nearestName(written, addonNames);
        const hint = near === undefined ? `there are ${addonNames.join(", ")}` : `did you mean "${near}"?`;
        problems.add("mesh/unknown-field", [...path, written], key, `there is no add-on "${written}"`, hint);
        return [];
      }
      if (value.kind === "scalar" && value.value === null) return [{ name }];
      const settings = addonSettings.read(value, [...path, name], problems);
      return settings === undefined ? [] : [{ name, ...settings }];
    });
  },
};

/** `addons`: a list of names, or a map from name to NodePort or settings. */
export const addonsSection = eitherOf<readonly WrittenAddon[]>({
  what: "a list or a map",
  list: listOf(mapped(oneOf(...addonNames), (name): WrittenAddon => ({ name }))),
  map: byName,
});
