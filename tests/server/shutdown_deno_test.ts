import { shutdownTests } from "./shutdown_cases.ts";
import { target } from "../tools/targets.ts";

shutdownTests(await target("deno"), ["iterative", "thread", "multiplex --workers"]);
