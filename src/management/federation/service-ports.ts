import { type Service, servicePortProtocol } from "../../kube/index.ts";

/** A port of a ServiceEntry. Without a protocol the proxies look at the first bytes. */
export interface ExportedPort {
  readonly number: number;
  readonly name: string;
  readonly protocol?: string;
}

/** The TCP ports of a Service as a ServiceEntry has them. */
export function exportedPorts({ spec }: Service): readonly ExportedPort[] {
  return (spec.ports ?? [])
    .filter(({ protocol = "TCP" }) => protocol === "TCP")
    .map((port) => {
      const protocol = servicePortProtocol(port).toUpperCase();
      const name = port.name ?? `port-${port.port}`;
      return { number: port.port, name, ...(protocol === "" ? {} : { protocol }) };
    });
}
