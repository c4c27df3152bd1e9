import { resourcesTests } from "./resources_cases.ts";
import { target } from "../tools/targets.ts";

resourcesTests(await target("bun"));
