/**
 * console: the server side of the mesh's pages.
 *
 * startConsole serves the web pages of console-web/ and the API they are made of (api.ts, api-fleet.ts), to whoever has its token.
 * Every resource of the API is a pure function of what a Reader read; pages watch several over one stream.
 *
 * Declares ConsoleSource, through which it sees a mesh, and knows no engine. Never gives out the data of a Secret.
 */
export type * from "./api.ts";
export type * from "./api-fleet.ts";
export type {
  ConsoleSource,
  SourceAuthority,
  SourceCluster,
  SourceEndpoint,
  SourceGateway,
  SourceLoad,
  SourcePeering,
  SourceProxy,
  SourceState,
  SourceTrust,
} from "./contracts.ts";
export { type Console, type ConsoleOptions, consolePort, startConsole } from "./start-console.ts";
