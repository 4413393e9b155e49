import type {
  SdsSecretConfig,
  Secret,
} from "../../xds/gen/envoy/extensions/transport_sockets/tls/v3/secret_pb.js";
import type { SecretSource } from "../contracts.ts";

/** Names a secret and says who has it: the agent beside the proxy, or discovery. */
export interface SecretRef {
  readonly name: string;
  readonly source: "agent" | "ads";
}

/** The secrets that TLS contexts use, wherever they come from. */
export interface SecretStore {
  get(ref: SecretRef): Secret | undefined;
  /** A configuration names it: it counts as in use, before a connection asks for it. */
  use(ref: SecretRef): void;
  /** Grows whenever the secret changed. */
  generation(ref: SecretRef): number;
  /** Takes a secret that discovery sent; undefined forgets it. */
  put(name: string, secret: Secret | undefined): void;
  /** Secrets in use, for /certs. */
  entries(): Iterable<readonly [string, Secret]>;
}

/** Where `config` says that its secret comes from. */
export function secretRef(config: SdsSecretConfig): SecretRef {
  const isAds = config.sdsConfig?.configSourceSpecifier.case === "ads";
  return { name: config.name, source: isAds ? "ads" : "agent" };
}

export function createSecretStore(agent: SecretSource, signal: AbortSignal): SecretStore {
  const fromDiscovery = new Map<string, Secret>();
  const fromAgent = new Map<string, Secret | undefined>();
  const generations = new Map<string, number>();
  const key = (ref: SecretRef) => `${ref.source}/${ref.name}`;
  const changed = (of: string) => generations.set(of, (generations.get(of) ?? 0) + 1);

  function fetch(name: string): Secret | undefined {
    if (!fromAgent.has(name)) {
      agent.onChange(
        name,
        () => {
          fromAgent.set(name, agent.get(name));
          changed(`agent/${name}`);
        },
        signal,
      );
      fromAgent.set(name, agent.get(name));
    }
    const known = fromAgent.get(name);
    if (known !== undefined) return known;
    const now = agent.get(name);
    if (now !== undefined) fromAgent.set(name, now);
    return now;
  }

  return {
    get: (ref) => (ref.source === "ads" ? fromDiscovery.get(ref.name) : fetch(ref.name)),
    use(ref) {
      if (ref.source === "agent") fetch(ref.name);
    },
    generation: (ref) => generations.get(key(ref)) ?? 0,
    put(name, secret) {
      if (secret === undefined) fromDiscovery.delete(name);
      else fromDiscovery.set(name, secret);
      changed(`ads/${name}`);
    },
    *entries() {
      for (const [name, secret] of fromAgent) if (secret !== undefined) yield [name, secret];
      yield* fromDiscovery;
    },
  };
}
