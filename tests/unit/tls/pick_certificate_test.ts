/** Which certificate a client gets. */
import { assertEquals } from "@std/assert";
import { pickCertificate } from "../../../src/tls/pick_certificate.ts";
import { test } from "../../tools/unit.ts";

test("a name gets its own certificate, then a wildcard's, then the first", () => {
  const names = [["default.example"], ["*.b.example", "b.example"], ["x.b.example"], []];
  for (
    const [servername, number] of [
      [null, 0],
      ["default.example", 0],
      ["b.example", 1],
      ["B.Example", 1],
      ["b.example.", 1],
      ["any.b.example", 1],
      ["x.b.example", 2],
      ["y.x.b.example", 0], // a wildcard stands for one label
      ["other.example", 0],
      ["example", 0],
      ["*.b.example", 1],
      ["", 0],
    ] as const
  ) assertEquals(pickCertificate(servername, names), number, `${servername}`);
});
