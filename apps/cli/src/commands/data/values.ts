// Options that may be given several times.
import { nonEmpty } from "../../options.js";

/** Collects the values of one option. */
export const several = (text: string, before: readonly string[] = []): string[] => [...before, nonEmpty(text)];
