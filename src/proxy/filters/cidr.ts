import { BlockList, isIP } from "node:net";
import { ConfigError } from "../config/config-error.ts";

/** Whether an address is inside a range. */
export type AddressTest = (address: string) => boolean;

/** A range of addresses, "10.0.0.0" with 8 bits. Throws ConfigError. */
export function compileRange(prefix: string, bits: number | undefined, where: string): AddressTest {
  const family = isIP(prefix);
  if (family === 0) throw new ConfigError(`${where}: ${JSON.stringify(prefix)} is no address`);
  const type = family === 4 ? "ipv4" : "ipv6";
  const length = bits ?? 0;
  if (length > (family === 4 ? 32 : 128)) throw new ConfigError(`${where}: prefix of ${length} bits`);
  if (length === 0) return (address) => isIP(address) === family;
  const list = new BlockList();
  list.addSubnet(prefix, length, type);
  return (address) => isIP(address) === family && list.check(address, type);
}
