import assert from "node:assert/strict";
import type { KubectlCheck } from "./kubectl-check.ts";

/** A line that runs in a terminal of 31 rows and 101 columns. */
const inTerminal = (line: string) => `script -qec ${quoted(`stty rows 31 cols 101; ${line}`)} /dev/null`;
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** Forwards a port of `target`, asks through it and ends the forwarding. */
const forwarded = (target: string, port: number) => `
rm -f forwarded; touch forwarded
kubectl port-forward ${target} :${port} > forwarded & pid=$!
until grep -q Forwarding forwarded; do kill -0 $pid || exit 1; sleep 0.05; done
curl -sS http://$(grep -o '127.0.0.1:[0-9]*' forwarded | head -1)/hello; code=$?
kill $pid; exit $code`;

/** What kubectl does inside pods. */
export const streamChecks: readonly KubectlCheck[] = [
  {
    command: "exec (exit code, stdin, stderr, -c)",
    everywhere: true,
    async check({ ok, fails }) {
      assert.match(await ok("kubectl exec shell -- curl -sS http://web:5000/hello"), /Hello version: v1/);
      assert.match(
        await fails("kubectl exec shell -c main -- sh -c 'echo out; echo err >&2; exit 7'"),
        /out\nerr\ncommand terminated with exit code 7/,
      );
      assert.equal(await ok("kubectl exec -i shell -c second -- cat", "typed"), "typed");
      assert.match(
        await fails("kubectl exec shell -c none -- true"),
        /container none is not valid for pod shell/,
      );
      assert.match(await fails("kubectl exec shell -c main -- no-such-program"), /executable file not found/);
    },
  },
  {
    command: "exec -it (terminal, its size, resizing)",
    everywhere: true,
    async check({ ok }) {
      const exec = "kubectl exec -it shell -c main -- sh -c";
      assert.match(
        await ok(inTerminal(`${exec} "stty size; test -t 0 && echo terminal"`)),
        /31 101\s+terminal/,
      );
      // Again and again: kubectl drops a change of size that comes while it is still passing on the one before.
      const resize =
        "until test -e resized; do for rows in 21 20; do stty rows $rows cols 50 < /dev/tty; sleep 0.1; done; done";
      const resizing = `(until test -e started; do sleep 0.05; done; ${resize}) & ${exec} "touch $PWD/started; until stty size | grep -q '20 50'; do sleep 0.05; done; touch $PWD/resized; echo resized"; wait`;
      assert.match(await ok(`rm -f started resized; ${inTerminal(resizing)}`), /resized/);
    },
  },
  {
    command: "cp (both ways, folders)",
    everywhere: true,
    async check({ ok, namespace }) {
      const there = `/tmp/${namespace}`;
      await ok("mkdir -p given/inner && echo one > given/one && echo two > given/inner/two");
      await ok(
        `kubectl cp given shell:${there} -c main && rm -rf taken && kubectl cp shell:${there} taken -c main`,
      );
      assert.equal(await ok("cat taken/one taken/inner/two"), "one\ntwo\n");
      await ok(`kubectl exec shell -c main -- rm -rf ${there}`);
    },
  },
  {
    command: "attach",
    async check({ ok }) {
      await ok("kubectl run attached --image=busybox --restart=Never -i --attach=false --command -- cat");
      await ok("kubectl wait --for=condition=Ready pod/attached --timeout=60s");
      assert.match(await ok("kubectl attach -i attached", "typed\n"), /typed/);
      await ok("kubectl delete pod attached --grace-period=1");
    },
  },
  {
    command: "logs (-f, --previous, --since, --tail, -l, --all-containers)",
    everywhere: true,
    async check({ ok, fails }) {
      assert.equal(await ok("kubectl logs shell -c second"), "one\ntwo\n");
      assert.equal(await ok("kubectl logs shell -c second --tail=1"), "two\n");
      assert.match(
        await ok("kubectl logs shell -c second --timestamps --since=1h"),
        /^\d{4}-\d\d-\d\dT\S+ one\n/,
      );
      assert.match(
        await ok("kubectl logs -l app=shell --all-containers --prefix"),
        /\[pod\/shell\/second\] two/,
      );
      const followed = `
rm -f followed; touch followed
kubectl logs -f shell -c second > followed & pid=$!
until grep -q two followed; do kill -0 $pid || exit 1; sleep 0.05; done
kill $pid; cat followed`;
      assert.match(await ok(followed), /one\ntwo\n/);
      assert.match(
        await fails("kubectl logs shell -c second --previous"),
        /previous terminated container "second" in pod "shell" not found/,
      );
    },
  },
  {
    command: "logs --previous of a container that restarted",
    async check({ ok }) {
      await ok("kubectl run failing --image=busybox -- sh -c 'echo first life; exit 1'");
      await ok(
        "kubectl wait --for=jsonpath='{.status.containerStatuses[0].restartCount}'=1 pod/failing --timeout=60s",
      );
      assert.match(await ok("kubectl logs failing --previous"), /first life/);
      await ok("kubectl delete pod failing --grace-period=0 --force");
    },
  },
  {
    command: "port-forward (pod, service)",
    everywhere: true,
    async check({ ok }) {
      for (const [target, port] of [
        ["deploy/web", 5000],
        ["svc/web", 5000],
      ] as const)
        assert.match(await ok(forwarded(target, port)), /Hello version: v1/);
    },
  },
  {
    command: "proxy",
    async check({ ok, namespace }) {
      const line = `
rm -f proxied; touch proxied
kubectl proxy --port=0 > proxied & pid=$!
until grep -q Starting proxied; do kill -0 $pid || exit 1; sleep 0.05; done
curl -sS http://$(grep -o '127.0.0.1:[0-9]*' proxied)/api/v1/namespaces/${namespace}/services/web:http/proxy/hello; code=$?
kill $pid; exit $code`;
      assert.match(await ok(line), /Hello version: v1/);
    },
  },
  {
    command: "run (--rm -i)",
    everywhere: true,
    async check({ ok }) {
      assert.match(
        await ok("kubectl run once-1 --image=busybox --restart=Never --rm -i -- cat", "typed\n"),
        /typed\n[\s\S]*deleted/,
      );
      const curl =
        "kubectl run once-2 --image=curlimages/curl --restart=Never --rm -i -- curl -sS http://web:5000/hello";
      assert.match(await ok(curl), /Hello version: v1/);
    },
  },
  {
    command: "debug (ephemeral container, copy, node)",
    everywhere: true,
    async check({ ok }) {
      const debug = "kubectl debug shell -c looking --image=busybox -i -- sh";
      assert.match(await ok(debug, "hostname; exit 0\n"), /shell/);
      assert.match(
        await ok(
          "kubectl get pod shell -o jsonpath='{.status.ephemeralContainerStatuses[*].name} {.status.phase}'",
        ),
        /looking Running/,
      );
      await ok(
        "kubectl debug shell --image=busybox --copy-to=copied --attach=false && kubectl wait --for=condition=Ready pod/copied --timeout=60s",
      );
      await ok("kubectl delete pod copied --grace-period=0 --force");
      const node = await ok("kubectl get node -o jsonpath='{.items[0].metadata.name}'");
      assert.match(
        await ok(`kubectl debug node/${node} --image=busybox --attach=false`),
        /Creating debugging pod/,
      );
    },
  },
];
