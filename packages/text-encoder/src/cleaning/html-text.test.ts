import { describe, expect, test } from "vitest";
import { htmlText } from "./html-text.js";
import { htmlUnescape } from "./html-unescape.js";

// What Beautiful Soup 4 with Python 3.11's html.parser returns for the same markup.
describe("htmlText", () => {
  test.each([
    ["<p class='a>b'>Hello <b>World</b></p>", "Hello World"],
    ["i <love you", "i <love you"],
    ["a < b & c <3", "a < b & c <3"],
    ["x</3 y", "x</3 y"],
    ["<<b>>", "<>"],
    ["</ >q</b x>r</>s", "qrs"],
    ["<script>a<b</script>z<style>p</style>", "z"],
    ["<ruby>a<rt>b</rt>c</ruby>", "ac"],
    ["<!-- c -->d<!foo>e<?php x?>f<!doctype html>g", "defg"],
    ["<![CDATA[x]]>y", "xy"],
    ["&notit; &foo; &lt &eacute;x", "&notit &foo < éx"],
    ["a &#65; &#x41 &#150;", "a A A –"],
    ["a<br/>b<br>c", "abc"],
    ["<textarea><b>x</textarea>", "x"],
    ["<b", "<b"],
    ["&#", "&#"],
  ])("%s", (markup, text) => {
    expect(htmlText(markup)).toBe(text);
  });
});

// What Python's html.unescape returns.
describe("htmlUnescape", () => {
  test.each([
    ["&lt;&amp;amp;&copy2;", "<&amp;©2;"],
    ["&notit; &unknown; &", "¬it; &unknown; &"],
    ["&#128;&#x2014;&#0;&#1;&#xd800;&#x110000;", "€—\ufffd\ufffd\ufffd"],
  ])("%s", (text, expected) => {
    expect(htmlUnescape(text)).toBe(expected);
  });
});
