import { limitsTests } from "./limits_cases.ts";
import { target } from "./targets.ts";

limitsTests(await target("node"));
