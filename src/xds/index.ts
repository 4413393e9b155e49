/**
 * xds: xDS as data, and gRPC to carry it.
 *
 * Generated message types (gen/, made from the protos that @grpc/grpc-js-xds ships; imported directly as
 * "../xds/gen/…_pb.js"; a message's descriptor is built when it is first used), type URLs, Snapshot (everything
 * for one proxy), and gRPC framing over node:http2.
 *
 * Does not decide what a proxy gets (discovery) nor what it does with it (proxy).
 */
export {
  callUnary,
  type GrpcCall,
  GrpcError,
  type GrpcHandlers,
  type GrpcMetadata,
  type GrpcStream,
  grpcStatus,
  maxMessageBytes,
  openGrpc,
  readUnary,
  serveGrpc,
} from "./grpc.ts";
export type { Snapshot } from "./snapshot.ts";
export { methods, type TypeUrl, typeUrls } from "./type-urls.ts";
