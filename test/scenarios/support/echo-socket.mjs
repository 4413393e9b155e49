// A program of a user's: echoes what comes over a websocket, and says on which path it was opened.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const server = createServer((_, response) => response.end("no websocket\n"));
new WebSocketServer({ server }).on("connection", (socket, request) => {
  socket.send(`opened ${request.url}`);
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});
server.listen(Number(process.env.PORT), process.env.HOST);
