// Makes the clips of `noisereel sample` one after the other and writes each as soon as it is there.
import type { CommandContext } from "../context.js";
import { exitCodes, StoppedError } from "../errors.js";
import { shorten } from "../format.js";
import { showProgress } from "../progress.js";
import { readKnownFrames } from "./known-frames.js";
import { outputNames } from "./names.js";
import { readPrompts } from "./prompts.js";
import { requireLatestRun } from "./runs.js";
import { writeSample } from "./sample-output.js";
import { samplePreview } from "./sample-preview.js";
import { readRecord, type RecordedSample } from "./sample-record.js";
import {
  checkAgainstRun,
  checkSampler,
  checkSampleRequest,
  type SampleArguments,
  withRecord,
} from "./sample-request.js";

export async function sample(
  prompt: string | undefined,
  given: SampleArguments,
  context: CommandContext,
): Promise<void> {
  const { terminal, signal } = context;
  const { prompts, options, recorded } = await whatToMake(prompt, given);
  const folder = options.run ?? (await requireLatestRun({ runsFolder: "runs" }));
  const request = checkSampleRequest(options);
  await checkSampler(options.sampler);
  await checkAgainstRun(request, options, folder);
  const known = await readKnownFrames(options, signal);
  const { openRun } = await context.loadRecipes();
  const run = await openRun(folder);
  const progress = showProgress(terminal);
  const total = prompts.length * options.n;
  const every = options.preview === true ? 1 : options.preview;
  const preview = every === undefined ? undefined : samplePreview(options.out, every);
  const note = (message: string) => progress.onEvent({ type: "note", message });
  let written = 0;
  try {
    terminal.note(`run ${folder}`);
    if (preview !== undefined) terminal.note(`what there is so far: ${preview.file}`);
    if (known !== undefined && recorded?.known !== undefined && recorded.known.sha256 !== known.sha256) {
      note(`${known.file} is another than the one of ${options.from}: the clip is another too`);
    }
    const nextName = await outputNames(options.out);
    for (const text of prompts) {
      for (let copy = 0; copy < options.n; copy++) {
        signal.throwIfAborted();
        const seed = (options.seed ?? 0) + copy;
        const title = `${written + 1}/${total} "${shorten(text, 40)}" seed ${seed}`;
        const started = performance.now();
        const count = (request.steps ?? run.defaults.steps) * (request.windows ?? 1);
        progress.onEvent({ type: "phase-start", phase: title, title, unit: "steps", count, done: 0 });
        const { clip, seconds, settings } = await run.sample({
          ...request,
          ...(known === undefined ? {} : { known: known.clip }),
          prompt: text,
          seed,
          signal,
          onStep: async (step) => {
            const { index, count } = step;
            await preview?.update(step);
            const elapsed = (performance.now() - started) / 1000;
            const etaSeconds = (elapsed / index) * (count - index);
            progress.onEvent({ type: "phase-progress", phase: title, done: index, count, etaSeconds, values: {} });
          },
        });
        const model = recorded?.record.models["denoiser"];
        if (model !== undefined && model !== settings.model) {
          note(`the weights in ${folder} are others than those of ${options.from}: the clip is another too`);
        }
        const file = await writeSample({
          folder: options.out,
          nextName: () => nextName({ prompt: text, seed }),
          clip: options.fps === undefined ? clip : { ...clip, fps: options.fps },
          settings,
          run: folder,
          seconds,
          known,
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
    await preview?.remove();
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
  readonly recorded?: RecordedSample;
}> {
  if (options.from === undefined) return { prompts: await readPrompts({ prompt, file: options.prompts }), options };
  const recorded = await readRecord(options.from);
  const other = prompt !== undefined || options.prompts !== undefined;
  const { prompt: used } = recorded.record;
  return {
    prompts: other ? await readPrompts({ prompt, file: options.prompts }) : [used].flat(),
    options: withRecord(options, recorded),
    recorded,
  };
}
