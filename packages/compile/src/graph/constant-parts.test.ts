import { describe, expect, it } from "vitest";
import { foldConstantParts } from "./constant-parts.js";
import { GraphBuilder } from "./graph.js";

/** `x + filters[index]`, and with `sum` plus another of them. */
function graphOf(index: bigint, sum: boolean) {
  const builder = new GraphBuilder();
  const x = { type: "float32", shape: [2] } as const;
  const filters = builder.constant("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]);
  const pick = (at: bigint) =>
    builder.emit("Gather", [filters, builder.constant("int64", BigInt64Array.of(at), [])], [2], {
      attributes: { axis: 0n },
    });
  const part = sum ? builder.emit("Add", [pick(index), pick(0n)], [2]) : pick(index);
  const y = builder.emit("Add", [x, part], [2]);
  return {
    filters: builder.constants.get(filters)!,
    graph: {
      inputs: [{ name: "x", edge: x }],
      outputs: [{ name: "y", edge: y }],
      nodes: builder.nodes,
      constants: builder.constants,
    },
  };
}

describe("foldConstantParts", () => {
  it.each([
    [1n, [3, 4]],
    [-1n, [5, 6]],
  ])("views slice %d of a constant", (index, values) => {
    const { graph, filters } = graphOf(index, false);
    const folded = foldConstantParts(graph);
    expect(folded.nodes.map(({ op }) => op)).toEqual(["Add"]);
    const [part] = [...folded.constants.values()] as Float32Array[];
    expect([...part!]).toEqual(values);
    expect(part!.buffer).toBe(filters.buffer);
  });

  it("adds up constants, in memory it is given", () => {
    const made: Float32Array[] = [];
    const folded = foldConstantParts(graphOf(2n, true).graph, (length) => {
      made.push(new Float32Array(length));
      return made.at(-1) as Float32Array<ArrayBuffer>;
    });
    expect(folded.nodes.map(({ op }) => op)).toEqual(["Add"]);
    expect([...folded.constants.values()]).toEqual(made);
    expect([...made[0]!]).toEqual([6, 8]);
  });

  it("leaves what depends on an input", () => {
    const builder = new GraphBuilder();
    const x = { type: "float32", shape: [3, 2] } as const;
    const zero = builder.constant("int64", BigInt64Array.of(0n), []);
    const y = builder.emit("Gather", [x, zero], [2], { attributes: { axis: 0n } });
    const graph = {
      inputs: [{ name: "x", edge: x }],
      outputs: [{ name: "y", edge: y }],
      nodes: builder.nodes,
      constants: builder.constants,
    };
    expect(foldConstantParts(graph).nodes).toEqual(graph.nodes);
  });
});
