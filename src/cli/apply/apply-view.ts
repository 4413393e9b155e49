import type { AppliedWave } from "../../apply/index.ts";
import { type Clock, IsthmusError } from "../../base/index.ts";
import { duration, type Terminal } from "../terminal.ts";

/** One wave of one cluster, as it went. */
export interface AppliedStep {
  readonly cluster: string;
  readonly wave: AppliedWave["wave"];
  /** Charts and numbers of objects, in words. */
  readonly what: string;
  readonly milliseconds: number;
}

/** Shows an apply while it goes on: a line for every wave that is done, and per cluster what it is at and waits for. */
export interface ApplyView {
  begins(cluster: string, wave: AppliedWave): void;
  waiting(cluster: string, what: string | undefined): void;
  passed(cluster: string, wave: AppliedWave["wave"]): void;
  failed(cluster: string, failure: unknown): void;
  /** No live lines any more. */
  end(): void;
  readonly steps: readonly AppliedStep[];
}

interface Running {
  readonly wave: AppliedWave;
  readonly since: number;
  waitsFor?: string | undefined;
  /** What was said that it waits for, where lines stay. */
  said?: string;
}

/** Milliseconds of a wait that gets a line of its own. */
const worthSaying = 1000;

export function createApplyView(terminal: Terminal, clusters: readonly string[], clock: Clock): ApplyView {
  const { paint } = terminal;
  const running = new Map<string, Running>();
  const steps: AppliedStep[] = [];
  const width = Math.max(0, ...clusters.map((name) => name.length));
  const head = (cluster: string, wave: string) => `  ${cluster.padEnd(width)}   ${wave.padEnd(13)}`;
  const draw = () =>
    terminal.live(
      [...running].map(([cluster, { wave, since, waitsFor }]) => {
        const time = duration(clock.now() - since);
        const what = waitsFor === undefined ? contentOf(wave) : `waits for ${waitsFor}`;
        return paint.dim(`${head(cluster, wave.wave)}  ${time.padStart(7)}  ${what}`);
      }),
    );
  const ticking = terminal.isInteractive ? setInterval(draw, 500) : undefined;
  return {
    steps,
    begins(cluster, wave) {
      running.set(cluster, { wave, since: clock.now() });
      draw();
    },
    waiting(cluster, what) {
      const one = running.get(cluster);
      if (one === undefined || one.waitsFor === what) return;
      one.waitsFor = what;
      if (terminal.isInteractive) return draw();
      // How far it is, in brackets, is no other wait.
      const subject = what?.replace(/ \([^)]*\)$/, "");
      if (subject === undefined || subject === one.said) return;
      one.said = subject;
      // What comes at once is not worth a line.
      clock.after(worthSaying, () => {
        const isStill = running.get(cluster) === one && one.said === subject && one.waitsFor !== undefined;
        if (isStill) terminal.note(`${head(cluster, one.wave.wave)}           waits for ${one.waitsFor}`);
      });
    },
    passed(cluster, wave) {
      const one = running.get(cluster);
      if (one === undefined) return;
      const milliseconds = clock.now() - one.since;
      const what = contentOf(one.wave);
      steps.push({ cluster, wave, what, milliseconds });
      running.delete(cluster);
      terminal.note(`${head(cluster, wave)}  ${duration(milliseconds).padStart(7)}  ${what}`);
      draw();
    },
    failed(cluster, failure) {
      running.delete(cluster);
      const { code, message, nextStep } = IsthmusError.from(failure);
      const said = message.includes(cluster) ? message : `${cluster}: ${message}`;
      terminal.note(`${paint.bad("✗")} ${said}     ${paint.dim(code)}`);
      if (nextStep !== undefined) terminal.note(`    ${nextStep}`);
      draw();
    },
    end() {
      clearInterval(ticking);
      running.clear();
      terminal.live([]);
    },
  };
}

function contentOf({ charts, objects }: AppliedWave): string {
  const names = charts.map(
    ({ name, version }) => `helm ${name}${version === undefined ? "" : ` ${version}`}`,
  );
  const count = objects.length === 0 ? [] : [`${objects.length} object${objects.length === 1 ? "" : "s"}`];
  return [...names, ...count].join(", ");
}
