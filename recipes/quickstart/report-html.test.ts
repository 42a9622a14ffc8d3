import { expect, it } from "vitest";
import type { QuickstartReport } from "./report.js";
import { curveSvg, reportHtml } from "./report-html.js";

const report: QuickstartReport = {
  seconds: 90,
  peakRssMiB: 2048,
  phases: { clips: 1.25 },
  reconstruction: {
    psnr: 21.5,
    ssim: 0.75,
    clips: [{ id: "a", caption: "one", psnr: 21.5, ssim: 0.75, video: "reconstructions/a.mp4" }],
  },
  prompts: {
    matched: 1,
    total: 1,
    samples: [
      {
        id: "a",
        caption: `a <b>"bold"</b> & loud caption`,
        seed: 3,
        video: "samples/a.mp4",
        nearest: "a",
        correlation: 0.9,
        matched: true,
      },
    ],
  },
  parameters: { denoiser: 1234567 },
  environment: { node: "20.19.0", platform: "linux x64", cores: 2 },
  config: { seed: 3 },
};

it("shows the report's figures and escapes what people wrote", () => {
  const html = reportHtml(
    report,
    {
      autoencoder: [
        { step: 1, value: 0.5 },
        { step: 2, value: 0.25 },
      ],
    },
    "reel.mp4",
  );
  for (const shown of ["1 of 1", "21.50 dB", "0.750", "1.5 min", "2.00 GiB", "1,234,567", "1.3 s"]) {
    expect(html).toContain(shown);
  }
  expect(html).toContain("a &lt;b&gt;&quot;bold&quot;&lt;/b&gt; &amp; loud caption");
  expect(html.match(/<video/g)).toHaveLength(3);
});

it("draws a curve and leaves out what a logarithmic axis cannot show", () => {
  const points = [1, 0.5, Number.NaN, 0, 0.25].map((value, index) => ({ step: index + 1, value }));
  const svg = curveSvg(points);
  expect(svg).toMatch(/^<svg/);
  expect(svg).not.toContain("NaN");
});
