/** Conformance on Node, the newest and the oldest. */
import { target } from "../tools/targets.ts";
import { builtIn, define, defineAll, defineTable } from "./conformance.ts";

defineAll(await target("node"));

// Node 24 can open no C library: see the README's table.
const node24 = await target("node24");
define(node24, "multiplex", builtIn, "shared");
define(node24, "iterative", builtIn, "shared");
define(node24, "process", builtIn, "handed over");

defineTable();
