/** What the options say of TLS, and a warning before a certificate ends. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { ServeOptions, TlsOptions } from "../../../mod.ts";
import type { UntimedEvent } from "../../../src/events.ts";
import { CertificateWatch, warning } from "../../../src/server/certificate_watch.ts";
import { settle } from "../../../src/server/settings.ts";
import { test } from "../../tools/unit.ts";

const PAIR = { cert: "cert.pem", key: "key.pem" };

/** What serve() says of these options. */
function mistake(options: ServeOptions): string {
  return assertThrows(() => settle(options), TypeError).message;
}

test("options of TLS that are wrong are told in one line, which shows no key", () => {
  const KEY = "-----BEGIN PRIVATE KEY-----";
  const mistakes: [unknown, string][] = [
    [{ key: "key.pem" }, "Cannot encrypt without cert: it is PEM text"],
    [{ cert: "cert.pem" }, "Cannot encrypt without key: it is PEM text"],
    [{ ...PAIR, cert: [] }, "Cannot encrypt without cert"],
    [{ ...PAIR, cert: ["a", "b"] }, "with 2 of cert and 1 of key"],
    [{ ...PAIR, key: 5 }, "Cannot encrypt with key 5: it must be a string or an array of strings"],
    [{ ...PAIR, key: ["MIGHAgEA\nMBMGByqGSM49"] }, "Cannot encrypt with this key: it is neither"],
    [{ ...PAIR, cart: "cert.pem" }, "there is no such option; did you mean cert?"],
    [{ ...PAIR, clientAuth: "require" }, "it is about clients' certificates, so give clientCa too"],
    [{ ...PAIR, crl: "crl.pem" }, "Cannot encrypt with crl: it is about clients' certificates"],
    [{ ...PAIR, clientCa: "ca", clientAuth: "ask" }, 'clientAuth "ask": it is require or request'],
    [{ ...PAIR, clientCa: "" }, "Cannot encrypt with this clientCa: it is neither PEM text"],
    [{ ...PAIR, minVersion: "TLSv1.1" }, 'minVersion "TLSv1.1": it is TLSv1.2 or TLSv1.3'],
    [{ ...PAIR, alpn: [] }, "Cannot encrypt with this alpn: it is names of protocols"],
    [{ ...PAIR, alpn: ["x".repeat(256)] }, "1 to 255 bytes each"],
    [{ ...PAIR, handshakeTimeout: 0 }, "handshakeTimeout 0: it is a whole number from 1 to"],
    [true, "Cannot serve with tls true: it must be an object"],
    [KEY, "it must be an object, and this is a string"],
  ];
  for (const [tls, line] of mistakes) {
    const said = mistake({ port: 0, tls: tls as TlsOptions });
    assert(said.includes(line) && !said.includes("\n"), said);
    assert(!/MIGH|MBMG/.test(said), said);
  }
  const listen = [{ at: "8443", tls: false as const }];
  assertEquals(
    mistake({ listen, tls: PAIR }),
    "Cannot serve with tls: each place has its own, or tls: false",
  );
});

test("each place is encrypted as all are, or in its own way, or not", () => {
  const own = { cert: ["a", "b"], key: ["c", "d"], clientCa: "ca", alpn: ["x"] };
  const listen = ["1", { at: "2", tls: own }, { at: "3", tls: false as const }];
  const [all, other, plain] = settle({ listen, tls: PAIR }).serving.tls;
  assertEquals(all, {
    certificates: [PAIR],
    ...{ clientCa: "", clientMust: false, crl: "" },
    ...{ alpn: [], min: "TLSv1.2", timeout: 5000 },
  });
  assertEquals([other?.certificates[1], other?.clientMust], [{ cert: "b", key: "d" }, true]);
  assertEquals([other?.alpn, plain], [["x"], null]);
});

const DAY = 24 * 3600 * 1000;

test("a certificate is warned of from 14 days before its end on", () => {
  const of = (days: number, names = ["x.example"]) =>
    warning({ names, serialNumber: "1A", notAfter: days * DAY }, 0);
  assertEquals(of(14.01), null);
  const line = (how: string, on: string) =>
    `the certificate for x.example ${how}, on ${on}: renew it, and reload (SIGHUP)`;
  assertEquals(of(14), line("ends in 14 days", "1970-01-15T00:00:00Z"));
  assertEquals(of(1.5), line("ends in 2 days", "1970-01-02T12:00:00Z"));
  assertEquals(of(0.5), line("ends within a day", "1970-01-01T12:00:00Z"));
  assertEquals(of(-0.5), line("has ended", "1969-12-31T12:00:00Z"));
  assertEquals(of(-2), line("has ended, 2 days ago", "1969-12-30T00:00:00Z"));
  assert(of(1, [])?.startsWith("the certificate with the serial number 1A ends"));
});

test("certificates are warned of at once, when there are others, and once a day until the end", () => {
  const told: string[] = [];
  const emit = (event: UntimedEvent) => {
    if (event.type === "warning") told.push(event.message.replace(/ ends.*/, ""));
  };
  const facts = { subject: "", subjectAltName: "", fingerprint256: "", notBefore: 0 };
  const runtime = {
    certificateFacts: (cert: string) => ({
      ...{ ...facts, names: [cert], serialNumber: cert },
      notAfter: Date.now() + (cert === "old" ? 3 : 300) * DAY,
    }),
  };
  const place = (...certs: string[]) => ({
    certificates: certs.map((cert) => ({ cert, key: "" })),
    ...{ clientCa: "", clientMust: false, crl: "", alpn: [], min: "TLSv1.2", timeout: 1 } as const,
  });
  const { setInterval, clearInterval } = globalThis;
  const timers = new Map<number, [() => void, number]>();
  globalThis.setInterval = ((call: () => void, ms: number) => {
    timers.set(7, [call, ms]);
    return 7;
  }) as never;
  globalThis.clearInterval = ((id: number) => void timers.delete(id)) as never;
  try {
    const watch = new CertificateWatch(emit);
    watch.show(runtime, [null]);
    assertEquals([watch.shown, timers.size], [[], 0]);
    watch.show(runtime, [place("new"), place("new", "old"), null]);
    assertEquals(watch.shown.map(({ names }) => names[0]), ["new", "old"]);
    assertEquals(told.splice(0), ["the certificate for old"]);
    const [[call, ms]] = timers.values();
    assertEquals(ms, DAY);
    call();
    assertEquals(told.splice(0), ["the certificate for old"]);
    watch.show(runtime, [place("new")]);
    call();
    assertEquals([told, timers.size], [[], 1]);
    watch.stop();
    assertEquals(timers.size, 0);
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
});
