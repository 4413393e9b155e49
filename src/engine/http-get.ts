import http from "node:http";

const timeout = 5000;
const maxBytes = 64 * 1024 * 1024;

/** The body of a GET, as text. Rejects on anything but 200, after 5 s, and beyond 64 MiB. */
export function getText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { agent: false, timeout }, (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxBytes) request.destroy(new Error(`${url} answers more than ${maxBytes} bytes`));
      });
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        if (response.statusCode === 200) resolve(text);
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 200)}`));
      });
      response.on("error", reject);
    });
    request.on("timeout", () =>
      request.destroy(new Error(`${url} did not answer within ${timeout / 1000} s`)),
    );
    request.on("error", reject);
  });
}

/** The body of a GET, as JSON. */
export async function getJson(url: string): Promise<unknown> {
  return JSON.parse(await getText(url));
}
