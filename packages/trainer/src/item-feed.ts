// Items one step ahead: the next step's are fetched while the current one runs.
import type { MaybePromise } from "@noisereel/core";

export interface ItemFeed<Item> {
  /** Starts fetching the items of a step, unless the run ends before it. */
  begin(step: number): void;
  /** The items of a step. */
  take(step: number): Promise<readonly Item[]>;
  /** Forgets what is under way. */
  close(): void;
}

export function itemFeed<Item>(
  items: (step: number) => MaybePromise<readonly Item[]>,
  totalSteps: number,
): ItemFeed<Item> {
  let ahead: { readonly step: number; readonly items: Promise<readonly Item[]> } | undefined;
  const fetch = async (step: number) => items(step);
  return {
    begin(step) {
      if (step >= totalSteps) return;
      ahead = { step, items: fetch(step) };
      // An error is thrown to whoever takes the items; if nobody does, the run has ended for another reason.
      ahead.items.catch(() => undefined);
    },
    take(step) {
      const known = ahead;
      ahead = undefined;
      return known?.step === step ? known.items : fetch(step);
    },
    close() {
      ahead = undefined;
    },
  };
}

/** Loads those items that are given as functions. */
export async function loadItems<Item>(items: readonly (Item | (() => MaybePromise<Item>))[]): Promise<readonly Item[]> {
  return Promise.all(items.map((item) => (typeof item === "function" ? (item as () => MaybePromise<Item>)() : item)));
}
