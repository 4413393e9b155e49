/** A case in which the built-in proxy is known to differ from Envoy, and why it stays so. */
export interface KnownDifference {
  /** Name of the case. Its expectations are the built-in proxy's. */
  readonly name: string;
  readonly reason: string;
}

/** All of them; a test says when one has gone. */
export const knownDifferences: readonly KnownDifference[] = [
  {
    name: "two hosts are refused",
    reason:
      "Envoy joins them with a comma and goes on; RFC 9112 3.2 has a server refuse them, since others read one of them",
  },
  {
    name: "a lone carriage return in a header is refused",
    reason:
      "Envoy drops it and goes on; RFC 9112 2.2 has it refused, since others may take it for the end of a line",
  },
  ...[
    "TCP from others ends before a byte of it reaches the app",
    "rules that only HTTP can meet let no TCP in",
  ].map((name) => ({
    name,
    reason:
      "Envoy asks its rules at the first byte and has connected to the app by then, which its log shows",
  })),
];
