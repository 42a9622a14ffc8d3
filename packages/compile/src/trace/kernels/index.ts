// All lowerings, by kernel name.
import { convKernels } from "./conv.js";
import { elementwiseKernels } from "./elementwise.js";
import { indexKernels } from "./index-ops.js";
import type { KernelTable } from "./kernel.js";
import { matMulKernels } from "./matmul.js";
import { activationKernels } from "./nn-activations.js";
import { attentionKernels } from "./nn-attention.js";
import { normKernels } from "./nn-norms.js";
import { videoKernels } from "./nn-video.js";
import { poolKernels } from "./pool.js";
import { reduceKernels } from "./reduce.js";
import { resizeKernels } from "./resize.js";
import { shapeKernels } from "./shape.js";

export const lowerings: KernelTable = {
  ...elementwiseKernels,
  ...reduceKernels,
  ...shapeKernels,
  ...matMulKernels,
  ...convKernels,
  ...poolKernels,
  ...resizeKernels,
  ...indexKernels,
  ...activationKernels,
  ...normKernels,
  ...attentionKernels,
  ...videoKernels,
};
