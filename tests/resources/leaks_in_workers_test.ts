/** The models whose connections are in workers. */
import { leakTests } from "./leaks.ts";

await leakTests(["thread", "process"]);
