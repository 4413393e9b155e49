import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { type WebSocket, WebSocketServer } from "ws";
import type { ModelServers } from "./model-servers.ts";

/** The page's WebSockets. */
export interface ChatSockets {
  /** Takes over an HTTP connection that asks for an upgrade. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Ends all of them: the server goes away. */
  close(): void;
}

/** As much as an HTTP request may carry. */
const mostMessage = 1024 * 1024;
const mostChats = 8;

type Question =
  | {
      readonly type: "chat";
      readonly id: number;
      readonly model: string;
      readonly messages: readonly unknown[];
    }
  | { readonly type: "stop"; readonly id: number };

/**
 * Serves chats: `{type: "chat", id, model, messages}` is answered by `{type: "delta", id, text}` as the text comes and one
 * `{type: "done", id}` or `{type: "error", id, message}`; `{type: "stop", id}` ends it early. Several may run side by side.
 */
export function createChatSockets(servers: ModelServers): ChatSockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: mostMessage });
  server.on("connection", (socket: WebSocket) => serve(socket, servers));
  return {
    accept(request, socket, head) {
      server.handleUpgrade(request, socket, head, (opened) => server.emit("connection", opened, request));
    },
    close() {
      for (const client of server.clients) client.close(1001, "the server goes away");
      server.close();
    },
  };
}

function serve(socket: WebSocket, servers: ModelServers): void {
  const chats = new Map<number, AbortController>();
  const say = (message: object) => {
    if (socket.readyState === socket.OPEN) socket.send(JSON.stringify(message));
  };
  socket.on("message", (data) => {
    const question = readQuestion(String(data));
    if (question === undefined) return socket.close(1008, "not a question");
    const { id } = question;
    if (question.type === "stop") return chats.get(id)?.abort();
    if (chats.has(id) || chats.size >= mostChats)
      return say({ type: "error", id, message: "too many questions at once" });
    const chat = new AbortController();
    chats.set(id, chat);
    answer(question, servers, chat.signal, (text) => say({ type: "delta", id, text }))
      .then(
        () => say({ type: "done", id }),
        (reason: unknown) =>
          say({ type: "error", id, message: reason instanceof Error ? reason.message : String(reason) }),
      )
      .finally(() => chats.delete(id));
  });
  socket.on("error", () => {}); // The close that follows says enough.
  socket.on("close", () => {
    for (const chat of chats.values()) chat.abort();
  });
}

async function answer(
  { model, messages }: Extract<Question, { type: "chat" }>,
  servers: ModelServers,
  signal: AbortSignal,
  say: (text: string) => void,
): Promise<void> {
  const { body } = await servers.chat({ model, messages, stream: true }, signal);
  let rest = "";
  try {
    for await (const part of body) {
      const lines = (rest + part).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const text = textOfEvent(line);
        if (text !== "") say(text);
      }
    }
  } catch (reason) {
    if (!signal.aborted) throw reason;
  }
}

/** The text in a line of server-sent events in the form of OpenAI's chunks. Throws what an error event says. */
function textOfEvent(line: string): string {
  const [, json] = /^data:\s*(\{.*)$/.exec(line) ?? [];
  if (json === undefined) return "";
  const { choices, error } = JSON.parse(json) as {
    readonly choices?: readonly { readonly delta?: { readonly content?: string | null } }[];
    readonly error?: { readonly message?: string };
  };
  if (error !== undefined) throw new Error(error.message ?? "the model failed");
  return choices?.[0]?.delta?.content ?? "";
}

function readQuestion(text: string): Question | undefined {
  try {
    const { type, id, model, messages } = JSON.parse(text) as Record<string, unknown>;
    if (typeof id !== "number") return undefined;
    if (type === "stop") return { type, id };
    if (type === "chat" && typeof model === "string" && Array.isArray(messages))
      return { type, id, model, messages };
  } catch {
    // Not JSON.
  }
  return undefined;
}
