import { overloadTests } from "./overload_cases.ts";
import { target } from "../tools/targets.ts";

overloadTests(await target("bun"));
