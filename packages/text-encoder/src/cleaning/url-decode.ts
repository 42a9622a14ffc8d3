// Percent-decoding as Python's `urllib.parse.unquote_plus` does it.

/** `+` becomes a space and `%41` a byte; runs of bytes are read as UTF-8, wrong ones as U+FFFD. */
export function unquotePlus(text: string): string {
  const spaced = text.replaceAll("+", " ");
  if (!spaced.includes("%")) return spaced;
  // Only runs of ASCII are decoded together: an escape never joins with a character that was not escaped.
  // oxlint-disable-next-line no-control-regex -- the whole ASCII range is meant
  return spaced.replace(/[\x00-\x7f]+/g, decodeRun);
}

function decodeRun(run: string): string {
  const bytes: number[] = [];
  for (let i = 0; i < run.length; i++) {
    const escape = run[i] === "%" ? /^[0-9a-f]{2}$/i.exec(run.slice(i + 1, i + 3)) : null;
    if (escape === null) {
      bytes.push(run.charCodeAt(i));
    } else {
      bytes.push(Number.parseInt(escape[0], 16));
      i += 2;
    }
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Uint8Array.from(bytes));
}
