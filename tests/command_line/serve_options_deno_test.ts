import { serveOptionsTests } from "./serve_options_cases.ts";
import { target } from "../tools/targets.ts";

serveOptionsTests(await target("deno"));
