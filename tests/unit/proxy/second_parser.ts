/**
 * A second reader of PROXY headers, for tests alone. It was written from the specification,
 * and shares nothing with the first: text by splitting, binary by a DataView, addresses by
 * node:net.
 */
import { isIPv4, isIPv6 } from "node:net";

/** What is in the bytes: `more`, `wrong`, `local LENGTH` or `SOURCE > DESTINATION LENGTH TYPES`. */
export function secondOpinion(bytes: Uint8Array): string {
  const text = [...bytes].map((byte) => String.fromCharCode(byte)).join("");
  const [one, two] = ["PROXY ", "\r\n\r\n\0\r\nQUIT\n"];
  const like = (start: string) => text.startsWith(start) || start.startsWith(text);
  if (like(one) && like(two)) return "more";
  if (like(one)) return line(text);
  return like(two) ? binary(text, bytes) : "wrong";
}

function line(text: string): string {
  const [first, ...others] = text.split("\r\n");
  if (others.length === 0) return text.length < 107 ? "more" : "wrong";
  const length = first.length + 2;
  if (length > 107) return "wrong";
  const words = first.split(" ");
  if (words[1] === "UNKNOWN") return `local ${length}`;
  if (words.length !== 6) return "wrong";
  const [, family, source, destination, ...ports] = words;
  const hosts = [source, destination];
  if (family !== "TCP4" && family !== "TCP6") return "wrong";
  if (!hosts.every((host) => family === "TCP4" ? isIPv4(host) : isIPv6(host))) return "wrong";
  if (hosts.some((host) => host.includes("%"))) return "wrong"; // node:net takes a zone
  if (!ports.every((port) => String(parseInt(port)) === port && +port >= 0 && +port < 65536)) {
    return "wrong";
  }
  const ends = hosts.map((host, i) => `${address(host)} ${ports[i]}`);
  return `${ends.join(" > ")} ${length} `;
}

function address(host: string): string {
  return isIPv4(host) ? host : new URL(`tcp://[${host}]`).host;
}

function binary(text: string, bytes: Uint8Array): string {
  if (text.length < 16) return "more";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = 16 + view.getUint16(14);
  const kind = view.getUint8(13).toString(16).padStart(2, "0");
  const what = view.getUint8(12);
  if (![0x20, 0x21].includes(what) || length > 4096) return "wrong";
  const isLocal = what === 0x20 || kind === "00";
  const sizes: Record<string, number> = { 11: 12, 21: 36, 31: 216 };
  if (!isLocal && !(length >= 16 + sizes[kind])) return "wrong";
  if (text.length < length) return "more";
  if (isLocal) return `local ${length}`;
  const types = values(text.slice(16 + sizes[kind], length), text.slice(0, length));
  if (types === null) return "wrong";
  const cut = (from: number, size: number) => text.slice(16 + from, 16 + from + size);
  const port = (from: number) => view.getUint16(16 + from);
  const ends = kind === "11"
    ? [`${v4(cut(0, 4))} ${port(8)}`, `${v4(cut(4, 4))} ${port(10)}`]
    : kind === "21"
    ? [`${v6(cut(0, 16))} ${port(32)}`, `${v6(cut(16, 16))} ${port(34)}`]
    : [cut(0, 108), cut(108, 108)].map((path) => `unix ${utf8(path.split("\0")[0])}`);
  return `${ends.join(" > ")} ${length} ${types}`;
}

function v4(raw: string): string {
  return raw.split("").map((c) => c.charCodeAt(0)).join(".");
}

function v6(raw: string): string {
  const hex = [...raw].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  return new URL(`tcp://[${hex.match(/..../g)!.join(":")}]`).host;
}

export function utf8(raw: string): string {
  return new TextDecoder().decode(Uint8Array.from(raw, (c) => c.charCodeAt(0)));
}

/** The types that were told, in their order; null if they are malformed. */
function values(text: string, header: string): string | null {
  const types: number[] = [];
  const parts = split(text);
  if (parts === null) return null;
  let at = header.length - text.length;
  for (const [type, value] of parts) {
    if (type === 3) {
      const zeroed = header.slice(0, at + 3) + "\0\0\0\0" + header.slice(at + 7);
      const told = [...value].reduce((sum, c) => sum * 256 + c.charCodeAt(0), 0);
      if (value.length !== 4 || bitwise(zeroed) !== told) return null;
    }
    if (type === 5 && value.length > 128) return null;
    if (type === 32 && !types.includes(32) && (value.length < 5 || !split(value.slice(5)))) {
      return null;
    }
    if (type !== 3 && type !== 4 && !types.includes(type)) types.push(type);
    at += 3 + value.length;
  }
  return types.join(",");
}

function split(text: string): [type: number, value: string][] | null {
  const parts: [number, string][] = [];
  while (text !== "") {
    const size = text.length < 3 ? Infinity : text.charCodeAt(1) * 256 + text.charCodeAt(2);
    if (3 + size > text.length) return null;
    parts.push([text.charCodeAt(0), text.slice(3, 3 + size)]);
    text = text.slice(3 + size);
  }
  return parts;
}

/** CRC-32C, a bit at a time. */
function bitwise(text: string): number {
  let crc = 0xffffffff;
  for (const c of text) {
    crc ^= c.charCodeAt(0);
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}
