/**
 * What a server and all that it started use, from /proc: see proc(5).
 * @module
 */
import { listFolder, readText } from "../runtimes/workbench.ts";
import { processors } from "./machine.ts";

/** /proc counts in ticks of 10 ms, on every system that Trivet runs on. */
const TICK = 10;
/** Deno's, Bun's and Node's helper threads come and go: more are not worth a look each. */
const MANY_THREADS = 64;

/** A process as /proc/PID/stat shows it. */
interface Process {
  readonly parent: number;
  readonly threads: number;
  /** Ticks of itself, and of children that have ended and were waited for. */
  readonly own: number;
  readonly reaped: number;
}

/** What was used until now. */
export interface Snapshot {
  /** Milliseconds, to be compared with another's. */
  readonly time: number;
  /** The processes of the tree. */
  readonly pids: readonly number[];
  /** Their threads. */
  readonly threads: number;
  /** Milliseconds of CPU time of the tree, children that have ended included. */
  readonly cpu: number;
  /** Ticks of each process that belongs neither to the tree nor to the command. */
  readonly others: ReadonlyMap<number, number>;
  /** Milliseconds of the machine that are neither the tree's nor the command's. */
  readonly rest: number;
}

/**
 * The tree of a process and all below it, now.
 * @param command the PID of the command that measures, which is not one of the others
 */
export function snapshot(root: number, command: number): Snapshot {
  const time = performance.now();
  const processes = readProcesses();
  const pids = family(processes, root);
  const mine = new Set([...pids, command]);
  const others = new Map<number, number>();
  for (const [pid, { own, reaped }] of processes) {
    if (!mine.has(pid)) others.set(pid, own + reaped);
  }
  let [cpu, threads] = [0, 0];
  for (const pid of pids) {
    const process = processes.get(pid)!;
    threads += process.threads;
    cpu += process.reaped * TICK + precise(pid, process);
  }
  const self = processes.get(command);
  const ours = self ? precise(command, self) + self.reaped * TICK : 0;
  return { time, pids, threads, cpu, others, rest: busyTime() - cpu - ours };
}

/** Kilobytes of the tree, with what processes share divided among them (PSS). */
export function memory(root: number): number {
  let sum = 0;
  for (const pid of family(readProcesses(), root)) {
    const text = readText(`/proc/${pid}/smaps_rollup`) ?? "";
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return sum;
}

/**
 * The part of the machine's CPU time that others used between two snapshots.
 * There are two ways to see it, and each shows too much at times: the kernel's
 * own work belongs to no process, and a process that has ended shows no more.
 */
export function disturbance(before: Snapshot, after: Snapshot): number {
  let ticks = 0;
  for (const [pid, now] of after.others) ticks += Math.max(0, now - (before.others.get(pid) ?? 0));
  const used = Math.max(0, Math.min(ticks * TICK, after.rest - before.rest));
  return used / (after.time - before.time) / processors();
}

function readProcesses(): Map<number, Process> {
  const processes = new Map<number, Process>();
  for (const name of listFolder("/proc")) {
    const stat = /^\d+$/.test(name) ? readText(`/proc/${name}/stat`) : null;
    if (stat === null) continue; // it has ended meanwhile
    // A name may hold spaces and brackets; the fields begin after its last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
    const [parent, own, reaped, threads] = [
      fields[1],
      fields[11] + fields[12],
      fields[13] + fields[14],
      fields[17],
    ];
    processes.set(Number(name), { parent, own, reaped, threads });
  }
  return processes;
}

function family(processes: Map<number, Process>, root: number): number[] {
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of processes) {
    children.set(parent, [...children.get(parent) ?? [], pid]);
  }
  const found: number[] = [];
  const todo = [root];
  for (let pid; (pid = todo.pop()) !== undefined;) {
    if (!processes.has(pid)) continue;
    found.push(pid);
    todo.push(...children.get(pid) ?? []);
  }
  return found;
}

/**
 * Milliseconds of a process: in nanoseconds where its threads tell, because the
 * ticks of many short-lived ones add up to nothing.
 */
function precise(pid: number, { own, threads }: Process): number {
  if (threads > MANY_THREADS) return own * TICK;
  let nanoseconds = 0;
  try {
    for (const thread of listFolder(`/proc/${pid}/task`)) {
      const text = readText(`/proc/${pid}/task/${thread}/schedstat`);
      nanoseconds += Number(text?.split(" ")[0] ?? 0);
    }
  } catch {
    // It has ended meanwhile.
  }
  // Threads that have ended are in the ticks only.
  return Math.max(own * TICK, nanoseconds / 1e6);
}

/** Milliseconds that all processors together were busy. */
function busyTime(): number {
  const [user, nice, system, , , irq, softirq] = (readText("/proc/stat") ?? "")
    .split("\n")[0].split(/\s+/).slice(1).map(Number);
  return (user + nice + system + irq + softirq) * TICK;
}
