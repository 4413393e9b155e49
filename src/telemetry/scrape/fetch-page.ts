import http from "node:http";

/** Bytes that a page of metrics may have. */
const maxBytes = 32 * 1024 * 1024;

/** Fetches pages of metrics, over connections that are kept open. */
export interface PageFetcher {
  /** The page. Rejects when the answer is not 200, is too large, or takes longer than `timeout` milliseconds. */
  fetch(from: { host: string; port: number; path: string }, timeout: number): Promise<string>;
  close(): void;
}

export function createPageFetcher(): PageFetcher {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1, maxFreeSockets: 1, scheduling: "lifo" });
  return {
    fetch: ({ host, port, path }, timeout) =>
      new Promise((resolve, reject) => {
        const headers = {
          accept: "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
          "user-agent": "isthmus",
          "x-prometheus-scrape-timeout-seconds": String(timeout / 1000),
        };
        const signal = AbortSignal.timeout(timeout);
        const request = http.get({ host, port, path, agent, headers, signal }, (response) => {
          const chunks: Buffer[] = [];
          let size = 0;
          response.on("data", (chunk: Buffer) => {
            chunks.push(chunk);
            size += chunk.length;
            if (size > maxBytes) request.destroy(new Error(`the page has more than ${maxBytes} bytes`));
          });
          response.on("end", () => {
            if (response.statusCode === 200) resolve(Buffer.concat(chunks).toString("utf8"));
            else reject(new Error(`server returned HTTP status ${response.statusCode}`));
          });
          response.on("error", reject);
        });
        request.on("error", (reason) =>
          reject(signal.aborted ? new Error(`no answer within ${timeout / 1000} s`) : reason),
        );
      }),
    close: () => agent.destroy(),
  };
}
