/**
 * Workers with many clients each share the listening sockets, and a board that
 * tells whose turn it is.
 * @module
 */
import { descriptorLimit } from "../posix/descriptors.ts";
import { Libc } from "../posix/libc.ts";
import { Board } from "../queue/board.ts";
import { SPARE_DESCRIPTORS } from "../serving/refusals.ts";
import { processScores, type Scores } from "../status/scores.ts";
import { processStarter } from "../workers/process_worker.ts";
import type { StartWorker } from "../workers/worker_handle.ts";
import type { EntranceOptions } from "./entrance.ts";
import { ListeningSockets } from "./listening_sockets.ts";
import { SharedEntrance } from "./shared_entrance.ts";

/** No limit; Infinity is no JSON. */
const MANY = 2 ** 31 - 1;

/** Shared listening sockets, and the board. */
export class QueueEntrance extends SharedEntrance {
  readonly #board: Board;

  /** Binds. */
  static override async bind(options: EntranceOptions): Promise<QueueEntrance> {
    const { runtime, places, settings, common } = options;
    const libc = new Libc(runtime);
    let board: Board | null = null;
    let scores: Scores | null = null;
    let listening: ListeningSockets | null = null;
    try {
      board = new Board(runtime);
      scores = processScores(runtime, settings.workers, "many");
      // An accept may block although it should not, see below: no longer than this.
      const queues = listening = await ListeningSockets.open(libc, runtime, places, settings, 1);
      const sockets = queues.shared;
      // Whoever is refused beyond the limit is accepted first.
      const most = settings.refuses ? MANY : settings.maxConnections;
      const { workerArgs, workers } = settings;
      const sharing = { board, most };
      const starter = processStarter({
        ...{ runtime, libc, sockets, common, workerArgs, sharing },
        scores: scores?.file,
      });
      const start: StartWorker = (number, listeners) => {
        const handle = starter(number, listeners);
        queues.setNonblocking();
        return handle;
      };
      const room = Math.max(1, descriptorLimit(libc) - SPARE_DESCRIPTORS) * workers;
      return new QueueEntrance(libc, queues, start, room, board, scores);
    } catch (error) {
      board?.close();
      scores?.close();
      listening?.release();
      libc.unload();
      throw error;
    }
  }

  constructor(
    libc: Libc,
    listening: ListeningSockets,
    start: StartWorker,
    room: number,
    board: Board,
    scores: Scores | null,
  ) {
    super(libc, listening, start, room, null, scores);
    this.#board = board;
  }

  override async release(): Promise<void> {
    this.#board.close();
    await super.release();
  }
}
