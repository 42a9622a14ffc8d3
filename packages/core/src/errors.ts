// The errors users meet. Each carries a `Symbol.for` brand, so `X.isInstance(error)` also works across two copies of the package.

const brand = (name: string): symbol => Symbol.for(`noisereel.${name}`);

/** Base of every error that noisereel throws on purpose. */
export class NoisereelError extends Error {
  static readonly brand: symbol = brand("NoisereelError");

  constructor(message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = new.target.name;
    // A subclass carries its own brand and those of its ancestors.
    for (let type: unknown = new.target; typeof type === "function"; type = Object.getPrototypeOf(type)) {
      const own = Object.getOwnPropertyDescriptor(type, "brand")?.value as symbol | undefined;
      if (own !== undefined) Object.defineProperty(this, own, { value: true });
    }
  }

  /** True for this class and its subclasses, whichever copy of the package made them. */
  static isInstance(value: unknown): boolean {
    return typeof value === "object" && value !== null && this.brand in value;
  }
}

/** An option, a configuration key or a command-line value that cannot be used. */
export class ConfigError extends NoisereelError {
  static override readonly brand: symbol = brand("ConfigError");
}

/** A tensor, clip or size whose shape is illegal where it was given. */
export class ShapeError extends NoisereelError {
  static override readonly brand: symbol = brand("ShapeError");
}

/** A tfjs backend or an executor that cannot be used on this machine. */
export class BackendError extends NoisereelError {
  static override readonly brand: symbol = brand("BackendError");
}

/** A clip that cannot be read, decoded or written. */
export class ClipError extends NoisereelError {
  static override readonly brand: symbol = brand("ClipError");
  readonly id: string | undefined;
  readonly path: string | undefined;

  constructor(
    message: string,
    options: { readonly id?: string; readonly path?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options);
    this.id = options.id;
    this.path = options.path;
  }
}

/** One tensor whose shape in a checkpoint is not the module's. */
export interface ShapeMismatch {
  readonly name: string;
  readonly expected: readonly number[];
  readonly found: readonly number[];
}

/** A checkpoint that is damaged, or does not fit the module it is loaded into. */
export class CheckpointError extends NoisereelError {
  static override readonly brand: symbol = brand("CheckpointError");
  readonly missing: readonly string[];
  readonly unexpected: readonly string[];
  readonly mismatched: readonly ShapeMismatch[];

  constructor(
    message: string,
    options: {
      readonly missing?: readonly string[];
      readonly unexpected?: readonly string[];
      readonly mismatched?: readonly ShapeMismatch[];
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options);
    this.missing = options.missing ?? [];
    this.unexpected = options.unexpected ?? [];
    this.mismatched = options.mismatched ?? [];
  }
}
