// What a profile of ONNX Runtime says, by kind of node: npx tsx tools/engine-bench/profile.ts FILE.json
import { readFile } from "node:fs/promises";

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

async function main(): Promise<void> {
  const [file] = process.argv.slice(2);
  if (file === undefined) throw new Error("give the file that bench:engine wrote with --profile");
  const events = JSON.parse(await readFile(file, "utf8")) as ProfileEvent[];
  const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
  const kinds = new Map<string, { calls: number; microseconds: number; short: number }>();
  for (const { dur, args } of kernels) {
    const kind = kinds.get(args.op_name!) ?? { calls: 0, microseconds: 0, short: 0 };
    kind.calls++;
    kind.microseconds += dur;
    if (dur < 50) kind.short += dur;
    kinds.set(args.op_name!, kind);
  }
  const all = [...kinds].toSorted(([, a], [, b]) => b.microseconds - a.microseconds);
  const total = all.reduce((sum, [, { microseconds }]) => sum + microseconds, 0);
  const share = (part: number): string => `${((100 * part) / total).toFixed(1)} %`;
  process.stdout.write(`| node | calls | share of the time | in calls under 50 us |\n| --- | --- | --- | --- |\n`);
  for (const [op, { calls, microseconds, short }] of all) {
    process.stdout.write(`| ${op} | ${calls} | ${share(microseconds)} | ${share(short)} |\n`);
  }
  const short = all.reduce((sum, [, kind]) => sum + kind.short, 0);
  process.stdout.write(`| all | ${kernels.length} | ${(total / 1000).toFixed(0)} ms | ${share(short)} |\n`);
}

await main();
