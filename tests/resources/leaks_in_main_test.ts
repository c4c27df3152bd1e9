/** The models whose connections are in the main process. */
import { leakTests } from "./leaks.ts";

await leakTests(["multiplex", "iterative"]);
