import tls from "node:tls";

/** Resolves when a TLS handshake with `to` completes (and, with `speak`, an answer comes). */
export function handshake(
  to: { readonly host: string; readonly port: number },
  options: tls.ConnectionOptions,
  speak = false,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ ...to, rejectUnauthorized: false, ...options });
    const fail = (reason: Error) => {
      socket.destroy();
      reject(reason);
    };
    socket.setTimeout(30_000, () => fail(new Error("no answer")));
    socket.on("secureConnect", () => {
      if (!speak) {
        socket.destroy();
        resolve();
      } else socket.write("GET /hello HTTP/1.1\r\nhost: x\r\n\r\n");
    });
    socket.on("data", () => {
      socket.destroy();
      resolve();
    });
    socket.on("error", fail);
    socket.on("close", () => fail(new Error("closed")));
  });
}
