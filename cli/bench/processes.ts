/** Other processes that compute all the time, as a build or a test run does, and how far they come. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";

/** Counts rounds of arithmetic, and tells how many when it is asked. */
const program = `
let rounds = 0;
let value = 1;
process.on("message", () => process.send(rounds));
process.on("disconnect", () => process.exit());
process.send(0);
(function compute() {
  const until = performance.now() + 20;
  while (performance.now() < until) {
    for (let i = 0; i < 100000; i++) value = (value * 1664525 + 1013904223) % 4294967296;
    rounds++;
  }
  setImmediate(compute);
})();
`;

export class BusyProcesses implements Disposable {
  private constructor(private readonly processes: readonly ChildProcess[]) {}

  /** Resolves when all compute. @throws when one cannot be started */
  static async start(count: number): Promise<BusyProcesses> {
    const processes: ChildProcess[] = [];
    const started = new BusyProcesses(processes);
    try {
      for (let i = 0; i < count; i++) {
        const child = spawn(process.execPath, ["-e", program], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
        processes.push(child);
        await answer(child);
      }
      return started;
    } catch (error) {
      started[Symbol.dispose]();
      throw error;
    }
  }

  /** Rounds that all together have computed since they started. @throws when one has ended */
  async rounds(): Promise<number> {
    const counts = await Promise.all(
      this.processes.map((child) => {
        child.send("how many");
        return answer(child);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  [Symbol.dispose](): void {
    for (const child of this.processes) child.kill("SIGKILL");
  }
}

async function answer(child: ChildProcess): Promise<number> {
  const ended = new AbortController();
  try {
    const [count]: unknown[] = await Promise.race([
      once(child, "message", { signal: ended.signal }),
      once(child, "exit", { signal: ended.signal }).then(() => {
        throw new Error("a process that was to keep the machine busy has ended");
      }),
    ]);
    return Number(count);
  } finally {
    ended.abort();
  }
}
