/** Which signals a server on the command line takes for orders, and which for one. */
import { assertEquals } from "@std/assert";
import { takeSignals } from "../../../src/cli/stop_signals.ts";
import { test } from "../../tools/unit.ts";

/** What comes of signals; `terminal` is whether the streams are one, `passTime` lets time pass. */
function taken() {
  const listeners = new Map<string, () => void>();
  const orders: (number | "reload")[] = [];
  const streams = { terminal: true };
  const waiting: (() => void)[] = [];
  takeSignals(
    {
      onSignal(signal, listener) {
        listeners.set(signal, listener);
        return () => {};
      },
      isTerminal: () => streams.terminal,
    },
    { stop: (code) => orders.push(code), reload: () => orders.push("reload") },
    (call) => void waiting.push(call),
  );
  const passTime = () => waiting.splice(0).forEach((call) => call());
  return { orders, streams, passTime, send: (signal: string) => listeners.get(signal)!() };
}

test("the same stop signal again at once is the same, and later another", () => {
  const { orders, passTime, send } = taken();
  for (let i = 0; i < 3; i++) send("SIGTERM");
  assertEquals(orders, [143]);
  passTime();
  for (let i = 0; i < 3; i++) send("SIGTERM");
  assertEquals(orders, [143, 143]);
});

test("another stop signal at once is another", () => {
  const { orders, send } = taken();
  for (const signal of ["SIGINT", "SIGTERM", "SIGINT"]) send(signal);
  assertEquals(orders, [130, 143]);
});

test("SIGHUP reloads each time, and stops once when the terminal is gone", () => {
  const { orders, streams, send } = taken();
  for (let i = 0; i < 2; i++) send("SIGHUP");
  assertEquals(orders, ["reload", "reload"]);
  streams.terminal = false;
  for (let i = 0; i < 2; i++) send("SIGHUP"); // the kernel's, and the shell's
  assertEquals(orders, ["reload", "reload", 129]);
});
