// What training on several processes needs of whatever connects them.

/**
 * A group of processes that run the same program. Every member makes the same calls in the same order; a call returns when
 * all have made it. When one of them ends without `close`, whoever started the group must end the others: they would wait.
 */
export interface Collective {
  readonly name: string;
  /** From 0. Rank 0 writes checkpoints, logs and pages. */
  readonly rank: number;
  /** Processes in the group, 1 or more. */
  readonly size: number;
  /** Replaces `values` on every rank by their sum over all ranks, the same bits everywhere. */
  sum(values: Float32Array): Promise<void>;
  /** Replaces `bytes` on every rank by those of rank 0. All ranks pass the same length. */
  broadcast(bytes: Uint8Array): Promise<void>;
  /** Returns when every rank is here. */
  barrier(): Promise<void>;
  /** Leaves the group in good order; nothing may be called afterwards. */
  close(): Promise<void>;
}
