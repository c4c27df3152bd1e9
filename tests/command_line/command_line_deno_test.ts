import { commandLineTests } from "./command_line_cases.ts";
import { target } from "../tools/targets.ts";

commandLineTests(await target("deno"));
