import { overloadTests } from "./overload_cases.ts";
import { target } from "./targets.ts";

overloadTests(await target("node"));
