/** Conformance on Node. */
import { target } from "../tools/targets.ts";
import { defineAll, defineTable, defineTls } from "./conformance.ts";

const node = await target("node");
defineAll(node);
defineTls(node);
defineTable();
