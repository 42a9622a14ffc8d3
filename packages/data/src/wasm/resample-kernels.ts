// The two loops of the resampler, four numbers at a time.
import { assemble, convert, f32x4, get, i32, repeatWhile, sequence, set, v128, type WasmFunction } from "./assemble.js";

export interface ResampleKernels {
  readonly memory: WebAssembly.Memory;
  /**
   * Mixes rows of bytes to one row of float32: `low[i] = sum over tap of weights[tap] * source[tap * stride + i]`. Addresses and
   * `stride` in bytes, `length` in numbers; reads and writes up to the next multiple of 16 of them.
   */
  readonly mixRows: (
    source: number,
    stride: number,
    weights: number,
    taps: number,
    low: number,
    length: number,
  ) => void;
  /**
   * Mixes neighbours of a row of RGB to `count` pixels of bytes, rounded: pixel x is the sum over tap of
   * `weights[x * taps + tap] * low[starts[x] + 3 * tap]`. `starts` in bytes. Writes one byte more than `3 * count`.
   */
  readonly mixColumns: (
    low: number,
    starts: number,
    weights: number,
    taps: number,
    target: number,
    count: number,
  ) => void;
}

let instance: WebAssembly.Instance | undefined;

/** One instance for all; whoever calls it must not let another one run in between. */
export function resampleKernels(): ResampleKernels {
  instance ??= new WebAssembly.Instance(new WebAssembly.Module(assemble([mixRows(), mixColumns()])));
  return instance.exports as unknown as ResampleKernels;
}

/** Makes the memory hold at least `bytes`. */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / 65536));
}

function mixRows(): WasmFunction {
  const [source, stride, weights, taps, low, length] = [0, 1, 2, 3, 4, 5];
  const [i, at, weight, end] = [6, 7, 8, 9];
  const [sum0, bytes, factor] = [10, 14, 15];
  const quarters = [
    convert.lowShorts(convert.lowBytes(get(bytes))),
    convert.highShorts(convert.lowBytes(get(bytes))),
    convert.lowShorts(convert.highBytes(get(bytes))),
    convert.highShorts(convert.highBytes(get(bytes))),
  ];
  const body = sequence(
    set(end, i32.add(get(weights), i32.multiply(get(taps), i32.const(4)))),
    repeatWhile(
      sequence(
        ...quarters.map((_, quarter) => set(sum0 + quarter, v128.zero)),
        set(at, i32.add(get(source), get(i))),
        set(weight, get(weights)),
        repeatWhile(
          sequence(
            set(bytes, v128.load(get(at))),
            set(factor, v128.loadSplat32(get(weight))),
            ...quarters.map((values, quarter) =>
              set(
                sum0 + quarter,
                f32x4.add(get(sum0 + quarter), f32x4.multiply(convert.toFloats(values), get(factor))),
              ),
            ),
            set(at, i32.add(get(at), get(stride))),
            set(weight, i32.add(get(weight), i32.const(4))),
          ),
          i32.below(get(weight), get(end)),
        ),
        set(at, i32.add(get(low), i32.multiply(get(i), i32.const(4)))),
        ...quarters.map((_, quarter) => v128.store(get(at), get(sum0 + quarter), 16 * quarter)),
        set(i, i32.add(get(i), i32.const(16))),
      ),
      i32.below(get(i), get(length)),
    ),
  );
  return { name: "mixRows", parameters: 6, integers: 4, vectors: 6, body };
}

function mixColumns(): WasmFunction {
  const [low, starts, weights, taps, target, count] = [0, 1, 2, 3, 4, 5];
  const [at, end, last] = [6, 7, 8];
  const sum = 9;
  const shorts = convert.toShorts(convert.toIntegers(f32x4.nearest(get(sum))), v128.zero);
  const body = sequence(
    set(last, i32.add(get(starts), i32.multiply(get(count), i32.const(4)))),
    repeatWhile(
      sequence(
        set(sum, v128.zero),
        set(at, i32.add(get(low), i32.load(get(starts)))),
        set(end, i32.add(get(weights), i32.multiply(get(taps), i32.const(4)))),
        repeatWhile(
          sequence(
            set(sum, f32x4.add(get(sum), f32x4.multiply(v128.load(get(at)), v128.loadSplat32(get(weights))))),
            set(at, i32.add(get(at), i32.const(12))),
            set(weights, i32.add(get(weights), i32.const(4))),
          ),
          i32.below(get(weights), get(end)),
        ),
        v128.storeLane32(get(target), convert.toBytes(shorts, v128.zero)),
        set(target, i32.add(get(target), i32.const(3))),
        set(starts, i32.add(get(starts), i32.const(4))),
      ),
      i32.below(get(starts), get(last)),
    ),
  );
  return { name: "mixColumns", parameters: 6, integers: 3, vectors: 1, body };
}
