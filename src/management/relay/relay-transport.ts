import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { IsthmusError } from "../../base/index.ts";
import { type ApiRequest, type ApiResponse, type ApiTransport, readEvents } from "../../kube/index.ts";

/** Most bytes of an answer that is no watch. */
const mostBytes = 64 * 1024 * 1024;

/** The way to the API of a cluster over the connection that its agent holds at the moment of each request. */
export function createRelayTransport(
  cluster: string,
  session: () => ClientHttp2Session | undefined,
): ApiTransport {
  return {
    async send(request, signal) {
      const open = session();
      if (open === undefined || open.closed || open.destroyed) throw notConnected(cluster);
      signal?.throwIfAborted();
      const stream = open.request(headersOf(request), {
        // A DELETE has a body here, which HTTP/2's own idea of the method leaves out.
        endStream: request.body === undefined,
        ...(signal === undefined ? {} : { signal }),
      });
      const headers = await answered(stream, request, cluster, signal);
      const status = Number(headers[":status"]);
      const answer = { status, headers: headers as ApiResponse["headers"] };
      if (request.query.get("watch") === "true" && status === 200)
        return { ...answer, events: readEvents(stream, { server: cluster, signal }) };
      const text = await textOf(stream, cluster);
      const isJson = /^application\/json\b/.test(String(headers["content-type"] ?? ""));
      return { ...answer, body: isJson && text !== "" ? JSON.parse(text) : text };
    },
  };
}

function notConnected(cluster: string, cause?: unknown): IsthmusError {
  return new IsthmusError("cluster/unreachable", `the agent of ${cluster} is not connected`, {
    cause,
    nextStep: `See whether the Deployment gloo-mesh/gloo-mesh-agent of ${cluster} runs and what it logs.`,
  });
}

function headersOf({ method, path, query, headers }: ApiRequest): Record<string, string> {
  const text = query.toString();
  const { accept = "application/json", "content-type": type } = headers;
  return {
    ":method": method,
    ":path": `${path}${text === "" ? "" : `?${text}`}`,
    accept,
    ...(type === undefined ? {} : { "content-type": type }),
  };
}

function answered(
  stream: ClientHttp2Stream,
  { body }: ApiRequest,
  cluster: string,
  signal: AbortSignal | undefined,
): Promise<IncomingHttpHeaders> {
  return new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.on("error", (reason) =>
      reject(signal?.aborted === true ? signal.reason : notConnected(cluster, reason)),
    );
    stream.once("close", () => reject(notConnected(cluster)));
    if (body !== undefined) stream.end(JSON.stringify(body));
  });
}

async function textOf(stream: ClientHttp2Stream, cluster: string): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > mostBytes) break;
      chunks.push(chunk);
    }
  } catch (reason) {
    throw notConnected(cluster, reason);
  }
  if (size > mostBytes)
    throw new IsthmusError(
      "cluster/unreachable",
      `${cluster} sent an answer of more than ${mostBytes} bytes`,
    );
  return Buffer.concat(chunks).toString();
}
