// Curves and clips on Weights & Biases, over the HTTP interface that its own client uses.
import { type Clip, ConfigError, type JsonValue, type Tracker } from "@noisereel/core";
import { type WandbAccess, wandbCredentials, webAddress } from "./credentials.js";
import { wandbClient, type WandbPlace } from "./client.js";
import { WandbJournal } from "./journal.js";
import { toValue, wandbName, type WandbValue } from "./line.js";
import { storeClip } from "./media.js";
import { WandbAwayError, WandbRefusedError, wandbRequests, type WandbRetries } from "./requests.js";
import { WandbSender } from "./sender.js";

export interface WandbOptions extends WandbAccess {
  /** Where everything that is told waits until it is sent, and is kept; one folder for each run. */
  readonly folder: string;
  readonly project: string;
  /** The user or team that the project belongs to. Default the key's own. */
  readonly entity?: string | undefined;
  /** The run's id there, unique in its project; the same each time the folder is opened. */
  readonly runId: string;
  /** What people see. Default the id. */
  readonly name?: string | undefined;
  /** Runs that belong together. Default none. */
  readonly group?: string | undefined;
  /** Shown beside the curves. */
  readonly config?: { readonly [name: string]: JsonValue } | undefined;
  /**
   * A file of a clip that was just told, e.g. the one that `clipTracker` wrote: .mp4, .webm and .gif are uploaded as they are.
   * Default, and for single frames: at most eight frames side by side, as a picture.
   */
  readonly clipFile?: ((step: number, key: string) => string | undefined) | undefined;
  readonly retries?: WandbRetries | undefined;
  /**
   * Throw when the server refuses the run. Default true; with false it is said to `onNote` as a later refusal is, everything waits in
   * `folder`, and nothing is sent by this tracker.
   */
  readonly strict?: boolean | undefined;
  /** Seconds between two signs of life, without which W&B calls a run crashed after five minutes. Default 30. */
  readonly lifeSeconds?: number | undefined;
  /** Seconds after which `close` leaves what is not sent for later. Default 60. */
  readonly closeSeconds?: number | undefined;
  /** Told, in a sentence, where the run is to be seen, and what could not be sent. */
  readonly onNote?: ((message: string) => void) | undefined;
}

export interface WandbTracker extends Tracker {
  /** Waits until what may be sent is sent, or was tried in vain. */
  idle(): Promise<void>;
  /**
   * Ends the run there. With exit code 0, the default, everything that was told is sent first and the run shows as finished;
   * with another only what is saved, as the rest is told again on a resume. 255 is what W&B's own client says after Ctrl-C. What cannot be
   * sent stays in the folder: opened and closed again, it is sent then.
   */
  close(options?: { readonly exitCode?: number }): Promise<void>;
}

/**
 * A tracker of one run. W&B's history cannot be taken back, so a step is sent when it is `saved` (a checkpoint holds it) or the
 * tracker is closed; until then it waits in `folder`. Names are changed as in `heldOut.fit` → `heldOut/fit`; W&B's step is the step.
 *
 * - Killed and resumed: what was not saved is told again; what the server has (it is asked) is not sent twice.
 * - Gone on from a checkpoint older than what was sent (the newest was damaged, or a second rollback): the W&B run is ended,
 *   with "left at step N" behind its name, and another, `<runId>-2`, gets the whole history from the folder and goes on.
 * - Network away, or the server busy: training goes on, everything waits in `folder`, and the next `saved` or `close` sends it, also a later process's.
 *
 * Throws ConfigError before anything is told when there is no key, the server refuses it or the project, or the run holds
 * lines that this folder did not send.
 */
export async function wandbTracker(options: WandbOptions): Promise<WandbTracker> {
  const { folder, project, runId, clipFile, lifeSeconds = 30, closeSeconds = 60, onNote = () => undefined } = options;
  for (const [name, value] of Object.entries({ project, runId, entity: options.entity ?? "x" })) {
    if (!/^[^/\\#?%:\s]{1,120}$/.test(value)) {
      throw new ConfigError(`${name} is "${value}"; use 1 to 120 characters without spaces and / \\ # ? % :`);
    }
  }
  const credentials = await wandbCredentials(options);
  const closing = new AbortController();
  const client = wandbClient(wandbRequests(credentials, options.retries, closing.signal));
  const journal = await WandbJournal.open(folder);
  const pages = webAddress(credentials.baseUrl);
  let shown = "";
  const onPlace = ({ entity, project: there, run }: WandbPlace): void => {
    if (run !== shown)
      onNote(`Weights & Biases: ${pages}/${[entity, there, "runs", run].map(encodeURIComponent).join("/")}`);
    shown = run;
  };
  const sender = new WandbSender({ ...options, client, journal, onPlace, onNote });
  try {
    await sender.connect();
  } catch (error) {
    if (error instanceof WandbAwayError) onNote(`${error.message}; what the run tells waits in ${folder}`);
    else {
      const known = error instanceof WandbRefusedError ? refused(error, options, credentials.baseUrl) : error;
      if (options.strict !== false || !ConfigError.isInstance(known)) throw known;
      sender.stop((known as Error).message);
    }
  }

  let life: NodeJS.Timeout | undefined;
  const names = new Map<string, string>();
  const named = (name: string): string => {
    const changed = wandbName(name);
    const other = names.get(changed) ?? name;
    if (other !== name) throw new ConfigError(`"${name}" and "${other}" are both "${changed}" there; rename one`);
    names.set(changed, name);
    return changed;
  };
  async function tell(step: number, values: Readonly<Record<string, WandbValue>>): Promise<void> {
    life ??= setInterval(() => sender.live(), lifeSeconds * 1000).unref();
    await journal.append(step, values);
  }

  return {
    name: "wandb",
    async scalars(step, values) {
      checkStep(step);
      const entries = Object.entries(values).map(([name, value]) => [named(name), toValue(value)] as const);
      if (entries.length > 0) await tell(step, Object.fromEntries(entries));
    },
    async clip(step: number, key: string, clip: Clip) {
      checkStep(step);
      const name = named(key);
      const media = await storeClip({ folder, step, name, clip, film: clipFile?.(step, key) });
      await tell(step, { [name]: media });
    },
    async saved(step) {
      await journal.saved(step);
      sender.send();
    },
    idle: () => sender.idle(),
    async close({ exitCode = 0 } = {}) {
      clearInterval(life);
      life = undefined;
      const late = setTimeout(() => closing.abort(), closeSeconds * 1000);
      await sender.end(exitCode).finally(() => clearTimeout(late));
    },
  };
}

/** Asks the server whether it knows the key. Throws ConfigError when not; nothing happens when the network is away. */
export async function checkWandbKey(access: WandbAccess & Pick<WandbOptions, "project" | "retries">): Promise<void> {
  const credentials = await wandbCredentials(access);
  try {
    await wandbClient(wandbRequests(credentials, access.retries)).viewer();
  } catch (error) {
    if (error instanceof WandbRefusedError) throw refused(error, access, credentials.baseUrl);
    if (!(error instanceof WandbAwayError)) throw error;
  }
}

function checkStep(step: number): void {
  if (!(Number.isSafeInteger(step) && step >= 0)) {
    throw new ConfigError(`step is ${step}; use a whole number of 0 or more`);
  }
}

function refused(
  error: WandbRefusedError,
  { project, entity }: Pick<WandbOptions, "project" | "entity">,
  baseUrl: string,
): ConfigError {
  const { host } = new URL(baseUrl);
  if (error.status === 401) {
    return new ConfigError(`${host} does not accept the key in WANDB_API_KEY; https://wandb.ai/authorize shows yours`);
  }
  const place = entity === undefined ? `project "${project}"` : `project "${project}" of "${entity}"`;
  return new ConfigError(
    `${host} does not take a run in ${place}: ${error.message}; check the names and the key's rights`,
  );
}
