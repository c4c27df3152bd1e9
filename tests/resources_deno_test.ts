import { resourcesTests } from "./resources_cases.ts";
import { target } from "./targets.ts";

resourcesTests(await target("deno"));
