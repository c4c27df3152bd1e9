/**
 * Workers with many clients each share the listening socket, and a board that
 * tells whose turn it is.
 * @module
 */
import { descriptorLimit } from "../posix/descriptors.ts";
import { Libc } from "../posix/libc.ts";
import { Board } from "../queue/board.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { processStarter } from "../workers/process_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import type { EntranceOptions } from "./entrance.ts";
import { listen, SharedEntrance } from "./shared_entrance.ts";

/** No limit; Infinity is no JSON. */
const MANY = 2 ** 31 - 1;

/** A shared listening socket, and the board. */
export class QueueEntrance extends SharedEntrance {
  readonly #board: Board;

  /** Binds. */
  static override async bind(options: EntranceOptions): Promise<QueueEntrance> {
    const { runtime, settings, common } = options;
    const libc = new Libc(runtime);
    let board: Board | null = null;
    try {
      board = new Board(runtime);
      const listening = await listen(libc, options);
      // An accept may block although it should not, see below: no longer than this.
      libc.setTimeout(listening, "receive", 1);
      // Whoever is refused beyond the limit is accepted first.
      const most = settings.refuses ? MANY : settings.maxConnections;
      const { workerArgs, workers } = settings;
      const sharing = { board, most };
      const starter = processStarter({ runtime, libc, listening, common, workerArgs, sharing });
      const start: StartWorker = (number, listeners) => {
        const handle = starter(number, listeners);
        // Deno makes what it passes on block, for all who have it (2.9).
        libc.setNonblocking(listening);
        return handle;
      };
      const room = Math.max(1, descriptorLimit(libc) - SPARE_DESCRIPTORS) * workers;
      return new QueueEntrance(libc, listening, start, room, board);
    } catch (error) {
      board?.close();
      libc.unload();
      throw error;
    }
  }

  constructor(libc: Libc, listening: number, start: StartWorker, room: number, board: Board) {
    super(libc, listening, start, room);
    this.#board = board;
  }

  override async release(): Promise<void> {
    this.#board.close();
    await super.release();
  }
}
