/**
 * `bench`: servers under the same load, one after the other, in rounds.
 * @module
 */
import { describeOptions } from "../cli/describe_options.ts";
import type { Runtime } from "../runtime.ts";
import { textFile } from "../runtimes/workbench.ts";
import { BENCH_OPTIONS } from "./bench_options.ts";
import { type BenchSettings, benchSettings } from "./bench_settings.ts";
import { benchJson } from "./json.ts";
import { machine } from "./machine.ts";
import { reportPage } from "./report.ts";
import { runAll } from "./rounds.ts";
import { summarize, summarizeBlocked, type Summary } from "./summary.ts";
import { blockedText, summaryText } from "./table.ts";

/** The help text. */
const BENCH_HELP = `Measure servers under the same load, and see which model suits your handler.

usage: trivet bench [OPTIONS]

Scenarios:
  message     clients send a message, wait until it is back, and send the next
              (a closed loop: a server that stalls is sent nothing meanwhile)
  stream      clients send as fast as the server takes it
  connect     clients connect, send one message, say bye, and come again
  idle        many clients that are silent: what do they cost?
  blocked     how long a client waits behind one that is silent, that computes,
              or that crashes (with a handler of its own)

Every server is started afresh for each run, in turns, and every byte that
comes back is checked. Options (the default is in brackets):
${describeOptions(BENCH_OPTIONS)}

Try it:
  trivet bench --seconds 2
  trivet bench --scenario blocked
  trivet bench --handler ./my_handler.ts --connections 1,10,50 --report bench.html
  trivet bench --models multiplex --peer 'mine=python3 my_server.py {port}'

Ctrl-C ends it and shows what was measured until then.

Exit codes: 0; 1 if a server returned a wrong byte, or none could be measured;
2 for a mistake in the command line; 130 after Ctrl-C.
`;

/** Runs until all is measured; returns the exit code. */
export async function benchCommand(runtime: Runtime, args: string[]): Promise<number> {
  const settings = benchSettings(runtime, args);
  if (settings.help) {
    await runtime.writeOut("stdout", BENCH_HELP);
    return 0;
  }
  const refusal = runtime.os === "linux"
    ? runtime.processRefusal() ?? runtime.libraryRefusal()
    : "its load generator needs epoll: run it on Linux";
  if (refusal !== null) throw new Error(`bench cannot measure here: ${refusal}`);
  // Now, and not when all is measured, it shows whether they can be written.
  const [writeJson, writeReport] = [settings.json, settings.report].map((path) =>
    path === null ? null : textFile(path)
  );

  const stopping = new AbortController();
  let code = 0;
  for (const [signal, number] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const) {
    runtime.onSignal(signal, () => {
      code ||= number;
      stopping.abort();
    });
  }
  const groups = await runAll(runtime, settings, stopping.signal);

  const about = machine(runtime);
  const command = commandLine(["bench", ...args]);
  const how = `${conditions(settings)}${stopping.signal.aborted ? "; stopped before its end" : ""}`;
  await runtime.writeOut("stdout", `${about}\n${command}\n${how}\n`);
  const summaries: Summary[] = [];
  let blockedRows: ReturnType<typeof summarizeBlocked> = [];
  for (const { scenario, connections, size, runs, blocked } of groups) {
    if (runs.size + blocked.size === 0) continue; // it was stopped before
    if (scenario === null) blockedRows = summarizeBlocked(blocked);
    else summaries.push(summarize(scenario, connections, size, runs));
    const text = scenario === null
      ? blockedText(blockedRows, settings.unusedByBlocked)
      : summaryText(summaries.at(-1)!);
    await runtime.writeOut("stdout", `\n${text}`);
  }
  const result = { about, command, conditions: how, summaries, blocked: blockedRows };
  const rows = [...summaries.flatMap(({ rows }) => rows), ...blockedRows];
  if (rows.length > 0) {
    writeJson?.(benchJson(result));
    writeReport?.(reportPage(result));
  }
  if (code !== 0) return code;
  const wrong = groups.some(({ runs }) =>
    [...runs.values()].flat().some((run) => "error" in run && run.wrongBytes)
  );
  return wrong || rows.every(({ error }) => error !== null) ? 1 : 0;
}

/** As a shell would take it again. */
function commandLine(words: readonly string[]): string {
  const quoted = words.map((word) =>
    /^[\w./:,=@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
  );
  return ["trivet", ...quoted].join(" ");
}

function conditions({ duration, rounds, scenarios }: BenchSettings): string {
  const times = rounds === 1 ? "1 round" : `the median of ${rounds} rounds`;
  const loaded = scenarios.some((name) => name !== "blocked");
  return `${times}${loaded ? `, ${duration / 1000} s each` : ""}; every byte checked`;
}
