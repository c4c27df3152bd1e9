/**
 * How a crew is told of a shutdown: at once, or whoever has a client in its turn.
 * @module
 */
import { Spread, type Spreading } from "../serving/spread.ts";
import type { SupervisedWorker } from "./supervised_worker.ts";

/**
 * Tells each worker to leave when its connection has ended.
 * @param workers those that there are, as they are now
 * @param spreading null: all handlers are told at once, and nobody is ended here
 * @returns what goes on until the last has left
 */
export function shutDown(
  workers: () => ReadonlyMap<number, SupervisedWorker>,
  spreading: Spreading | null,
): Spread<number> | null {
  const later: number[] = [];
  for (const [number, worker] of workers()) {
    const waits = spreading !== null && worker.hasClient;
    if (waits) later.push(number);
    worker.handle.order(waits ? "leave" : "shutdown");
  }
  return spreading && new Spread(
    later,
    spreading,
    (number) => workers().get(number)?.handle.order("shutdown"),
    // Whose client has left by then leaves by itself, once its handler's module has stopped.
    (number) => {
      const worker = workers().get(number);
      if (worker?.hasClient) worker.handle.kill();
    },
  );
}
