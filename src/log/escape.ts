/**
 * What somebody else wrote, safe for a terminal and for a line.
 * @module
 */

/** Controls, and what breaks a line or turns the direction of writing. */
const UNSAFE =
  // deno-lint-ignore no-control-regex -- control characters are what it finds
  /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const SHORT: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\\": "\\\\",
  '"': '\\"',
};

function hex(letter: "x" | "u", c: string): string {
  return `\\${letter}${c.charCodeAt(0).toString(16).padStart(letter === "x" ? 2 : 4, "0")}`;
}

/** A character below U+0080, or a byte. */
function byte(c: string): string {
  return SHORT[c] ?? hex("x", c);
}

/** Text in one line, cut after so many characters. */
export function escape(text: string, most: number): string {
  const cut = text.length > most ? text.slice(0, most) + "…" : text;
  return cut.replace(UNSAFE, (c) => c < "\x80" ? byte(c) : hex("u", c));
}

/** JSON as other JSON for the same value. */
export function escapeJson(json: string): string {
  return json.replace(UNSAFE, (c) => hex("u", c));
}

/** Bytes as characters: what stays as it is, what may be a character in UTF-8, or any other byte. */
const PIECES =
  /([ !#-[\]-~]+)|([\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})|[^]/g;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Bytes in quotes. Characters of UTF-8 are shown as they are, those that could do
 * harm as `\uHHHH`, bytes that are none as `\xHH`: so it can be read back. Beyond
 * so many bytes it is cut, and ends with `…` behind the quotes.
 */
export function quote(bytes: Uint8Array, most: number): string {
  let end = Math.min(bytes.length, most);
  // Not within a character: what follows is no byte that continues one.
  for (let back = 0; back < 3 && (bytes[end] & 0xc0) === 0x80; back++) end--;
  const shown = bytes.subarray(0, end);
  const text = String.fromCharCode(...shown).replace(PIECES, (piece, plain, several, at) => {
    if (plain) return plain;
    if (!several) return byte(piece);
    try {
      const character = utf8.decode(shown.subarray(at, at + piece.length));
      return character.replace(UNSAFE, (c) => hex("u", c));
    } catch {
      return piece.replace(/[^]/g, byte); // too long for what it says, or half of a pair
    }
  });
  return `"${text}"${end < bytes.length ? "…" : ""}`;
}
