import type { Kind, KubeClient, KubeObject } from "../../kube/index.ts";

/** What an action changes in one cluster: shown first, written afterwards. */
export interface Change {
  readonly cluster: string;
  readonly client: KubeClient;
  readonly kind: Kind;
  /** Absent: it does not exist yet. */
  readonly before?: KubeObject;
  /** Absent: it is deleted. */
  readonly after?: KubeObject;
  /** Writes it, unless it was changed since `before` was read. */
  write(): Promise<unknown>;
}

/** What an action does, before it does it. */
export interface Prepared {
  readonly summary: string;
  /** The same by command line. */
  readonly commands: readonly string[];
  readonly changes: readonly Change[];
  /** What is done beside writing objects. */
  run?(signal: AbortSignal): Promise<void>;
}

/** A change that creates the object, or replaces the one that was read. */
export function writeWhole(
  { cluster, client, kind }: Pick<Change, "cluster" | "client" | "kind">,
  before: KubeObject | undefined,
  after: KubeObject,
): Change {
  return {
    cluster,
    client,
    kind,
    ...(before === undefined ? {} : { before }),
    after,
    // The version that was read goes along: the API server refuses what has changed since.
    write: () => (before === undefined ? client.create(kind, after) : client.replace(kind, after)),
  };
}
