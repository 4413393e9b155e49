import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** What a client must know of a response to go on: DiscoveryResponse and DeltaDiscoveryResponse number these alike. */
export interface ResponseHead {
  readonly typeUrl: string;
  readonly nonce: string;
  /** DiscoveryResponse.version_info. */
  readonly version: string;
}

/** Reads the head of a response and passes its resources over: a thousand clients on one core can't decode all. */
export function readHead(message: Uint8Array): ResponseHead {
  const reader = new BinaryReader(message);
  let typeUrl = "";
  let nonce = "";
  let version = "";
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 4 && type === WireType.LengthDelimited) typeUrl = reader.string();
    else if (field === 5 && type === WireType.LengthDelimited) nonce = reader.string();
    else if (field === 1 && type === WireType.LengthDelimited) version = reader.string();
    else reader.skip(type, field);
  }
  return { typeUrl, nonce, version };
}
