// Errors a user can act on: what went wrong, in which kernel, on which line of their function, and what to do instead.
const BRAND = Symbol.for("noisereel.CompileError");

/** Where and why a function could not be compiled. */
export interface CompileErrorDetails {
  /** The tfjs kernel that was being traced. */
  readonly kernel?: string | undefined;
  /** The input, output or variable the message is about. */
  readonly tensor?: string | undefined;
  /** `file:line:column` of the line of the user's function, when the stack tells. */
  readonly location?: string | undefined;
  readonly cause?: unknown;
}

/** A function that cannot be compiled, or a compiled function that is used against its contract. */
export class CompileError extends Error {
  readonly kernel: string | undefined;
  readonly tensor: string | undefined;
  readonly location: string | undefined;

  constructor(message: string, details: CompileErrorDetails = {}) {
    const location = details.location ?? userLocation(deepStack());
    super(location === undefined ? message : `${message}\n    at ${location}`, { cause: details.cause });
    this.name = "CompileError";
    this.kernel = details.kernel;
    this.tensor = details.tensor;
    this.location = location;
    Object.defineProperty(this, BRAND, { value: true });
  }

  /** True for a CompileError of any copy of this package. */
  static isInstance(value: unknown): value is CompileError {
    return typeof value === "object" && value !== null && BRAND in value;
  }
}

/** tfjs puts a dozen frames between a kernel and the line that called the op; ten, the default, would not reach it. */
function deepStack(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 100;
  const stack = new Error("location").stack ?? "";
  Error.stackTraceLimit = limit;
  return stack;
}

// The folder of this file: frames inside it are ours, except for tests, which are users.
const OWN_FOLDER = ownFolder();

function ownFolder(): string {
  try {
    return decodeURIComponent(new URL(".", import.meta.url).pathname);
  } catch {
    return "/nowhere/"; // a bundle that does not know where it lies
  }
}

/** The first frame that is neither tfjs, nor Node, nor this package. */
export function userLocation(stack: string): string | undefined {
  for (const line of stack.split("\n").slice(1)) {
    const match = /(?:^|[\s(@])((?:file:\/\/|\/|[A-Za-z]:[\\/]).*:\d+:\d+)\)?$/.exec(line.trim());
    const place = match?.[1]?.replace(/^file:\/\//, "");
    if (place === undefined) continue;
    if (place.includes("/@tensorflow/") || place.includes("/onnxruntime-")) continue;
    if (place.startsWith(OWN_FOLDER) && !/\.(test|bench)\.[cm]?[jt]s:/.test(place)) continue;
    return place;
  }
  return undefined;
}
