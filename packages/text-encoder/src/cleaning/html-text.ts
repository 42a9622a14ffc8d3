// The text of an HTML fragment, as Beautiful Soup reads it with Python's lenient `html.parser`. A browser's parser
// would differ: here "i <love you" stays as it is, "&foo;" loses its semicolon and nothing is moved out of tables.
import { decodeHTMLStrict } from "entities/decode";
import { space, spaceMembers } from "./character-classes.js";
import { windows1252Character } from "./windows-1252.js";

/** Elements whose text is not shown. */
const hiddenElements = new Set(["script", "style", "template", "rt", "rp"]);
/** Elements whose content is not markup. */
const rawElements = new Set(["script", "style"]);
const voidElements = new Set(
  (
    "area base basefont bgsound br col command embed frame hr image img input isindex keygen link menuitem meta " +
    "nextid param source spacer track wbr"
  ).split(" "),
);

const namedReference = /&([a-zA-Z][-.a-zA-Z0-9]*)(?=[^a-zA-Z0-9])/y;
const numericReference = /&#([0-9]+|[xX][0-9a-fA-F]+)(?=[^0-9a-fA-F])/y;
const tagName = /[a-zA-Z][^\t\n\r\f />\0]*/y;
const commentEnd = new RegExp(`--${space}*>`, "gu");
const markedSection = new RegExp(`<!\\[(?<name>[a-zA-Z][-_.a-zA-Z0-9]*)`, "yu");
const markedSectionEnd = new RegExp(`\\]${space}*\\]${space}*>`, "gu");
const conditionalEnd = new RegExp(`\\]${space}*>`, "gu");
const attributeName = new RegExp(`[^${spaceMembers}/>][^${spaceMembers}/=>]*`, "yu");
const gap = new RegExp(`(?:${space}|/(?!>))*`, "yu");
const equals = new RegExp(`${space}*=+${space}*`, "yu");
const attributeValue = new RegExp(`'[^']*'|"[^"]*"|(?!['"])[^>${spaceMembers}]*`, "yu");
const white = new RegExp(`${space}*`, "yu");

/** All text outside tags, comments and declarations, joined with nothing between. */
export function htmlText(markup: string): string {
  const reader = new HtmlTextReader(markup);
  // What a first pass leaves unread, because it might go on, a second one settles.
  reader.read(false);
  reader.read(true);
  return reader.text;
}

class HtmlTextReader {
  text = "";
  readonly #markup: string;
  #position = 0;
  readonly #open: string[] = [];
  /** The element whose raw content is being read. */
  #raw: string | undefined;

  constructor(markup: string) {
    this.#markup = markup;
  }

  /** Reads until the end or until something incomplete; `final`: nothing more will come. */
  read(final: boolean): void {
    const markup = this.#markup;
    while (this.#position < markup.length) {
      const start = this.#position;
      if (this.#raw !== undefined) {
        const end = search(new RegExp(`</${space}*${this.#raw}${space}*>`, "giu"), markup, start);
        if (end === null) return;
        this.#position = end.index + end[0].length;
        this.#close(this.#raw);
        this.#raw = undefined;
        continue;
      }
      const next = search(/[&<]/g, markup, start)?.index ?? markup.length;
      this.#show(markup.slice(start, next));
      this.#position = next;
      if (next === markup.length) return;
      if (!(markup[next] === "<" ? this.#readTag(final) : this.#readReference(final))) break;
    }
    if (final && this.#raw === undefined) {
      this.#show(markup.slice(this.#position));
      this.#position = markup.length;
    }
  }

  /** True when reading can go on. */
  #readTag(final: boolean): boolean {
    const markup = this.#markup;
    const start = this.#position;
    let end: number | undefined;
    if (/^<[a-zA-Z]/.test(markup.slice(start, start + 2))) end = this.#readStartTag(start);
    else if (markup.startsWith("</", start)) end = this.#readEndTag(start);
    else if (markup.startsWith("<!--", start)) end = endOf(search(commentEnd, markup, start + 4));
    else if (markup.startsWith("<?", start)) end = after(markup, ">", start + 2);
    else if (markup.startsWith("<!", start)) end = this.#readDeclaration(start);
    else if (start + 1 < markup.length) {
      this.#show("<");
      end = start + 1;
    } else return false;
    if (end === undefined) {
      if (!final) return false;
      const close = markup.indexOf(">", start + 1);
      const open = markup.indexOf("<", start + 1);
      if (close >= 0) end = close + 1;
      else end = open >= 0 ? open : start + 1;
      this.#show(markup.slice(start, end));
    }
    this.#position = end;
    return true;
  }

  /** The position after the tag; undefined when it does not end. */
  #readStartTag(start: number): number | undefined {
    const markup = this.#markup;
    const name = at(tagName, markup, start + 1)![0];
    let position = start + 1 + name.length;
    let bare = position;
    // An attribute needs white space, a slash or a closing quote before it.
    position += at(gap, markup, position)![0].length;
    while (position > bare || /['"]/.test(markup[position - 1]!)) {
      const attribute = at(attributeName, markup, position);
      if (attribute === null) break;
      position += attribute[0].length;
      const sign = at(equals, markup, position);
      const value = sign === null ? null : at(attributeValue, markup, position + sign[0].length);
      if (sign !== null && value !== null) position += sign[0].length + value[0].length;
      bare = position;
      position += at(gap, markup, position)![0].length;
    }
    position += at(white, markup, position)![0].length;
    const selfClosing = markup.startsWith("/>", position);
    if (!selfClosing && markup[position] !== ">") {
      // A letter, "=" or "/" here, or the end: the tag may go on. Anything else makes it text.
      if (position >= markup.length || /[a-zA-Z=/]/.test(markup[position]!)) return undefined;
      this.#show(markup.slice(start, position));
      return position;
    }
    const lower = name.toLowerCase();
    if (!selfClosing && !voidElements.has(lower)) {
      this.#open.push(lower);
      if (rawElements.has(lower)) this.#raw = lower;
    }
    return position + (selfClosing ? 2 : 1);
  }

  #readEndTag(start: number): number | undefined {
    const markup = this.#markup;
    if (!markup.includes(">", start + 1)) return undefined;
    const spaced = start + 2 + at(white, markup, start + 2)![0].length;
    const strict = at(/[a-zA-Z][-.a-zA-Z0-9:_]*/y, markup, spaced);
    if (strict !== null) {
      const end = spaced + strict[0].length + at(white, markup, spaced + strict[0].length)![0].length;
      if (markup[end] === ">") {
        this.#close(strict[0].toLowerCase());
        return end + 1;
      }
    }
    const name = at(tagName, markup, start + 2);
    if (name === null) return markup.startsWith("</>", start) ? start + 3 : after(markup, ">", start + 2);
    this.#close(name[0].toLowerCase());
    return after(markup, ">", start + 2 + name[0].length);
  }

  #readDeclaration(start: number): number | undefined {
    const markup = this.#markup;
    const section = at(markedSection, markup, start)?.groups?.["name"]?.toLowerCase();
    if (section === undefined) return after(markup, ">", start + 2);
    const conditional = section === "if" || section === "else" || section === "endif";
    const end = search(conditional ? conditionalEnd : markedSectionEnd, markup, start + 3);
    if (end === null) return undefined;
    const content = markup.slice(start + 3, end.index);
    // Shown whatever element it stands in.
    if (/^cdata\[/i.test(content)) this.text += content.slice("cdata[".length) || " ";
    return endOf(end);
  }

  /** True when reading can go on. */
  #readReference(final: boolean): boolean {
    const markup = this.#markup;
    const start = this.#position;
    const found = at(numericReference, markup, start) ?? at(namedReference, markup, start);
    if (found !== null) {
      const body = found[1]!;
      this.#show(found[0].startsWith("&#") ? decodeNumber(body) : decodeName(body));
      const end = start + found[0].length;
      this.#position = markup[end] === ";" ? end + 1 : end;
      return true;
    }
    if (markup.startsWith("&#", start)) {
      if (!markup.includes(";", start)) return false;
      this.#show("&#");
      this.#position = start + 2;
      return false;
    }
    if (/^&[a-zA-Z]/.test(markup.slice(start, start + 2))) {
      // Two characters at the very end lose their ampersand.
      if (final && start + 2 === markup.length) this.#position = start + 1;
      return false;
    }
    if (start + 1 === markup.length) return false;
    this.#show("&");
    this.#position = start + 1;
    return true;
  }

  #show(text: string): void {
    if (!this.#open.some((name) => hiddenElements.has(name))) this.text += text;
  }

  /** Closes the innermost element of this name and all inside it; none of that name: nothing happens. */
  #close(name: string): void {
    const index = this.#open.lastIndexOf(name);
    if (index >= 0) this.#open.length = index;
  }
}

function decodeName(name: string): string {
  const reference = `&${name};`;
  const decoded = decodeHTMLStrict(reference);
  return decoded === reference ? `&${name}` : decoded;
}

/** Numbers below 256 are bytes of Windows-1252, where it has a character. */
function decodeNumber(body: string): string {
  const code = /^x/i.test(body) ? Number.parseInt(body.replace(/^x+/i, ""), 16) : Number.parseInt(body, 10);
  if (code < 256) return windows1252Character(code);
  return code > 0x10ffff ? "\ufffd" : String.fromCodePoint(code);
}

function at(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

function search(pattern: RegExp, text: string, position: number): RegExpExecArray | null {
  pattern.lastIndex = position;
  return pattern.exec(text);
}

function endOf(match: RegExpExecArray | null): number | undefined {
  return match === null ? undefined : match.index + match[0].length;
}

function after(text: string, mark: string, position: number): number | undefined {
  const index = text.indexOf(mark, position);
  return index < 0 ? undefined : index + mark.length;
}
