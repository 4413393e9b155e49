/** One request to a Kubernetes API, as it stands on the wire but with its JSON body not yet written out. */
export interface ApiRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Path without the query, for example "/api/v1/namespaces/sample/pods". */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. `accept` and `content-type` decide the form of bodies. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** A JSON value (for JSON content types and patches), or bytes for everything else. Never changed. */
  readonly body?: unknown;
  /** The answer's body is wanted as it comes, in `chunks`, unless it is an error: logs that are followed. */
  readonly inChunks?: boolean;
}

/**
 * What came back. A watch has `events` and no `body`, a body in chunks has `chunks`; ending the iteration ends the request.
 */
export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** A JSON value, or text when the server sent no JSON. */
  readonly body?: unknown;
  readonly events?: AsyncIterable<unknown>;
  readonly chunks?: AsyncIterable<Uint8Array>;
}

/**
 * The way to one cluster's Kubernetes API, for one identity. Over HTTP (createHttpTransport) for any
 * server, in process (ApiServer.transport) for the embedded one: both carry the same requests.
 *
 * Rejects only when no answer was had (network, TLS, abort); HTTP errors are responses.
 */
export interface ApiTransport {
  send(request: ApiRequest, signal?: AbortSignal): Promise<ApiResponse>;
}
