import { Duplex } from "node:stream";

/**
 * `socket` without its handle. HTTP/2 takes over the handle of a socket that it knows, and with it neither what was read
 * already nor writes that are still under way: both are there when a connection is upgraded.
 */
export function asDuplex(socket: Duplex): Duplex {
  const duplex = new Duplex({
    read: () => socket.resume(),
    write: (chunk, _encoding, done) => {
      socket.write(chunk, done);
    },
    final: (done) => {
      socket.end(done);
    },
    destroy: (reason, done) => {
      socket.destroy(reason ?? undefined);
      done(reason);
    },
  });
  socket.on("data", (chunk) => {
    if (!duplex.push(chunk)) socket.pause();
  });
  // Half open, HTTP/2 would write on after having shut its side, which node:http2 answers with a failed assertion.
  socket.once("end", () => duplex.destroy());
  socket.once("error", (reason) => duplex.destroy(reason));
  socket.once("close", () => duplex.destroy());
  return duplex;
}
