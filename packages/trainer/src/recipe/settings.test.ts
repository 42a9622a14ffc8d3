import { expect, test } from "vitest";
import { z } from "zod";
import { defineRecipe, isRecipe, parseSettings, recipeOptions } from "../index.js";

const schema = z.strictObject({
  seed: z.number().int().default(0),
  stages: z
    .strictObject({
      one: z
        .strictObject({ steps: z.number().int().positive().default(10), data: z.string().default("x") })
        .prefault({}),
    })
    .prefault({}),
});
const recipe = defineRecipe({ name: "small", options: schema, stages: () => [] });

test("settings become options, the rest keeps its default", () => {
  const options = recipeOptions(recipe, parseSettings(["stages.one.steps=20", "stages.one.data=a=b c"]));
  expect(options).toEqual({ seed: 0, stages: { one: { steps: 20, data: "a=b c" } } });
  expect(parseSettings(["a=[1,2]", "b.c=true", "b.d=null", "b.e=-1e-3", "f="])).toEqual({
    a: [1, 2],
    b: { c: true, d: null, e: -0.001 },
    f: "",
  });
});

test.each([
  ["stages.one.steps=many", /stages\.one\.steps is "many": .*number/],
  ["stages.one.steps=-1", /stages\.one\.steps is -1: .*>0/],
  ["stages.one.stepz=3", /stages\.one\.stepz is no option; there are steps, data/],
  ["stages.two.steps=3", /stages\.two is no option; there are one/],
  ["sead=3", /^recipe small: sead is no option; there are seed, stages$/],
])("%s is refused by name", (setting, sentence) => {
  expect(() => recipeOptions(recipe, parseSettings([setting]))).toThrow(sentence);
});

test.each(["steps", "=3", "a..b=3"])("%s is no setting", (setting) => {
  expect(() => parseSettings([setting])).toThrow(`"${setting}" is no setting; write name=value`);
});

test("a group cannot be a value too", () => {
  expect(() => parseSettings(["a=1", "a.b=2"])).toThrow('"a.b=2" goes into a, which was set to a value');
});

test("a recipe is known as one", () => {
  expect(isRecipe(recipe)).toBe(true);
  expect(isRecipe({ name: "small" })).toBe(false);
});
