/** Conformance on Bun. */
import { target } from "../tools/targets.ts";
import { defineAll, defineTable } from "./conformance.ts";

defineAll(await target("bun"));
defineTable();
