// What a long run tells whoever watches it. A recipe prints nothing; the command line and the studio draw this.

/** One progress event of a recipe's run. */
export type RecipeEvent =
  | {
      /** A phase begins; `count` units of work lie before it, `done` of them were done by an interrupted run. */
      readonly type: "phase-start";
      readonly phase: string;
      readonly title: string;
      readonly unit: "clips" | "steps" | "prompts" | "files";
      readonly count: number;
      readonly done: number;
    }
  | {
      readonly type: "phase-progress";
      readonly phase: string;
      /** Finished units, from 1 to `count`. */
      readonly done: number;
      readonly count: number;
      /** Seconds to the end of the phase at the pace so far; undefined until the second unit is done. */
      readonly etaSeconds: number | undefined;
      /** Numbers worth showing beside the bar, e.g. `{ loss: 0.12 }`. */
      readonly values: Readonly<Record<string, number>>;
    }
  | {
      readonly type: "phase-end";
      readonly phase: string;
      readonly seconds: number;
      /** True when an earlier run had finished it. */
      readonly skipped: boolean;
    }
  | {
      /** Something a user should know, e.g. a dropped clip with its reason. */
      readonly type: "note";
      readonly message: string;
    };
