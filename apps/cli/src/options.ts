// Values of options: text to numbers, with a sentence when that is not possible.
import { InvalidArgumentError } from "commander";

/** An integer from `minimum` to `maximum`. */
export function integer(minimum: number, maximum = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = maximum === Number.MAX_SAFE_INTEGER ? `from ${minimum}` : `from ${minimum} to ${maximum}`;
  return (text) => {
    const value = Number(text);
    if (!/^[+-]?\d+$/.test(text.trim()) || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
      throw new InvalidArgumentError(`Use an integer ${range}.`);
    }
    return value;
  };
}

/** A finite number from `minimum`. */
export function number(minimum: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || value < minimum) {
      throw new InvalidArgumentError(`Use a number from ${minimum}.`);
    }
    return value;
  };
}

/** Text with something in it. */
export function nonEmpty(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("Give it a value.");
  return text;
}

export interface WandbProject {
  readonly project: string;
  readonly entity?: string;
}

/** `project` or `entity/project`. */
export function wandbProject(text: string): WandbProject {
  const parts = text.split("/");
  if (parts.length > 2 || parts.some((part) => part.trim() === "")) {
    throw new InvalidArgumentError("Write PROJECT or ENTITY/PROJECT.");
  }
  const [entity, project] = parts.length === 2 ? parts : [undefined, parts[0]];
  return { project: project!, ...(entity === undefined ? {} : { entity }) };
}
