// The chat page: a list of models, one conversation. Answers come over a WebSocket, or over HTTP where there is none.

const ui = Object.fromEntries(
  ["model", "fresh", "notice", "welcome", "log", "composer", "message", "send", "stop"].map((id) => [
    id,
    document.getElementById(id),
  ]),
);

/** What was said so far, as the API takes it. */
let conversation = [];
/** Aborts the running answer; undefined when there is none. */
let running;

const modelsPause = { first: 1000, most: 10_000 };

/** Fills the list of models, and goes on looking while there are none. */
async function loadModels(pause = modelsPause.first) {
  let models = [];
  let problem = "";
  try {
    const response = await fetch("/api/models");
    const answer = await response.json();
    models = answer.data ?? [];
    problem = (answer.errors ?? []).map(({ message }) => message).join("; ");
    if (models.length === 0 && problem === "") problem = "No model server offers a model.";
  } catch (reason) {
    problem = `The list of models can't be had: ${reason.message}`;
  }
  const chosen = ui.model.value;
  const options = models.map(({ id }) => new Option(id, id, false, id === chosen));
  ui.model.replaceChildren(...(options.length > 0 ? options : [new Option("No model", "")]));
  ui.model.disabled = models.length === 0;
  if (problem === "") hideNotice();
  else showNotice(problem);
  updateButtons();
  if (models.length === 0)
    setTimeout(() => loadModels(Math.min(pause * 2, modelsPause.most)), pause);
}

function showNotice(text) {
  const words = document.createElement("span");
  words.textContent = text;
  const retry = document.createElement("button");
  retry.type = "button";
  retry.className = "quiet";
  retry.textContent = "Try again";
  retry.addEventListener("click", () => loadModels(), { once: true });
  // Said once: assistive technology reads every change of it aloud.
  if (ui.notice.querySelector("span")?.textContent !== text) ui.notice.replaceChildren(words, retry);
  ui.notice.hidden = false;
}

function hideNotice() {
  ui.notice.hidden = true;
  ui.notice.replaceChildren();
}

function updateButtons() {
  ui.send.hidden = running !== undefined;
  ui.stop.hidden = running === undefined;
  ui.send.disabled = ui.model.value === "" || ui.message.value.trim() === "";
}

/** A message on the page. */
function addMessage(role, who, text = "") {
  const article = document.createElement("article");
  article.dataset.role = role;
  const name = document.createElement("p");
  name.className = "who";
  name.textContent = who;
  const body = document.createElement("p");
  body.className = "text";
  body.textContent = text;
  article.append(name, body);
  ui.log.append(article);
  ui.welcome.hidden = true;
  article.scrollIntoView({ block: "end" });
  return { article, body };
}

async function send() {
  const text = ui.message.value.trim();
  const model = ui.model.value;
  if (text === "" || model === "" || running !== undefined) return;
  ui.message.value = "";
  resize();
  conversation.push({ role: "user", content: text });
  addMessage("user", "You", text);
  const { article, body } = addMessage("assistant", model);
  article.dataset.state = "running";
  ui.log.setAttribute("aria-busy", "true");
  running = new AbortController();
  updateButtons();
  const say = (part) => {
    const isAtEnd = isScrolledDown();
    body.append(part);
    if (isAtEnd) article.scrollIntoView({ block: "end" });
  };
  try {
    const socket = await openSocket();
    article.dataset.transport = socket === undefined ? "http" : "websocket";
    const question = { model, messages: conversation };
    await (socket === undefined
      ? askOverHttp(question, say, running.signal)
      : askOverSocket(socket, question, say, running.signal));
    article.dataset.state = "done";
  } catch (reason) {
    article.dataset.state = "failed";
    const failure = document.createElement("p");
    failure.className = "error";
    failure.setAttribute("role", "alert");
    failure.textContent = reason.message;
    article.append(failure);
    failure.scrollIntoView({ block: "end" });
  }
  if (body.textContent !== "") conversation.push({ role: "assistant", content: body.textContent });
  ui.log.removeAttribute("aria-busy");
  running = undefined;
  updateButtons();
  ui.message.focus();
}

function isScrolledDown() {
  const { scrollTop, clientHeight, scrollHeight } = ui.log.parentElement;
  return scrollHeight - scrollTop - clientHeight < 80;
}

let openedSocket;

/** The page's WebSocket, opened when it is needed; undefined where none opens within two seconds. */
function openSocket() {
  if (openedSocket?.readyState === WebSocket.OPEN) return Promise.resolve(openedSocket);
  return new Promise((resolve) => {
    const socket = new WebSocket(new URL("/ws/chat", location.href.replace(/^http/, "ws")));
    const timer = setTimeout(() => socket.close(), 2000);
    socket.addEventListener("open", () => {
      clearTimeout(timer);
      openedSocket = socket;
      resolve(socket);
    });
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

let lastQuestion = 0;

function askOverSocket(socket, { model, messages }, say, signal) {
  const id = ++lastQuestion;
  const ended = new AbortController();
  const tell = (message) => socket.send(JSON.stringify({ id, ...message }));
  return new Promise((resolve, reject) => {
    const end = (failure) => {
      ended.abort();
      if (failure === undefined) resolve();
      else reject(new Error(failure));
    };
    const listen = { signal: ended.signal };
    socket.addEventListener(
      "message",
      ({ data }) => {
        const message = JSON.parse(data);
        if (message.id !== id) return;
        if (message.type === "delta") say(message.text);
        else if (message.type === "done") end();
        else if (message.type === "error") end(message.message);
      },
      listen,
    );
    socket.addEventListener("close", () => end("The connection to the server ended."), listen);
    signal.addEventListener(
      "abort",
      () => {
        tell({ type: "stop" });
        end();
      },
      listen,
    );
    tell({ type: "chat", model, messages });
  });
}

async function askOverHttp(question, say, signal) {
  try {
    const response = await fetch("/api/chat/completions", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ...question, stream: true }),
      signal,
    });
    if (!response.ok) throw new Error((await response.json()).detail);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value = "" } = await reader.read();
      const lines = (rest + value).split("\n");
      rest = lines.pop();
      for (const line of lines) sayEvent(line, say);
      if (done) return;
    }
  } catch (reason) {
    if (!signal.aborted) throw reason;
  }
}

/** One line of server-sent events in the form of OpenAI's chunks. */
function sayEvent(line, say) {
  if (!line.startsWith("data:") || line.trim() === "data: [DONE]") return;
  const { choices, error } = JSON.parse(line.slice("data:".length));
  if (error !== undefined) throw new Error(error.message);
  say(choices?.[0]?.delta?.content ?? "");
}

function resize() {
  ui.message.style.height = "auto";
  ui.message.style.height = `${ui.message.scrollHeight}px`;
  updateButtons();
}

ui.composer.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
ui.message.addEventListener("input", resize);
ui.message.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
ui.model.addEventListener("change", updateButtons);
ui.stop.addEventListener("click", () => running?.abort());
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
ui.fresh.addEventListener("click", () => {
  running?.abort();
  conversation = [];
  ui.log.replaceChildren();
  ui.welcome.hidden = false;
  ui.message.focus();
});

loadModels();
