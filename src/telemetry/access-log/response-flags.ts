/** What Envoy's response flags say, in words (Envoy's documentation, "Access logging", %RESPONSE_FLAGS%). */
const meanings: Readonly<Record<string, string>> = {
  UH: "no healthy host",
  UF: "the connection to the host failed",
  UO: "a limit of the connection pool was reached",
  NR: "no route or filter chain takes it",
  URX: "the limit of retries or connection attempts was reached",
  NC: "the cluster is not known",
  NFCF: "the configuration of a filter is missing",
  DT: "it was open or running for too long",
  DC: "the client went away",
  LH: "this proxy failed its health check",
  UT: "the host took too long",
  LR: "reset by this proxy",
  UR: "reset by the host",
  UC: "the host closed the connection",
  DI: "delayed on purpose by a fault",
  FI: "failed on purpose by a fault",
  RL: "the rate limit of this proxy was reached",
  UAEX: "denied by external authorization",
  RLSE: "the rate limit service failed",
  IH: "a header has a value that is not allowed",
  SI: "the stream was idle for too long",
  DPE: "the client broke the protocol",
  UPE: "the host broke the protocol",
  UMSDR: "the stream was open for too long",
  OM: "the proxy sheds load",
  DF: "the host's name could not be looked up",
};

/** A flag in words; undefined for one that is not known. */
export function responseFlagMeaning(flag: string): string | undefined {
  return meanings[flag];
}
