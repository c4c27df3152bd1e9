/** What is refused when it is known what was passed on. */
import { assertThrows } from "@std/assert";
import { SystemError } from "../../../src/connection/errors.ts";
import { demandOwn } from "../../../src/server/demand_kernel.ts";
import { settle } from "../../../src/server/settings.ts";
import { test } from "../../tools/unit.ts";

test("a rate is refused on a Unix socket that was passed on, as on one that is named", () => {
  const settings = settle({ listen: ["fd:x"], minRate: 100 });
  const unix = { address: { transport: "unix", path: "/s" }, number: 0, descriptor: 3 } as const;
  const tcp = { ...unix, address: { transport: "tcp", hostname: "::1", port: 1 } } as const;
  demandOwn(settings, [tcp]);
  assertThrows(() => demandOwn(settings, [tcp, unix]), SystemError, "Unix socket");
});
