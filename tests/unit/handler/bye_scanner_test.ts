/** Where the default handler stops. */
import { assert, assertEquals } from "@std/assert";
import { ByeScanner } from "../../../src/handler/bye_scanner.ts";

/** Bytes of which three of four can be part of `bye`, the same ones each time. */
function* texts(): Generator<string> {
  let state = 1;
  const random = () => (state = (state * 48271) % 2147483647) / 2147483647; // minstd
  for (let i = 0; i < 20_000; i++) {
    const length = Math.floor(random() * 40);
    yield Array.from({ length }, () => "byex"[Math.floor(random() * 4)]).join("");
  }
}

function findsTheFirst(scanner: () => ByeScanner): void {
  let found = 0;
  const memory = new Uint8Array(400);
  let n = 0;
  for (const random of texts()) {
    // In long messages it is looked for in another way than in short ones.
    const text = ++n % 2 ? random : "-".repeat(256 + n % 32) + random;
    const from = random.length % 8;
    const bytes = memory.subarray(from, from + text.length);
    new TextEncoder().encodeInto(text, bytes);
    const stop = scanner().find(bytes);
    assertEquals(stop, text.indexOf("bye"), text);
    if (stop >= 0) found++;
  }
  assert(found > 1000);
}

Deno.test("the first bye is found wherever it is, and wherever the bytes begin", () => {
  findsTheFirst(() => new ByeScanner());
});

/** How often WebAssembly is made for many long segments, where making it is `make`. */
async function timesMade(name: string, make: (module: WebAssembly.Module) => unknown) {
  const there = WebAssembly;
  let times = 0;
  const Instance = function (module: WebAssembly.Module) {
    times++;
    return make(module);
  };
  globalThis.WebAssembly = { ...there, Module: there.Module, Instance } as never;
  try {
    // Another copy of the module, which has not looked for it yet.
    const copy: typeof import("../../../src/handler/bye_scanner.ts") = await import(
      `../../../src/handler/bye_scanner.ts?${name}`
    );
    findsTheFirst(() => new copy.ByeScanner());
  } finally {
    globalThis.WebAssembly = there;
  }
  return times;
}

Deno.test("the WebAssembly is one that the runtime takes, and is made once", async () => {
  const { Instance } = WebAssembly;
  let taken = 0;
  const times = await timesMade("taken", (module) => {
    const instance = new Instance(module);
    taken++;
    return instance;
  });
  assertEquals([times, taken], [1, 1]);
});

Deno.test("where there can be no WebAssembly the bye is found, too, and it is tried once", async () => {
  const times = await timesMade("refused", () => {
    throw new RangeError("no address space, on purpose");
  });
  assertEquals(times, 1);
});

Deno.test("a bye is found in the first and in the last bytes of what is read at once", () => {
  for (const length of [255, 256, 257, 4096, 65535, 65536, 65537, 200_000]) {
    for (const at of [0, 1, 15, 16, 240, length >> 1, length - 4, length - 3]) {
      const bytes = new Uint8Array(length);
      bytes.set([0x62, 0x79, 0x65], at);
      assertEquals(new ByeScanner().find(bytes), at, `${at} of ${length}`);
      // Of the longer one before, nothing may be found beyond the end of this.
      assertEquals(new ByeScanner().find(bytes.subarray(0, at + 2)), -1, `${at + 2} of ${length}`);
    }
  }
});

Deno.test("a bye is found across segments, and all before it was echoed", () => {
  for (const text of texts()) {
    const scanner = new ByeScanner();
    const encoded = new TextEncoder().encode(text);
    let echoed = 0;
    let stopped = false;
    for (let at = 0; at < encoded.length && !stopped; at += 1 + (at * 7 + text.length) % 5) {
      const segment = encoded.subarray(at, at + 1 + (at * 7 + text.length) % 5);
      const stop = scanner.find(segment);
      stopped = stop >= 0;
      echoed = at + (stopped ? stop : segment.length);
    }
    const end = text.indexOf("bye");
    assertEquals(stopped, end >= 0, text);
    // What of it earlier segments have brought is echoed already.
    const whole = end >= 0 && echoed > end;
    assertEquals(echoed, end < 0 ? text.length : whole ? echoed : end, text);
    if (whole) assert(echoed - end <= 2, text);
  }
});
