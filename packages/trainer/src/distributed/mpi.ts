// Open MPI as a collective, called through koffi. Both are optional: nothing of them is loaded before `mpi()` is called.
import { BackendError } from "@noisereel/core";
import type { Collective } from "./collective.js";

export interface MpiOptions {
  /** The library's file or name. Default `libmpi.so.40`, Open MPI 4 and 5 on Linux; `libmpi.40.dylib` on macOS. */
  readonly library?: string;
}

/** The parts of koffi that are used. */
interface Koffi {
  load(file: string, options: { readonly global: boolean; readonly lazy: boolean }): Library;
}

interface Library {
  func(declaration: string): ForeignFunction;
  symbol(name: string, type: string): unknown;
}

interface ForeignFunction {
  (...args: readonly unknown[]): number;
  /** Runs beside the event loop; the last argument is `(error, result)`. */
  async(...args: readonly unknown[]): void;
}

/** MPI_THREAD_SERIALIZED: calls come from different threads, one at a time. */
const serialized = 2;

/**
 * Joins the processes that `mpirun` (or Slurm, or the MPI Operator) started; without one of those, the group is this process
 * alone. Throws BackendError that says what to install when koffi or Open MPI is missing.
 */
export async function mpi(options: MpiOptions = {}): Promise<Collective> {
  const library = await loadLibrary(options.library ?? defaultLibrary());
  const call = (declaration: string): ForeignFunction => library.func(declaration);
  const initThread = call("int MPI_Init_thread(void *argc, void *argv, int required, _Out_ int *provided)");
  const commRank = call("int MPI_Comm_rank(void *comm, _Out_ int *rank)");
  const commSize = call("int MPI_Comm_size(void *comm, _Out_ int *size)");
  const allreduce = call(
    "int MPI_Allreduce(void *send, _Inout_ void *receive, int count, void *type, void *op, void *comm)",
  );
  const bcast = call("int MPI_Bcast(_Inout_ void *buffer, int count, void *type, int root, void *comm)");
  const barrier = call("int MPI_Barrier(void *comm)");
  const finalize = call("int MPI_Finalize()");
  const world = library.symbol("ompi_mpi_comm_world", "char");
  const float = library.symbol("ompi_mpi_float", "char");
  const byte = library.symbol("ompi_mpi_byte", "char");
  const plus = library.symbol("ompi_mpi_op_sum", "char");
  const inPlace = 1n; // MPI_IN_PLACE of Open MPI

  const provided = [0];
  succeed(initThread(null, null, serialized, provided), "MPI_Init_thread");
  if (provided[0]! < serialized) {
    throw new BackendError(
      `Open MPI gives thread level ${provided[0]} but ${serialized} is needed; use a build with thread support`,
    );
  }
  const rank = [0];
  const size = [0];
  succeed(commRank(world, rank), "MPI_Comm_rank");
  succeed(commSize(world, size), "MPI_Comm_size");
  return {
    name: "mpi",
    rank: rank[0]!,
    size: size[0]!,
    sum: (values) => later(allreduce, "MPI_Allreduce", inPlace, values, values.length, float, plus, world),
    broadcast: (bytes) => later(bcast, "MPI_Bcast", bytes, bytes.length, byte, 0, world),
    barrier: () => later(barrier, "MPI_Barrier", world),
    close: async () => succeed(finalize(), "MPI_Finalize"),
  };
}

async function loadLibrary(file: string): Promise<Library> {
  const name = "koffi"; // a variable: bundlers and type checks of users must not need it
  const koffi = (await import(name).catch((cause: unknown) => {
    throw new BackendError("koffi, which calls Open MPI, is not installed; run npm install koffi", { cause });
  })) as { readonly default: Koffi };
  try {
    // Global, because Open MPI loads plugins that look for its symbols.
    return koffi.default.load(file, { global: true, lazy: true });
  } catch (cause) {
    throw new BackendError(
      `Open MPI cannot be loaded from ${file} (${(cause as Error).message}); install it, e.g. apt-get install openmpi-bin or brew install open-mpi, or name the library`,
      { cause },
    );
  }
}

function defaultLibrary(): string {
  return process.platform === "darwin" ? "libmpi.40.dylib" : "libmpi.so.40";
}

function later(fn: ForeignFunction, name: string, ...args: readonly unknown[]): Promise<void> {
  return new Promise((resolve, reject) => {
    fn.async(...args, (error: Error | null, code: number) => {
      try {
        if (error !== null) throw error;
        succeed(code, name);
        resolve();
      } catch (cause) {
        reject(cause);
      }
    });
  });
}

function succeed(code: number, name: string): void {
  if (code !== 0) throw new BackendError(`${name} failed with code ${code}; see what mpirun says`);
}
