/** Conformance on Bun. */
import { target } from "../tools/targets.ts";
import { defineAll, defineTable, defineTls } from "./conformance.ts";

const bun = await target("bun");
defineAll(bun);
defineTls(bun);
defineTable();
