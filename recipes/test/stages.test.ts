import { eagerExecutor } from "@noisereel/core";
import { parseSettings, recipeOptions } from "@noisereel/trainer";
import { expect, test } from "vitest";
import { presets, reportStages, smallStages } from "../stages.js";

const context = { folder: "/nowhere", executor: eagerExecutor(), note: () => undefined };

function stagesOf(recipe: typeof smallStages, ...settings: string[]) {
  return recipe.stages(recipeOptions(recipe, parseSettings(settings)), context);
}

test("the presets have the report's four stages, each from the one before", () => {
  const chain = (recipe: typeof smallStages) => stagesOf(recipe).map(({ name, from }) => `${name} from ${from}`);
  const four = ["stage-1 from undefined", "stage-2 from stage-1", "stage-3 from stage-2", "stage-4 from stage-3"];
  expect(chain(reportStages)).toEqual(four);
  const [first, ...others] = four;
  const small = ["autoencoder from undefined", first, "stage-1-video-only from undefined", ...others];
  expect(chain(smallStages)).toEqual(small);
  for (const recipe of Object.values(presets)) {
    const { stages } = recipeOptions(recipe, {});
    const shapes = Object.values(stages).map(({ frames, height, width }) => [frames, height, width]);
    const scale = recipe === reportStages ? 1 : 8;
    expect(shapes).toEqual(
      [
        [17, 256, 256],
        [65, 256, 256],
        [65, 512, 512],
        [65, 1024, 1024],
      ].map(([frames, height, width]) => [frames, height! / scale, width! / scale]),
    );
  }
});

test("a stage without stills can be trained beside the first, and an autoencoder can be brought along", () => {
  const names = stagesOf(reportStages, "videoOnly=true").map(({ name }) => name);
  expect(names).toEqual(["stage-1", "stage-1-video-only", "stage-2", "stage-3", "stage-4"]);
  const brought = stagesOf(smallStages, "videoOnly=false", "autoencoder.pretrained=models/vae").map(({ name }) => name);
  expect(brought).toEqual(["stage-1", "stage-2", "stage-3", "stage-4"]);
});

test("shapes that cannot be are refused before anything begins", () => {
  expect(() => stagesOf(smallStages, "stages.stage-2.frames=64")).toThrow(/^stages\.stage-2: .*64.*61 or 65/);
  expect(() => stagesOf(smallStages, "stages.stage-1.accumulate=3")).toThrow("does not divide the batch of 4");
  expect(() => stagesOf(smallStages, "stages.stage-5.steps=3")).toThrow(
    "stages.stage-5 is no option; there are stage-1, stage-2, stage-3, stage-4",
  );
});
