import { parse } from "yaml";
import type { Logger } from "../../base/index.ts";
import { type ConfigMap, type KubeClient, kinds, startInformer } from "../../kube/index.ts";
import type { World } from "../translate/world.ts";
import type { InjectionSettings } from "./injection/contracts.ts";

type Values = Readonly<Record<string, unknown>>;

/** Follows what injection is made from. The function returned gives it as it is now. */
export function watchInjectionSettings(options: {
  readonly client: KubeClient;
  readonly systemNamespace: string;
  readonly revision: string;
  world(): World;
  readonly signal: AbortSignal;
  readonly log: Logger;
}): { readonly synced: Promise<void>; current(): InjectionSettings } {
  const { client, systemNamespace, revision, signal, log } = options;
  const name =
    revision === "" || revision === "default"
      ? "istio-sidecar-injector"
      : `istio-sidecar-injector-${revision}`;
  let global: Values = {};
  const informer = startInformer<ConfigMap>(client, kinds.configMaps, {
    namespace: systemNamespace,
    fieldSelector: `metadata.name=${name}`,
    signal,
    log,
  });
  informer.subscribe(({ type, object }) => {
    if (object.metadata.name !== name) return;
    try {
      global = type === "deleted" ? {} : asObject(asObject(parse(object.data?.["values"] ?? "{}"))["global"]);
    } catch (reason) {
      log.warn(
        { configMap: name, reason: String(reason) },
        "the values for injection can't be read; the last ones stay",
      );
    }
  });
  let readFrom: string | undefined;
  let meshConfig: Values = {};
  return {
    synced: informer.synced,
    current() {
      const { mesh } = options.world().objects;
      if (mesh !== readFrom) {
        readFrom = mesh;
        try {
          meshConfig = asObject(parse(mesh === "" ? "{}" : mesh));
        } catch {
          // The control plane has reported it; the last one that could be read stays.
        }
      }
      return { meshConfig, global, revision, systemNamespace };
    },
  };
}

function asObject(value: unknown): Values {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Values) : {};
}
