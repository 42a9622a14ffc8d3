// Threads of one process among several on a machine.

export interface Machine {
  /** Cores of the machine. */
  readonly cores: number;
  /** Cores that this process may use: fewer when whoever started it has bound it to some. */
  readonly own: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What starters of MPI jobs say of the number of processes on this machine: Open MPI, Slurm, MPICH. */
const localSizes = ["OMPI_COMM_WORLD_LOCAL_SIZE", "SLURM_NTASKS_PER_NODE", "MPI_LOCALNRANKS"];

/**
 * How many threads a process of a job computes with, so that those of a machine share its cores: an equal part of them, but no
 * more than it may use.
 */
export function processThreads({ cores, own, environment }: Machine): number {
  const stated = localSizes.map((name) => Number.parseInt(environment[name] ?? "", 10)).find((count) => count >= 1);
  return Math.max(1, Math.min(own, Math.floor(cores / (stated ?? 1))));
}
