import { assert } from "@std/assert";
import { snapshot } from "../../../src/bench/process_tree.ts";
import { detect } from "../../../src/runtimes/detect.ts";
import { startCommand } from "../../../src/runtimes/workbench.ts";
import { until } from "../../tools/client.ts";

Deno.test("snapshot() counts what ended children used, and leaves others out", async () => {
  const runtime = await detect();
  const burn = "i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done";
  const command = startCommand(["sh", "-c", `sh -c '${burn}'; echo done; sleep 60; :`]);
  try {
    await until("the child has ended", () => command.stdout() === "done\n");
    const both = () => snapshot(command.pid, runtime.pid).pids.length === 2;
    await until("the shell and its sleep are there", both);
    const { pids, cpu, others } = snapshot(command.pid, runtime.pid);
    assert(cpu >= 20, `${cpu} ms of CPU time`);
    assert(!pids.some((pid) => others.has(pid)) && !others.has(runtime.pid));
  } finally {
    command.signal("SIGKILL");
    await command.ended;
  }
});
