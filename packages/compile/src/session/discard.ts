// Memory of arrays that nothing needs any more, given back before garbage is collected.

let nowhere: MessagePort | undefined;

/** A port that leads nowhere: what is transferred to it is gone. */
function portToNowhere(): MessagePort {
  if (nowhere === undefined) {
    const { port1, port2 } = new MessageChannel();
    port2.close();
    port1.close();
    nowhere = port1;
  }
  return nowhere;
}

/** Smaller arrays are left to the garbage collector: a transfer takes longer than they are worth. */
const smallest = 2 ** 16;

/**
 * Frees the buffers of `arrays`, which are empty afterwards. Left to the collector, a training step's tens of megabytes would make it
 * run every other step.
 */
export function discard(arrays: Iterable<ArrayBufferView>): void {
  const buffers = new Set<ArrayBuffer>();
  for (const { buffer, byteLength } of arrays) {
    if (byteLength >= smallest && buffer instanceof ArrayBuffer) buffers.add(buffer);
  }
  if (buffers.size > 0) portToNowhere().postMessage(null, [...buffers]);
}
