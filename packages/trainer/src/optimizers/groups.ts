// Parameters that an optimizer treats differently.
import { ConfigError } from "@noisereel/core";

export interface ParameterGroup {
  /** Which parameters, by checkpoint name with the module's key in front, e.g. `denoiser.pos_embed.proj.weight`. */
  match(name: string): boolean;
  /** Factor on the step's learning rate. Default 1. */
  readonly learningRate?: number;
  /** Weight decay of this group. Default the optimizer's. */
  readonly weightDecay?: number;
}

export interface GroupSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/** A lookup of a parameter's settings: the first group that matches it, else the defaults. */
export function groupSettings(groups: readonly ParameterGroup[], weightDecay: number): (name: string) => GroupSettings {
  checkDecay("weightDecay", weightDecay);
  const rest: GroupSettings = { learningRate: 1, weightDecay };
  const known = groups.map((group, index) => {
    const settings = { learningRate: group.learningRate ?? 1, weightDecay: group.weightDecay ?? weightDecay };
    checkDecay(`groups[${index}].weightDecay`, settings.weightDecay);
    if (!(settings.learningRate >= 0 && Number.isFinite(settings.learningRate))) {
      throw new ConfigError(`groups[${index}].learningRate is ${settings.learningRate}; use a factor of 0 or more`);
    }
    return { group, settings };
  });
  return (name) => known.find(({ group }) => group.match(name))?.settings ?? rest;
}

function checkDecay(name: string, value: number): void {
  if (!(value >= 0 && value < 1)) throw new ConfigError(`${name} is ${value}; use a number from 0 to below 1`);
}
