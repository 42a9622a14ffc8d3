// Brings tensors from the device to the host.
import { encodeModel } from "../onnx/encode.js";
import type { NamedEdge } from "../graph/graph.js";
import type { HostValues, TensorType } from "../trace/symbol.js";
import type { Device } from "./device.js";
import type { OrtSession, OrtTensor } from "./runtime.js";

/** A tensor on the device, and its element type. */
export interface Resident {
  readonly dtype: TensorType;
  readonly tensor: OrtTensor;
}

/**
 * Reads through a session that copies its inputs to outputs on the host. Reading a tensor directly is not an option:
 * onnxruntime-node 1.30 ends the process when `getData` is called on a tensor of the WebGPU provider.
 */
export class Downloader {
  private session: OrtSession | undefined;
  private key = "";

  constructor(private readonly device: Device) {}

  async read(residents: readonly Resident[]): Promise<HostValues[]> {
    if (residents.length === 0) return [];
    const key = residents.map(({ dtype, tensor }) => `${dtype}[${tensor.dims.join()}]`).join();
    if (key !== this.key) await this.dispose();
    this.key = key;
    this.session ??= await this.device.open(identities(residents), { name: "download" });
    const feeds = Object.fromEntries(residents.map(({ tensor }, index) => [`device/${index}`, tensor]));
    const fetches = Object.fromEntries(residents.map((_, index) => [`host/${index}`, null]));
    const results = await this.device.run(this.session, feeds, fetches);
    return residents.map((_, index) => results[`host/${index}`]!.data as HostValues);
  }

  async dispose(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.key = "";
    if (session !== undefined) await this.device.release(session);
  }
}

function identities(residents: readonly Resident[]): Uint8Array {
  const edges = (prefix: string): NamedEdge[] =>
    residents.map(({ dtype, tensor }, index) => ({
      name: `${prefix}/${index}`,
      edge: { type: dtype, shape: tensor.dims },
    }));
  const [inputs, outputs] = [edges("device"), edges("host")];
  const nodes = inputs.map(({ edge }, index) => ({
    op: "Identity",
    domain: "" as const,
    inputs: [edge],
    outputs: [outputs[index]!.edge],
    attributes: {},
  }));
  return encodeModel({ inputs, outputs, nodes, constants: new Map() }, { graphName: "download" });
}
