import { limitsTests } from "./limits_cases.ts";
import { target } from "../tools/targets.ts";

limitsTests(await target("node"));
