import { commandLineTests } from "./command_line_cases.ts";
import { target } from "./targets.ts";

commandLineTests(await target("deno"));
