// UniPC (Zhao et al., arXiv 2302.04867): a multistep predictor, and a corrector that reuses the next call of the network.
import { ConfigError, type LatentTensor, type Sampler } from "@noisereel/core";
import * as tf from "@tensorflow/tfjs";
import { callAtLevel, type Level, solverLevels } from "./dpm-solver.js";
import { solveLinear } from "../solve-linear.js";
import { solver, type SolverRun } from "./run.js";

export interface UniPcOptions {
  /** Of the predictor, 1 to 3; the corrector is one order better. 2 is best with guidance, 3 without. Default 2. */
  readonly order?: 1 | 2 | 3;
  /** False leaves the predictor alone, which at order 2 is DPM-Solver++ 2M. Default true. */
  readonly corrector?: boolean;
  /** The paper's B(h): `bh2` is exp(h) - 1 and better with guidance, `bh1` is h and better with few steps without. Default `bh2`. */
  readonly variant?: "bh1" | "bh2";
}

/** Good from 8 to 20 steps. One call a step: correcting a step uses the call that the next step makes anyway. */
export function unipc(options: UniPcOptions = {}): Sampler {
  const { order = 2, corrector = true, variant = "bh2" } = options;
  if (![1, 2, 3].includes(order)) throw new ConfigError(`order is ${order}; use 1, 2 or 3`);
  return solver("unipc", async function* (run, request) {
    const { steps } = request;
    const levels = solverLevels(request.schedule, steps);
    let x = run.start(steps);
    let base = x;
    /** Estimates of the clean latents at the levels behind, newest first. */
    let history: LatentTensor[] = [];
    for (let i = 0; i < steps; i++) {
      const [from, to] = [levels[i]!, levels[i + 1]!];
      const { denoised } = await run.call(x, callAtLevel(from));
      if (corrector && i > 0) {
        const used = Math.min(order, i);
        const behind = levels.slice(0, i).toReversed().slice(0, used);
        x = advanceOver(run, { x: base, from: behind, to: from, estimates: history, at: denoised, variant });
      }
      history = [denoised, ...history].slice(0, order);
      // The first steps know too little for the full order, and the last ones gain nothing by it.
      const used = Math.min(order, i + 1, steps - i);
      const behind = levels
        .slice(0, i + 1)
        .toReversed()
        .slice(0, used);
      base = x;
      x = advanceOver(run, { x: base, from: behind, to, estimates: history, at: undefined, variant });
      yield run.step(from.timestep, x, denoised, [base, ...history]);
    }
    return x;
  });
}

interface Advance {
  /** The state at the newest level of `from`. */
  readonly x: LatentTensor;
  /** Newest first. */
  readonly from: readonly Level[];
  readonly to: Level;
  /** Of the clean latents, at the levels of `from`. */
  readonly estimates: readonly LatentTensor[];
  /** The estimate at `to`, for a corrector; undefined for a predictor. */
  readonly at: LatentTensor | undefined;
  readonly variant: "bh1" | "bh2";
}

/** From the newest of several levels to the next: equations 3 (corrector) and 8 (predictor), for estimates of clean latents. */
function advanceOver(run: SolverRun, { x, from, to, estimates, at, variant }: Advance): LatentTensor {
  const newest = from[0]!;
  const span = to.lambda - newest.lambda;
  const first = estimates[0]!;
  const onFirst = -to.alpha * Math.expm1(-span);
  const sum = () => tf.add(tf.mul(x, to.sigma / newest.sigma), tf.mul(first, onFirst));
  const others = from.slice(1).map((level, i) => ({
    position: (level.lambda - newest.lambda) / span,
    estimate: estimates[i + 1]!,
  }));
  if (at !== undefined) others.push({ position: 1, estimate: at });
  if (others.length === 0) return run.make(sum);
  const weights = differenceWeights(
    others.map(({ position }) => position),
    span,
    variant,
  );
  return run.make(() =>
    tf.addN([
      sum(),
      ...others.map(({ position, estimate }, i) =>
        tf.mul(tf.sub(estimate, first), (-to.alpha * weights[i]!) / position),
      ),
    ]),
  );
}

/**
 * What each difference of estimates weighs, B(h) included. `positions`: where they were taken, 0 for the newest level and 1 for
 * the target. With one difference the paper fixes the weight to 1/2; with more, it makes the step exact for estimates that are
 * polynomials in lambda (equation 5), and B(h) cancels.
 */
export function differenceWeights(positions: readonly number[], span: number, variant: "bh1" | "bh2"): number[] {
  const h = -span;
  if (positions.length === 1) return [(variant === "bh2" ? Math.expm1(h) : h) / 2];
  // phi(1) = (e^h - 1) / h and phi(k + 1) = (phi(k) - 1 / k!) / h; the k-th row, from 1, asks for h phi(k + 1) k!.
  let phi = Math.expm1(h) / h;
  let factorial = 1;
  const moments = positions.map((_, k) => {
    factorial *= k + 1;
    phi = (phi - 1 / factorial) / h;
    return h * phi * factorial;
  });
  const powers = positions.map((_, k) => positions.map((position) => position ** k));
  return solveLinear(powers, moments);
}
