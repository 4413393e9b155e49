// A program of a user's in place of a container image: a server with OpenAI's API that knows one model.
import { createServer } from "node:http";

const model = process.argv[2];
const events = ["I am ", model, " of ", process.env.WHERE].map(
  (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`,
);

createServer((request, response) => {
  if (request.url === "/v1/models")
    response.end(JSON.stringify({ object: "list", data: [{ id: model, object: "model" }] }));
  else if (request.url === "/v1/chat/completions") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.end([...events, "data: [DONE]\n\n"].join(""));
  } else response.end();
}).listen(Number(process.env.PORT), process.env.HOST);
