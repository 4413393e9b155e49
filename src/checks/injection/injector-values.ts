import { parse } from "yaml";
import type { ClusterView } from "../contracts.ts";
import { systemNamespace } from "../view/labels.ts";

/** What the injector of a cluster was installed with. */
export interface InjectorValues {
  readonly isOnByDefault: boolean;
  /** Image of the sidecar that new pods get; undefined where the values do not say. */
  readonly proxyImage: string | undefined;
}

interface Values {
  readonly global?: {
    readonly hub?: string;
    readonly tag?: string | number;
    readonly proxy?: { readonly image?: string };
  };
  readonly sidecarInjectorWebhook?: { readonly enableNamespacesByDefault?: boolean };
}

/** The values of the injector, as istiod's ConfigMap has them; of a revision, or of the default one. */
export function injectorValues({ configMaps }: ClusterView, revision = "default"): InjectorValues {
  const name = revision === "default" ? "istio-sidecar-injector" : `istio-sidecar-injector-${revision}`;
  const map = configMaps.find(
    ({ metadata }) => metadata.namespace === systemNamespace && metadata.name === name,
  );
  const { global = {}, sidecarInjectorWebhook = {} } = parsed(map?.data?.["values"]);
  const { hub, tag, proxy: { image = "proxyv2" } = {} } = global;
  return {
    isOnByDefault: sidecarInjectorWebhook.enableNamespacesByDefault === true,
    proxyImage: image.includes("/")
      ? image
      : hub === undefined || tag === undefined
        ? undefined
        : `${hub}/${image}:${tag}`,
  };
}

/** JSON or YAML; nothing when it is neither, which istiod says itself. */
function parsed(text = ""): Values {
  try {
    return (parse(text) ?? {}) as Values;
  } catch {
    return {};
  }
}
