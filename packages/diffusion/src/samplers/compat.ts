import type { NoiseSchedule, SampleRequest } from "@noisereel/core";
import { linearSchedule } from "../schedule.js";

export interface CompatOptions {
  /**
   * diffusers' default: betas from 0.00085 to 0.012, those of another model, whatever the schedule of the request is.
   * Default false.
   */
  readonly compat?: boolean;
}

/** The schedule that a sampler works with. */
export function scheduleOf(request: SampleRequest, options: CompatOptions): NoiseSchedule {
  if (options.compat !== true) return request.schedule;
  return linearSchedule({ steps: request.schedule.betas.length, start: 0.00085, end: 0.012 });
}
