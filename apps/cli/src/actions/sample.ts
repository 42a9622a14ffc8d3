// Makes the clips of `noisereel sample` one after the other and writes each as soon as it is there.
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { shorten } from "../format.js";
import { showProgress } from "../progress.js";
import { outputNames } from "./names.js";
import { readPrompts } from "./prompts.js";
import { requireLatestRun } from "./runs.js";
import { writeSample } from "./sample-output.js";
import { readRecord } from "./sample-record.js";
import { checkSampler, checkSampleRequest, checkShape, type SampleArguments, withRecord } from "./sample-request.js";

export async function sample(
  prompt: string | undefined,
  given: SampleArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { prompts, options, model } = await whatToMake(prompt, given);
  const folder = options.run ?? (await requireLatestRun({ runsFolder: "runs" }));
  const request = checkSampleRequest(options);
  await checkSampler(options.sampler);
  await checkShape(request, folder);
  const { openRun } = await context.loadRecipes();
  const run = await openRun(folder);
  const progress = showProgress(terminal);
  const total = prompts.length * options.n;
  let written = 0;
  try {
    terminal.note(`run ${folder}`);
    const nextName = await outputNames(options.out);
    for (const text of prompts) {
      for (let copy = 0; copy < options.n; copy++) {
        signal.throwIfAborted();
        const seed = (options.seed ?? 0) + copy;
        const title = `${written + 1}/${total} "${shorten(text, 40)}" seed ${seed}`;
        const started = performance.now();
        const count = request.steps ?? run.defaults.steps;
        progress.onEvent({ type: "phase-start", phase: title, title, unit: "steps", count, done: 0 });
        const { clip, seconds, settings } = await run.sample({
          ...request,
          prompt: text,
          seed,
          signal,
          onStep: ({ index, count }) => {
            const elapsed = (performance.now() - started) / 1000;
            const etaSeconds = (elapsed / index) * (count - index);
            progress.onEvent({ type: "phase-progress", phase: title, done: index, count, etaSeconds, values: {} });
          },
        });
        if (model !== undefined && model !== settings.model) {
          progress.onEvent({
            type: "note",
            message: `the weights in ${folder} are others than those of ${options.from}: the clip is another too`,
          });
        }
        const file = await writeSample({
          folder: options.out,
          nextName: () => nextName({ prompt: text, seed }),
          clip: options.fps === undefined ? clip : { ...clip, fps: options.fps },
          settings,
          run: folder,
          seconds,
          signal,
        });
        written++;
        progress.onEvent({ type: "phase-end", phase: title, seconds, skipped: false });
        terminal.print(file);
      }
    }
  } catch (error) {
    progress.close();
    if (!signal.aborted) throw error;
    throw new StoppedError(`Stopped; ${written} of ${total} clips are in ${options.out}.`, exitCodes.interrupted);
  } finally {
    progress.close();
    run.dispose();
  }
}

/** Prompts and settings, from the command line or from the record of an earlier sample. */
async function whatToMake(
  prompt: string | undefined,
  options: SampleArguments,
): Promise<{
  readonly prompts: readonly string[];
  readonly options: SampleArguments;
  /** What identifies the weights that the record was made with. */
  readonly model?: string | undefined;
}> {
  if (options.from === undefined) return { prompts: await readPrompts({ prompt, file: options.prompts }), options };
  const recorded = await readRecord(options.from);
  const other = prompt !== undefined || options.prompts !== undefined;
  const { prompt: used, models } = recorded.record;
  return {
    prompts: other ? await readPrompts({ prompt, file: options.prompts }) : [used].flat(),
    options: withRecord(options, recorded),
    model: models["denoiser"],
  };
}
