// Draws the events of a run: a bar where the terminal can redraw a line, a line every few seconds where it cannot.
import type { RecipeEvent } from "@noisereel/recipes";
import { SingleBar } from "cli-progress";
import { formatSeconds, formatValues, shorten } from "./format.js";
import type { Terminal } from "./terminal.js";

export interface ProgressView {
  readonly onEvent: (event: RecipeEvent) => void;
  /** Removes an unfinished bar. */
  close(): void;
}

export interface ProgressOptions {
  /** Seconds between two lines of one phase when there is no bar. Default 10. */
  readonly lineInterval?: number;
  /** Milliseconds of a clock. Default `Date.now`. */
  readonly now?: () => number;
}

interface Phase {
  readonly name: string;
  readonly title: string;
  readonly unit: string;
  readonly count: number;
  done: number;
  etaSeconds: number | undefined;
  values: Readonly<Record<string, number>>;
}

/** How the state of the phase is shown. */
interface Painter {
  begin(phase: Phase): void;
  update(phase: Phase): void;
  /** Takes the unfinished phase off the screen, so that a line can be written. */
  hide(): void;
}

export function showProgress(terminal: Terminal, options: ProgressOptions = {}): ProgressView {
  const painter = terminal.interactive ? barPainter(terminal) : linePainter(terminal, options);
  let phase: Phase | undefined;
  return {
    onEvent(event) {
      if (event.type === "phase-start") {
        const { phase: name, title, unit, count, done } = event;
        phase = { name, title, unit, count, done, etaSeconds: undefined, values: {} };
        painter.begin(phase);
      } else if (event.type === "phase-progress" && phase?.name === event.phase) {
        phase.done = event.done;
        phase.etaSeconds = event.etaSeconds;
        phase.values = event.values;
        painter.update(phase);
      } else if (event.type === "phase-end") {
        painter.hide();
        terminal.note(endLine(phase?.name === event.phase ? phase : undefined, event));
        phase = undefined;
      } else if (event.type === "note") {
        painter.hide();
        terminal.note(`  note: ${event.message}`);
        if (phase !== undefined) painter.begin(phase);
      }
    },
    close: () => painter.hide(),
  };
}

function barPainter(terminal: Terminal): Painter {
  let bar: SingleBar | undefined;
  const hide = (): void => {
    bar?.stop();
    bar = undefined;
  };
  return {
    begin(phase) {
      hide();
      bar = new SingleBar({
        stream: terminal.errorStream,
        format: (_, { progress }, payload: { phase: Phase }) =>
          barLine(payload.phase, progress, terminal.errorStream.columns ?? 80),
        clearOnComplete: true,
        hideCursor: false,
        gracefulExit: false,
        emptyOnZero: true,
        fps: 8,
      });
      bar.start(phase.count, phase.done, { phase });
    },
    update: (phase) => bar?.update(phase.done, { phase }),
    hide,
  };
}

function linePainter(terminal: Terminal, options: ProgressOptions): Painter {
  const { lineInterval = 10, now = Date.now } = options;
  let begun: Phase | undefined;
  let last = 0;
  return {
    begin(phase) {
      if (begun === phase) return; // again after a note
      begun = phase;
      last = now();
      const resumed = phase.done > 0 ? `, ${phase.done} of them done before` : "";
      terminal.note(`${phase.title}: ${phase.count} ${phase.unit}${resumed}`);
    },
    update(phase) {
      if (now() - last < lineInterval * 1000 || phase.done >= phase.count) return;
      last = now();
      terminal.note(`  ${facts(phase).join("  ")}`);
    },
    hide: () => undefined,
  };
}

/** One line that fits `columns`: the title shrinks first. */
function barLine(phase: Phase, progress: number, columns: number): string {
  const cells = 20;
  const filled = Math.round(cells * progress);
  const bar = "█".repeat(filled) + "░".repeat(cells - filled);
  const rest = `${bar}  ${facts(phase).join("  ")}`;
  const room = columns - 1 - rest.length - 2;
  const line = room >= 10 ? `${shorten(phase.title, room)}  ${rest}` : rest;
  return shorten(line, columns - 1);
}

function facts(phase: Phase): string[] {
  const { done, count, unit, etaSeconds, values } = phase;
  const percent = count === 0 ? 100 : Math.floor((100 * done) / count);
  const shown = [`${String(percent).padStart(3)} %`, `${done}/${count} ${unit}`];
  if (etaSeconds !== undefined) shown.push(`${formatSeconds(etaSeconds)} left`);
  if (Object.keys(values).length > 0) shown.push(formatValues(values));
  return shown;
}

/** `phase` is undefined for one that an earlier run finished: it ends without a beginning. */
function endLine(phase: Phase | undefined, end: Extract<RecipeEvent, { type: "phase-end" }>): string {
  const title = phase?.title ?? end.phase;
  if (end.skipped || phase === undefined) return `✓ ${title}: done before`;
  const values = Object.keys(phase.values).length > 0 ? `  ${formatValues(phase.values)}` : "";
  return `✓ ${title}: ${phase.count} ${phase.unit} in ${formatSeconds(end.seconds)}${values}`;
}
