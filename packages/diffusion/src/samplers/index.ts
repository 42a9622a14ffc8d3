import { ddim } from "./ddim.js";
import { ddpm } from "./ddpm.js";
import { deis } from "./deis.js";
import { dpmSolverMultistep, dpmSolverSinglestep } from "./dpm-solver.js";
import { euler, eulerAncestral } from "./euler.js";
import { heun } from "./heun.js";
import { kdpm2Ancestral } from "./kdpm2-ancestral.js";
import { pndm } from "./pndm.js";
import { unipc } from "./unipc.js";

/** Every sampler's factory by name, for a list to choose from. */
export const samplers = {
  ddpm,
  ddim,
  pndm,
  euler,
  eulerAncestral,
  heun,
  dpmSolverMultistep,
  dpmSolverSinglestep,
  deis,
  kdpm2Ancestral,
  unipc,
} as const;
