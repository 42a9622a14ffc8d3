import { defineConfig } from "vitest/config";

// Tests run on the packages' sources: no build is needed first.
const conditions = ["@noisereel/source", "module", "node", "development|production"];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["{packages,apps}/*/{src,test}/**/*.test.ts", "recipes/**/*.test.ts", "tools/**/*.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**", "**/*.slow.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          name: "slow",
          include: ["{packages,apps}/*/{src,test}/**/*.slow.test.ts", "{recipes,tools}/**/*.slow.test.ts"],
          exclude: ["**/node_modules/**", "**/dist/**"],
          testTimeout: 900_000,
          fileParallelism: false,
          benchmark: { include: [] },
        },
      },
      {
        extends: true,
        test: {
          name: "notebooks",
          include: ["notebooks/*.test.ts"],
          testTimeout: 600_000,
          benchmark: { include: [] },
        },
      },
    ],
  },
});
