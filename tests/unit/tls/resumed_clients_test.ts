/** Which clients are trusted whose session is resumed. */
import { assertEquals } from "@std/assert";
import { trustedClient } from "../../../src/tls/resumed_clients.ts";
import { test } from "../../tools/unit.ts";

const client = (fingerprint256: string, notAfter = Date.now() + 1000) => ({
  ...{ subject: "CN=one", subjectAltName: "", serialNumber: "1", fingerprint256, notAfter },
  ...{ authorized: true, authorizationError: null },
});
const error = (...args: Parameters<typeof trustedClient>) =>
  trustedClient(...args).authorizationError;

test("a client that resumes is trusted if all are still trusted who may have vouched for it", () => {
  const one = client("AA");
  assertEquals(error(one, true, ["x"]), "UNVERIFIED");
  assertEquals(error(one, false, ["x", "y"]), null);
  assertEquals(error(one, true, ["x", "y"]), null);
  assertEquals(error(one, true, ["x", "y", "z"]), null);
  assertEquals(error(one, true, ["x"]), "UNVERIFIED");
  assertEquals(error(one, true, ["z"]), "UNVERIFIED");
  assertEquals(error(client("BB"), true, ["x", "y"]), "UNVERIFIED");
  assertEquals(error(client("BB"), true, null), null);
});

test("nobody is trusted whose certificate has ended, or does not say when it ends", () => {
  assertEquals(error(client("CC", Date.now() - 1), false, ["x"]), "CERT_HAS_EXPIRED");
  assertEquals(error(client("CC", NaN), false, ["x"]), "CERT_HAS_EXPIRED");
  assertEquals(trustedClient(client("CC", NaN), false, ["x"]).authorized, false);
});

test("of many certificates the oldest are forgotten", () => {
  for (let i = 0; i <= 10_000; i++) trustedClient(client(`${i}`), false, ["x"]);
  assertEquals(error(client("0"), true, ["x"]), "UNVERIFIED");
  assertEquals(error(client("10000"), true, ["x"]), null);
});
