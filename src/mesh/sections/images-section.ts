import { field, object } from "../schema/object.ts";
import { eitherOf, listOf, mapOf, mapped, text } from "../schema/values.ts";

interface WrittenStandIn {
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** `images`. */
export const imagesSection = mapOf(
  eitherOf<WrittenStandIn>({
    what: "a command (a list) or a map",
    list: mapped(listOf(text()), (command) => ({ command })),
    map: object("images have", {
      command: field(
        listOf(text()),
        "Program and arguments. `{host}` and `{port}` stand for the address that it has to listen on.",
        {
          required: true,
          examples: [["node", "server.js", "--listen", "{host}:{port}"]],
        },
      ),
      env: field(
        mapped(mapOf(text()), (all) => Object.fromEntries(all)),
        "Environment variables besides the pod's.",
      ),
    }),
  }),
);
