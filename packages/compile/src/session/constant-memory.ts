// Memory for values that a session copies while it is made.

/** Resizable buffers (ES2024) give their memory back at once, where others wait for the next collection of garbage. */
interface ResizableBuffer extends ArrayBuffer {
  resize(bytes: number): void;
}

const Resizable = ArrayBuffer as unknown as new (
  bytes: number,
  options: { readonly maxByteLength: number },
) => ResizableBuffer;

/** Smaller arrays are not worth pages of their own. */
const smallest = 2 ** 16;

/** Allocates arrays that are needed until a moment known beforehand. */
export class ConstantMemory {
  readonly #buffers: ResizableBuffer[] = [];

  /** Zeros. The array is empty after `free`. */
  readonly floats = (length: number): Float32Array<ArrayBuffer> => {
    const bytes = 4 * length;
    if (bytes < smallest) return new Float32Array(length);
    const buffer = new Resizable(bytes, { maxByteLength: bytes });
    this.#buffers.push(buffer);
    return new Float32Array(buffer);
  };

  /** Nothing may read the arrays afterwards. */
  free(): void {
    for (const buffer of this.#buffers) buffer.resize(0);
    this.#buffers.length = 0;
  }
}
