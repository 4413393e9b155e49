/**
 * streams: exec, attach and port-forward over upgraded connections, as kubectl of every age asks for them.
 *
 * handleExec (exec and attach alike) and handlePortForward, over WebSocket and over SPDY/3.1.
 *
 * Knows nothing of pods: the handlers that it is given run commands and open connections.
 */
export type { ExecHandler } from "./exec-session.ts";
export { handleExec } from "./handle-exec.ts";
export { handlePortForward, type PortForwardHandler } from "./handle-port-forward.ts";
