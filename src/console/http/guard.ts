import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { IsthmusError } from "../../base/index.ts";

/**
 * Who may talk to the console. Its pages open with the token in their address, which is kept as a cookie then;
 * programs send the token as a bearer. Everything else is refused, whoever it comes from:
 *
 * - a Host that is a name other than localhost: a foreign page may have bound its name to this address (DNS rebinding);
 * - a write from a page of another origin: browsers say where it comes from;
 * - no token, or a wrong one.
 */
export interface Guard {
  /** Throws console/refused or console/unauthorized. */
  admit(request: IncomingMessage): void;
  /** Throws console/refused for a Host that this server can't have. */
  checkHost(request: IncomingMessage): void;
  /** The value of Set-Cookie for whoever opens a page with the right token in its address; undefined for others. */
  cookieFor(request: IncomingMessage): string | undefined;
}

/** What browsers call the cookie: one per port, since cookies do not tell ports apart. */
export function cookieName(port: number): string {
  return `isthmus-console-${port}`;
}

export function createGuard(options: { readonly token: string; readonly port: number }): Guard {
  const { token, port } = options;
  const checkHost = ({ headers: { host = "" } }: IncomingMessage) => {
    if (!isOwnHost(host))
      throw new IsthmusError("console/refused", `the console is not called "${host.slice(0, 100)}"`, {
        nextStep: "Open it by its address on this machine: isthmus console prints it.",
      });
  };
  return {
    checkHost,
    admit(request) {
      checkHost(request);
      const { authorization, cookie = "" } = request.headers;
      if (authorization !== undefined) {
        if (!isSame(authorization, `Bearer ${token}`)) throw unauthorized();
        return;
      }
      if (!isSame(cookieValue(cookie, cookieName(port)) ?? "", token)) throw unauthorized();
      if (!isRead(request)) checkOrigin(request);
    },
    cookieFor(request) {
      const given = new URL(request.url ?? "/", "http://console").searchParams.get("token");
      if (given === null || !isSame(given, token)) return undefined;
      return `${cookieName(port)}=${token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${90 * 24 * 3600}`;
    },
  };
}

/** An address of this machine, or localhost: nobody can bind those to somewhere else. */
function isOwnHost(host: string): boolean {
  return /^(127(\.\d{1,3}){3}|localhost|\[::1\])(:\d{1,5})?$/.test(host);
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** A browser says the origin of every write; a cookie without one is no browser's page of ours. */
function checkOrigin({ headers: { origin, host = "", "sec-fetch-site": site } }: IncomingMessage): void {
  if (origin === `http://${host}` && (site === undefined || site === "same-origin")) return;
  throw new IsthmusError("console/refused", "only the console's own pages may change the mesh", {
    nextStep: "Programs send the token as Authorization: Bearer.",
  });
}

function unauthorized(): IsthmusError {
  return new IsthmusError("console/unauthorized", "this page needs the console's token", {
    nextStep: "Open the address that isthmus console prints.",
  });
}

function cookieValue(header: string, name: string): string | undefined {
  for (const pair of header.split(";")) {
    const [key, value] = pair.trim().split("=", 2);
    if (key === name) return value;
  }
  return undefined;
}

/** Takes as long for a wrong secret as for the right one, whatever their lengths. */
function isSame(given: string, wanted: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}
