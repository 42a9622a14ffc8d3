// Sizes as people write them.

export const mebibyte = 2 ** 20;

/** `800M` or `2.5G` as bytes; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*([MG])(?:i?B)?$/i.exec(text.trim());
  if (match === null) return undefined;
  return Math.floor(Number(match[1]) * (match[2]!.toUpperCase() === "G" ? 1024 : 1) * mebibyte);
}

export function formatBytes(bytes: number): string {
  return bytes >= 1024 * mebibyte ? `${(bytes / 1024 / mebibyte).toFixed(1)}G` : `${Math.ceil(bytes / mebibyte)}M`;
}
