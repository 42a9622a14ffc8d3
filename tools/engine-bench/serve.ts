// One work in a process of its own: prints a line when it is ready, then runs once for every line it reads. With "--write" it
// writes the work's weights and inputs to the file instead of reading them.
import { compile } from "@noisereel/compile";
import type { NamedTensors } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { createInterface } from "node:readline";
import { loadWork, writeWork } from "./work-file.js";
import { memoryWorks, type Work, works } from "./works.js";

function print(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function makeWork(key: string): Work {
  return memoryWorks[key]?.() ?? works[key]!.make();
}

async function serve(key: string, file: string, profile: string | undefined): Promise<void> {
  const work = makeWork(key);
  const inputs = await readFirst(work, await loadWork(work, file));
  const compiled = compile(work.fn, { name: key, weights: work.weights, profile });
  print({ ready: true });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "end") break;
    const cpu = process.cpuUsage();
    const started = performance.now();
    const results = await compiled.run(inputs);
    const milliseconds = performance.now() - started;
    const { user, system } = process.cpuUsage(cpu);
    const value = await magnitude(Object.values(results)[0]!);
    tf.dispose(results);
    print({ milliseconds, cpu: (user + system) / 1000, value, peakBytes: process.resourceUsage().maxRSS * 1024 });
  }
  for (const { nodes, traceMilliseconds, sessionMilliseconds } of compiled.stats) {
    print({ nodes, traceMilliseconds, sessionMilliseconds });
  }
  compiled.dispose();
}

/** The inputs of the measured runs: what the work's first function makes of those it reads, and the others as they are. */
async function readFirst({ first, weights }: Work, inputs: NamedTensors): Promise<NamedTensors> {
  if (first === undefined) return inputs;
  const compiled = compile(first.fn, { name: "first", weights });
  const isRead = ([name]: [string, tf.Tensor]): boolean => first.reads.includes(name);
  const read = Object.fromEntries(Object.entries(inputs).filter(isRead));
  const made = await compiled.run(read);
  compiled.dispose();
  tf.dispose(read);
  return { ...Object.fromEntries(Object.entries(inputs).filter((entry) => !isRead(entry))), ...made };
}

/** Mean of `|x|`. */
async function magnitude(x: tf.Tensor): Promise<number> {
  const values = (await x.data()) as Float32Array;
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
}

async function main(): Promise<void> {
  const [key, file, option] = process.argv.slice(2);
  tf.enableProdMode();
  await tf.setBackend("cpu");
  if (option === "--write") await writeWork(makeWork(key!), file!);
  else await serve(key!, file!, option);
}

await main();
