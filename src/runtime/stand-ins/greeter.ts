import { escapeHtml } from "../../base/index.ts";
import type { StandIn } from "../contracts.ts";
import { requestAsApp } from "./request-as-app.ts";
import { serveHttp } from "./serve-http.ts";

const defaultTimeout = 3000;

/**
 * npalm/hello-mesh-greeter: /greeter is a postcard with the text that SECOND_CLUSTER answers, or an apology when it does
 * not answer within TIMEOUT milliseconds; every other path says that it is ready.
 */
export const greeter: StandIn = {
  name: "greeter",
  matches: (imageName) => imageName === "hello-mesh-greeter",
  ports: [3000],
  start(context) {
    const { env, network } = context;
    const source = env["SECOND_CLUSTER"] ?? "";
    const timeout = Number(env["TIMEOUT"] ?? defaultTimeout) || defaultTimeout;
    const ask = async (): Promise<string | undefined> => {
      if (!URL.canParse(source)) return undefined;
      try {
        const { status, body } = await requestAsApp(network, new URL(source), { timeout });
        if (status === 200) return body;
        context.log(`${source} answered ${status}`);
      } catch (reason) {
        context.log(`${source}: ${reason instanceof Error ? reason.message : String(reason)}`);
      }
      return undefined;
    };
    return serveHttp(context, 3000, async ({ url = "/" }) => {
      if (!/^\/greeter(?:[/?]|$)/.test(url)) return { status: 200, headers: plain, body: "ready" };
      const message = await ask();
      const page = postcard({
        from: env["LOCATION"] ?? "",
        via: message === undefined ? "" : source,
        message,
      });
      return { status: 200, headers: html, body: page };
    });
  },
};

const plain = { "content-type": "text/plain; charset=utf-8" };
const html = { "content-type": "text/html; charset=utf-8", "cache-control": "no-store" };

interface Postcard {
  readonly from: string;
  readonly via: string;
  readonly message: string | undefined;
}

function postcard({ from, via, message }: Postcard): string {
  const [title, body] =
    message === undefined
      ? ["Oops we received nothing!", ""]
      : ["We have a message for you:", `<p class="message">${escapeHtml(message)}</p>`];
  const line = (name: string, value: string) => `<dt>${name}</dt><dd>${escapeHtml(value)}</dd>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>A postcard from ${escapeHtml(from)}</title>
<style>${style}</style>
</head>
<body>
<main class="card${message === undefined ? " empty" : ""}">
<section class="text"><h1>${title}</h1>${body}</section>
<section class="address">
<div class="stamp" aria-hidden="true"><span>${escapeHtml(from)}</span></div>
<dl>${line("to", "Niek")}${line("from", from)}${line("via", via)}</dl>
</section>
</main>
</body>
</html>
`;
}

const style = `
:root { color-scheme: light dark; --paper: #fffdf7; --ink: #23303f; --faint: #8a94a0; --line: #d9d2c3; --accent: #b3432b; --desk: #dfe6ea }
@media (prefers-color-scheme: dark) { :root { --paper: #262a30; --ink: #e8e6e1; --faint: #97a0aa; --line: #444b54; --accent: #e08a6f; --desk: #15181c } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--desk); color: var(--ink); font: 1.05rem/1.5 Georgia, "Times New Roman", serif }
.card { display: grid; grid-template-columns: 3fr 2fr; width: min(46rem, 100%); min-height: 22rem; background: var(--paper); border-radius: 6px; box-shadow: 0 1px 2px #0003, 0 12px 32px #0003; border-top: 6px solid var(--accent) }
.text { padding: 2.25rem; border-right: 1px solid var(--line) }
h1 { margin: 0 0 1rem; font-size: 1.35rem; font-weight: normal; color: var(--accent) }
.message { margin: 0; font-size: 1.5rem; font-style: italic; overflow-wrap: anywhere }
.empty h1 { color: var(--faint) }
.address { padding: 1.75rem; display: flex; flex-direction: column; justify-content: space-between; gap: 2rem }
.stamp { align-self: flex-end; width: 5.5rem; min-height: 6.5rem; padding: .5rem; display: grid; place-items: center; text-align: center; font-size: .75rem; color: var(--accent); outline: 2px dashed var(--accent); outline-offset: -2px; overflow-wrap: anywhere }
dl { margin: 0; display: grid; grid-template-columns: auto 1fr; gap: .25rem .9rem }
dt { color: var(--faint); font-size: .85rem; align-self: center }
dd { margin: 0; border-bottom: 1px solid var(--line); min-height: 1.6rem; overflow-wrap: anywhere }
@media (max-width: 36rem) { .card { grid-template-columns: 1fr } .text { border-right: 0; border-bottom: 1px solid var(--line) } }
`.replaceAll("\n", "");
