/** A case in which the built-in proxy is known to differ from Envoy, and why it stays so. */
export interface KnownDifference {
  /** Name of the case. */
  readonly name: string;
  readonly reason: string;
}

/** All of them; a test says when one has gone. */
export const knownDifferences: readonly KnownDifference[] = [];
