// The look of run pages.
export const pageStyle = `
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 18%, transparent); }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { margin: 0 0 1rem; font-size: 1.6rem; } h2 { margin: 2.5rem 0 0.5rem; font-size: 1.2rem; } h3 { margin: 1.2rem 0 0.3rem; font-size: 1rem; }
dl { display: flex; flex-wrap: wrap; gap: 0.5rem 2rem; margin: 0.5rem 0; } dt { font-size: 0.8rem; opacity: 0.7; } dd { margin: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1.25rem; }
figure { margin: 0; } figcaption { font-size: 0.9rem; } svg { width: 100%; height: auto; }
.grid { stroke: var(--line); } .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.tick { font: 11px system-ui, sans-serif; fill: currentColor; opacity: 0.7; } .tick.x { text-anchor: middle; }
.tick.y { text-anchor: end; dominant-baseline: middle; }
.legend { display: flex; flex-wrap: wrap; gap: 0.2rem 1rem; font-size: 0.8rem; } .legend i { display: inline-block; width: 0.8em; height: 0.8em; border-radius: 50%; margin-right: 0.4em; }
.wide { overflow-x: auto; } table.clips { border-spacing: 0.5rem; } .clips th { font-weight: normal; font-size: 0.85rem; text-align: left; }
img, video { width: 10rem; image-rendering: pixelated; border-radius: 0.3rem; display: block; }
.problem { border-left: 4px solid #d55e00; padding-left: 0.75rem; } pre { overflow: auto; font-size: 0.8rem; }
`;
